"""RouteService on the wire: decode, call the router, encode."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from atp_grpc.domain.call import Call
from atp_grpc.domain.errors import AtpError
from atp_grpc.domain.request import RouteRequest
from atp_grpc.pb.atp.v1 import route_service_pb2 as pb
from atp_grpc.routing.router import Routed, Router
from atp_grpc.services.convert.decisions import plan_response, route_response
from atp_grpc.services.convert.requests import route_request
from atp_grpc.services.idempotency import Idempotency
from atp_grpc.services.status import rpc_status
from atp_grpc.services.validation import Validation
from atp_grpc.shared.contract import ClaimKey

_Place = TypeVar("_Place", RouteRequest, Routed)

_METHOD = "atp.v1.RouteService/Route"
"""Route and RouteBatch share their request ids: an item that is retried alone gets its first answer."""


class RouteServicer:
    """Serves `atp.v1.RouteService`."""

    contract = pb.DESCRIPTOR.services_by_name["RouteService"]

    def __init__(
        self,
        *,
        router: Router,
        idempotency: Idempotency,
        validation: Validation,
        engine_name: Callable[[], str],
        on_routed: Callable[[Routed], None],
    ) -> None:
        """`on_routed` counts a new decision."""
        self._router = router
        self._idempotency = idempotency
        self._validation = validation
        self._engine_name = engine_name
        self._on_routed = on_routed

    async def route(self, request: pb.RouteRequest, call: Call) -> pb.RouteResponse:
        """Decides for one request."""
        return await self._once(request, call, lambda: self._answer(self._router.route(route_request(request), call)))

    async def route_batch(self, request: pb.RouteBatchRequest, call: Call) -> pb.RouteBatchResponse:
        """Decides for many requests on one snapshot with one engine crossing; an item with an id is claimed alone."""
        decoded = [self._decode(item) for item in request.requests]
        plain = [place for place, item in zip(decoded, request.requests, strict=True) if not item.request_id]
        routed = iter(self._router.route_many(plain, call))
        results = []
        for place, item in zip(decoded, request.requests, strict=True):
            try:
                if item.request_id:
                    answer = await self._claimed(place, item, call)
                else:
                    answer = self._answer(_raise_error(next(routed)))
                results.append(pb.RouteResult(response=answer))
            except AtpError as error:
                results.append(pb.RouteResult(error=rpc_status(error)))
        return pb.RouteBatchResponse(results=results)

    async def plan(self, request: pb.PlanRequest, call: Call) -> pb.PlanResponse:
        """Weighs a request without serving it."""
        return plan_response(self._router.plan(route_request(request.request)), engine=self._engine_name())

    def _decode(self, item: pb.RouteRequest) -> RouteRequest | AtpError:
        try:
            self._validation.validate(item)
            return route_request(item)
        except AtpError as error:
            return error

    async def _claimed(self, place: RouteRequest | AtpError, item: pb.RouteRequest, call: Call) -> pb.RouteResponse:
        request = _raise_error(place)
        return await self._once(item, call, lambda: self._answer(self._router.route(request, call)))

    async def _once(
        self, request: pb.RouteRequest, call: Call, execute: Callable[[], pb.RouteResponse]
    ) -> pb.RouteResponse:
        return await self._idempotency.once(
            request,
            ClaimKey(call.tenant, _METHOD, request.request_id),
            execute=execute,
            answer_type=pb.RouteResponse,
            tombstone=lambda answer: answer.decision_id,
        )

    def _answer(self, routed: Routed) -> pb.RouteResponse:
        self._on_routed(routed)
        return route_response(routed)


def _raise_error(place: _Place | AtpError) -> _Place:
    if isinstance(place, AtpError):
        raise place
    return place
