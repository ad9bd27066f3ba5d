"""A story of Ask that a test writes: events one by one, with waits, faults and a record of how it ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field

from atp_grpc.domain.ask import (
    AskEvent,
    AskRequest,
    Audience,
    Billed,
    Decided,
    Delta,
    Final,
    FinishReason,
    Latency,
    Spent,
)
from atp_grpc.domain.call import Call
from atp_grpc.domain.decision import Target
from atp_grpc.domain.outcome import Attempt, Usage
from atp_grpc.pb.atp.v1 import route_service_pb2

SWIFT = Target("swift", "swift@acme", "acme")
DEEP = Target("deep", "deep@umbra", "umbra")
DECIDED = Decided(
    route_service_pb2.RouteResponse(decision_id="d-1", propensity=0.5).SerializeToString(), "d-1", SWIFT, 9
)
USAGE = Usage(10, None, 3, None)
FINAL = Final(
    target=SWIFT,
    finish_reason=FinishReason.STOP,
    usage=USAGE,
    attempts=(Billed(Attempt("swift", "swift@acme", None, USAGE, 70, 0.25), SWIFT, is_estimated=False),),
    cost_nano_usd=70,
    estimated_cost_nano_usd=50,
    is_estimated=False,
    latency=Latency(0.001, 0.002, 0.125, 0.25),
    revision="swift-2026-01",
    confidence=0.5,
)


def text(value: str, total: int) -> Delta:
    return Delta(text=value, total_characters=total)


PLAIN = (DECIDED, text("Hel", 3), text("lo", 5), Spent(USAGE, 70, is_estimated=False), FINAL)


class Whole:
    """The answer is whole: only its bill is missing."""


WHOLE = Whole()
Step = AskEvent | asyncio.Event | Exception | Whole


@dataclass
class Script:
    """Tells its steps: an event is told, an `asyncio.Event` waited for, an exception raised."""

    steps: tuple[Step, ...] = PLAIN
    told: int = 0
    """Stories begun."""
    open: int = 0
    """Stories under way; zero in the end, whatever happened."""
    pulled: int = 0
    """Events that somebody asked for."""
    ends: list[str] = field(default_factory=list)
    on_begin: Callable[[], object] = lambda: None
    requests: list[AskRequest] = field(default_factory=list)
    queued: list[float] = field(default_factory=list)

    audiences: list[Audience] = field(default_factory=list)

    async def answer(
        self, request: AskRequest, _: Call, queue_seconds: float, audience: Audience
    ) -> AsyncGenerator[AskEvent, None]:
        self.requests.append(request)
        self.queued.append(queue_seconds)
        async for event in self.tell(audience):
            yield event

    async def tell(self, audience: Audience) -> AsyncGenerator[AskEvent, None]:
        self.on_begin()
        self.audiences.append(audience)
        self.told += 1
        self.open += 1
        end = "closed"
        try:
            for step in self.steps:
                if isinstance(step, asyncio.Event):
                    await step.wait()
                elif isinstance(step, Whole):
                    audience.has_answer = True
                elif isinstance(step, Exception):
                    end = "raised"
                    raise step
                else:
                    self.pulled += 1
                    yield step
            end = "done"
        except asyncio.CancelledError:
            end = "cancelled"
            raise
        finally:
            self.open -= 1
            self.ends.append(end)


async def until(is_true: Callable[[], object]) -> None:
    """Lets the loop turn until something holds."""
    for _ in range(10_000):
        if is_true():
            return
        await asyncio.sleep(0)
    raise AssertionError("waited in vain")
