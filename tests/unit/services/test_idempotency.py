"""Idempotency: a story is told once per id, and a failure is never kept."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.domain.claim import ClaimKey
from atp_grpc.domain.clock import ManualClock
from atp_grpc.domain.errors import AtpError, NoEligibleModelError, RequestIdReusedError
from atp_grpc.pb.atp.v1.route_service_pb2 import RouteRequest, RouteResponse
from atp_grpc.services.idempotency import Idempotency
from atp_grpc.shared.local import LocalClaims


class Story:
    """Counts how often it is told; fails as often as it is told to."""

    def __init__(self, failures: int = 0) -> None:
        self.told = 0
        self.failures = failures
        self.idempotency = Idempotency(
            LocalClaims(ManualClock(), ids_per_tenant=100, bytes_per_tenant=100_000), ttl_seconds=600.0
        )

    def tell(self) -> tuple[bytes, str]:
        self.told += 1
        if self.told <= self.failures:
            raise NoEligibleModelError([])
        name = f"d{self.told}"
        return RouteResponse(decision_id=name).SerializeToString(), name

    async def once(self, request: RouteRequest) -> RouteResponse:
        key = ClaimKey("acme", "Route", request.request_id)
        return RouteResponse.FromString(await self.idempotency.once(request, key, execute=self.tell))


async def test_without_an_id_every_call_is_told_anew() -> None:
    story = Story()
    answers = [await story.once(RouteRequest(prompt="a")) for _ in range(3)]
    assert [answer.decision_id for answer in answers] == ["d1", "d2", "d3"]


async def test_with_an_id_the_first_answer_is_had_again() -> None:
    story = Story()
    request = RouteRequest(prompt="a", request_id="r")
    assert await story.once(request) == await story.once(request) == RouteResponse(decision_id="d1")
    assert story.told == 1


@given(failures=st.integers(0, 5), callers=st.integers(1, 12))
async def test_failures_are_passed_on_and_never_stored(failures: int, callers: int) -> None:
    story = Story(failures)
    request = RouteRequest(prompt="a", request_id="r")
    answers = await asyncio.gather(*(story.once(request) for _ in range(callers)), return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, AtpError)]
    served = [answer for answer in answers if isinstance(answer, RouteResponse)]
    assert len(refused) == min(failures, callers)
    assert len(refused) + len(served) == callers
    assert len({answer.decision_id for answer in served}) <= 1
    assert story.told == min(failures + 1, callers)


async def test_another_message_under_the_same_id_is_refused() -> None:
    story = Story()
    await story.once(RouteRequest(prompt="a", request_id="r", labels={"x": "1", "y": "2"}))
    # The same message, put together in another order.
    await story.once(RouteRequest(labels={"y": "2", "x": "1"}, request_id="r", prompt="a"))
    with pytest.raises(RequestIdReusedError):
        await story.once(RouteRequest(prompt="b", request_id="r", labels={"x": "1", "y": "2"}))
    assert story.told == 1
