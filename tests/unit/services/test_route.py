"""RouteService: what it takes as bytes, and that it keeps a promise made under an id however the request comes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from atp_grpc.domain.clock import ManualClock
from atp_grpc.domain.request import Routable
from atp_grpc.pb.atp.v1 import route_service_pb2 as pb
from atp_grpc.routing.rollout import Policies
from atp_grpc.services.idempotency import Idempotency
from atp_grpc.services.route import RouteServicer
from atp_grpc.services.validation import Validation
from atp_grpc.services.wire.reference import ReferenceReader, ReferenceWriter
from atp_grpc.shared.local import LocalClaims
from atp_grpc.store.decision_codec import decode_decision
from tests.unit.routing.desk import CALL, Desk, three_models


async def at_once(tenant: str, requests: Iterable[Routable]) -> None:
    """Nobody has a budget."""


def servicer(desk: Desk, prepare: Callable[[str, Iterable[Routable]], Awaitable[None]] = at_once) -> RouteServicer:
    claims = LocalClaims(ManualClock(), ids_per_tenant=100, bytes_per_tenant=100_000)
    return RouteServicer(
        policies=Policies(desk.router, next_seed=lambda: 0),
        reader=ReferenceReader(Validation()),
        writer=ReferenceWriter(decode_decision),
        idempotency=Idempotency(claims, ttl_seconds=600.0),
        prepare=prepare,
        on_routed=lambda _: None,
    )


def test_route_and_batch_are_marked_as_taking_bytes_and_plan_is_not() -> None:
    routes = servicer(Desk(three_models()))
    assert [getattr(method, "takes_bytes", False) for method in (routes.route, routes.route_batch, routes.plan)] == [
        True,
        True,
        False,
    ]


async def test_bytes_and_messages_under_one_id_get_one_decision() -> None:
    desk = Desk(three_models())
    routes = servicer(desk)
    message = pb.RouteRequest(prompt="What is 2 + 2?", request_id="r", labels={"x": "1", "y": "2"})
    first = await routes.route(message.SerializeToString(), CALL)
    assert await routes.route_one(message, CALL) == first
    # The same request, its fields in another order.
    parts = [pb.RouteRequest(labels={"y": "2"}), pb.RouteRequest(labels={"x": "1"}), pb.RouteRequest(request_id="r")]
    turned = b"".join(part.SerializeToString() for part in (*parts, pb.RouteRequest(prompt="What is 2 + 2?")))
    assert await routes.route_one(turned, CALL) == first
    batch = await routes.route_batch(pb.RouteBatchRequest(requests=[message]).SerializeToString(), CALL)
    assert pb.RouteBatchResponse.FromString(batch).results[0].response == pb.RouteResponse.FromString(first)
    assert len(desk.recorded) == 1


async def test_money_is_prepared_for_every_call_of_a_batch_before_anybody_decides() -> None:
    desk, prepared = Desk(three_models()), list[tuple[str, int, int]]()

    async def prepare(tenant: str, requests: Iterable[Routable]) -> None:
        prepared.append((tenant, len(list(requests)), len(desk.recorded)))

    routes = servicer(desk, prepare)
    message = pb.RouteRequest(prompt="What is 2 + 2?")
    await routes.route(message.SerializeToString(), CALL)
    await routes.route_batch(pb.RouteBatchRequest(requests=[message] * 3).SerializeToString(), CALL)
    assert prepared == [("acme", 1, 0), ("acme", 3, 1)]
    assert len(desk.recorded) == 4
    # A plan is weighed against what could be had, and what cannot be read needs nothing.
    await routes.plan(pb.PlanRequest(request=message), CALL)
    unreadable = pb.RouteRequest(prompt="What is 2 + 2?", min_revision=-1)
    await routes.route_batch(pb.RouteBatchRequest(requests=[message, unreadable]).SerializeToString(), CALL)
    assert prepared[2:] == [("acme", 1, 4), ("acme", 1, 4)]
