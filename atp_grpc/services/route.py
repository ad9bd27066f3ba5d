"""RouteService on the wire: read, call the policies, write.

Route and RouteBatch take bytes and give bytes; no message is made on the way unless a request has an id.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence

from atp_grpc.domain.call import Call
from atp_grpc.domain.claim import ClaimKey
from atp_grpc.domain.errors import AtpError
from atp_grpc.domain.request import Routable
from atp_grpc.pb.atp.v1 import route_service_pb2 as pb
from atp_grpc.routing.rollout import Policies
from atp_grpc.routing.scribe.contract import Routed
from atp_grpc.services.convert.decisions import plan_response
from atp_grpc.services.convert.requests import route_request
from atp_grpc.services.idempotency import Idempotency
from atp_grpc.services.raw import takes_bytes
from atp_grpc.services.wire.contract import Reader, Writer

_METHOD = "atp.v1.RouteService/Route"
"""Route and RouteBatch share their request ids: an item that is retried alone gets its first answer."""


class RouteServicer:
    """Serves `atp.v1.RouteService`."""

    contract = pb.DESCRIPTOR.services_by_name["RouteService"]

    def __init__(
        self,
        *,
        policies: Policies,
        reader: Reader,
        writer: Writer,
        idempotency: Idempotency,
        prepare: Callable[[str, Iterable[Routable]], Awaitable[None]],
        on_routed: Callable[[Routed], None],
    ) -> None:
        """`prepare` sees that what is left of a tenant's budget is at hand; `on_routed` counts a new decision."""
        self._prepare = prepare
        self._policies = policies
        self._reader = reader
        self._writer = writer
        self._idempotency = idempotency
        self._on_routed = on_routed

    @takes_bytes
    async def route(self, payload: bytes, call: Call) -> bytes:
        """Decides for one request."""
        request = self._reader.read(payload)
        await self._prepare(call.tenant, (request,))
        if request.request_id:
            return await self._once(request, pb.RouteRequest.FromString(payload), call)
        routed = self._policies.route(request, call)
        self._on_routed(routed)
        return self._writer.response(routed)

    async def route_one(self, request: bytes | pb.RouteRequest, call: Call) -> bytes:
        """Decides for one request that did not come as a call of its own; for the stream."""
        return await self.route(request if isinstance(request, bytes) else request.SerializeToString(), call)

    @takes_bytes
    async def route_batch(self, payload: bytes, call: Call) -> bytes:
        """Decides for many requests on one snapshot with one engine crossing; an item with an id is claimed alone."""
        read = self._reader.read_batch(payload)
        await self._prepare(call.tenant, [place for place in read if not isinstance(place, AtpError)])
        if not any(isinstance(place, AtpError) or place.request_id for place in read):
            return self._batch(self._counted(self._policies.route_many(read, call)), call)
        messages = pb.RouteBatchRequest.FromString(payload).requests
        plain = [place for place in read if isinstance(place, AtpError) or not place.request_id]
        routed = iter(self._counted(self._policies.route_many(plain, call)))
        results: list[Routed | bytes | AtpError] = []
        # Their span tells of the batch.
        item = call._replace(is_traced=False)
        for place, message in zip(read, messages, strict=True):
            if isinstance(place, AtpError) or not place.request_id:
                results.append(next(routed))
                continue
            try:
                results.append(await self._once(place, message, item))
            except AtpError as error:
                results.append(error.kept())
        return self._batch(results, call)

    async def plan(self, request: pb.PlanRequest, call: Call) -> pb.PlanResponse:
        """Weighs a request without serving it."""
        asked = route_request(request.request)
        await self._prepare(call.tenant, (asked,))
        return plan_response(self._policies.plan(asked, call, needs_endpoint=request.for_ask))

    async def _once(self, request: Routable, message: pb.RouteRequest, call: Call) -> bytes:
        def execute() -> tuple[bytes, str]:
            routed = self._policies.route(request, call)
            self._on_routed(routed)
            return self._writer.response(routed), routed.decision_id

        return await self._idempotency.once(
            message, ClaimKey(call.tenant, _METHOD, request.request_id), execute=execute
        )

    def _batch(self, results: Sequence[Routed | bytes | AtpError], call: Call) -> bytes:
        call.note(items=len(results), failed_items=sum([isinstance(result, AtpError) for result in results]))
        return self._writer.batch(results, trace_id=call.trace_id)

    def _counted(self, results: list[Routed | AtpError]) -> list[Routed | AtpError]:
        for routed in results:
            if not isinstance(routed, AtpError):
                self._on_routed(routed)
        return results
