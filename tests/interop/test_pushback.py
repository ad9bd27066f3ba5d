"""Every refusal, met by gRPC's own retries in Python and in Go with the shipped service config (E14).

The door is real and so are both clients. Behind the door a servicer raises whatever row of the error table a call
names, so a new reason is tested from the day it has a row.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from atp_grpc.domain.call import Call
from atp_grpc.domain.errors import AtpError, FieldViolation, PreconditionViolation
from atp_grpc.domain.errors.error import Resource
from atp_grpc.pb.atp.v1.route_service_pb2 import RouteRequest
from atp_grpc.services.status import MIN_PUSHBACK_MS, TABLE, Code, Retry
from tests.faults.battery import report
from tests.interop.built import need
from tests.interop.callers import Asked, Caller, Ended, go_caller, python_caller
from tests.rpc.door.probe import Door, open_door
from tests.rpc.waiting import eventually

LANGUAGES = ("python", "go")
TENANTS = ("Bearer atp_acme", "Bearer atp_globex")
ATTEMPTS = 4
"""What the shipped service config allows in all."""
DEADLINE_SECONDS = 10.0
WAITS: dict[Retry, tuple[float | None, ...]] = {
    Retry.SOON: (None, 0.0, 0.1),
    Retry.LATER: (0.05, 600.0),
    Retry.NEVER: (None,),
    Retry.UNSAID: (None,),
}


@dataclass(frozen=True)
class Refusal:
    """A row of the error table, with the wait that the server asks for."""

    reason: str
    wait_seconds: float | None

    @property
    def attempts(self) -> int:
        """How often a client with the shipped service config may knock."""
        rule = TABLE[self.reason]
        return ATTEMPTS if rule.code is Code.UNAVAILABLE and rule.retry is Retry.SOON else 1

    @property
    def pushback_ms(self) -> int | None:
        """What the server says in the trailers."""
        retry = TABLE[self.reason].retry
        if retry is Retry.UNSAID:
            return None
        return self.retry_ms if retry is Retry.SOON else -1

    @property
    def retry_ms(self) -> int:
        return 50 if self.wait_seconds is None else max(MIN_PUSHBACK_MS, int(self.wait_seconds * 1_000))

    def error(self) -> AtpError:
        kind = type("ScriptedError", (AtpError,), {"reason": self.reason})
        scripted: AtpError = kind(
            f"refused: {self.reason}",
            metadata={"reason": self.reason},
            violations=[FieldViolation("prompt", "never")],
            preconditions=[PreconditionViolation("TYPE", "subject", "sentence")],
            resource=Resource("model", "ghost"),
            retry_after_seconds=self.wait_seconds,
        )
        return scripted


MATRIX = [Refusal(reason, wait) for reason, rule in TABLE.items() for wait in WAITS[rule.retry]]


@dataclass
class Refuser:
    """Refuses every Route with the row that its prompt counts to, and remembers when it was asked, and as which try."""

    tries: list[tuple[float, int]] = field(default_factory=list)

    async def refuse(self, request: Any, call: Call) -> Any:
        self.tries.append((time.monotonic(), call.attempt))
        raise MATRIX[int(request.prompt)].error()


@pytest.fixture(params=LANGUAGES)
async def caller(request: pytest.FixtureRequest) -> AsyncIterator[Caller]:
    async with AsyncExitStack() as stack:
        if request.param == "python":
            yield await stack.enter_async_context(python_caller())
        else:
            yield await stack.enter_async_context(go_caller(*need("go-caller")))


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async with open_door() as opened:
        yield opened


def asked(door: Door, refusal: Refusal, *, channel: str, tenant: str = TENANTS[0], **changes: Any) -> Asked:
    call = Asked(
        target=f"127.0.0.1:{door.port}",
        payload=RouteRequest(prompt=str(MATRIX.index(refusal))).SerializeToString(),
        channel=channel,
        metadata={"authorization": tenant},
        seconds=DEADLINE_SECONDS,
    )
    return replace(call, **changes)


def complaints(refusal: Refusal, ended: Ended, tries: list[tuple[float, int]]) -> list[str]:
    """What is wrong about one refused call: its status, its details, how often and how soon it was tried."""
    rule = TABLE[refusal.reason]
    wants_retry = rule.retry in {Retry.SOON, Retry.LATER}
    expected = {
        "code": rule.code.name,
        "reason": refusal.reason,
        "domain": "atp.dev",
        "metadata": {"reason": refusal.reason},
        "pushback": () if refusal.pushback_ms is None else (str(refusal.pushback_ms),),
        "retry_after_seconds": refusal.retry_ms / 1_000 if wants_retry else None,
    }
    wrong = [f"{name}: {getattr(ended, name)}" for name, value in expected.items() if getattr(ended, name) != value]
    # Go puts words of its own before the server's when it has tried more than once.
    if not ended.message.endswith(f"refused: {refusal.reason}"):
        wrong.append(f"message: {ended.message}")
    if [attempt for _, attempt in tries] != [*range(refusal.attempts)]:
        wrong.append(f"attempts: {[attempt for _, attempt in tries]}")
    # Clients wait at least as long as they are told; a millisecond is lost to rounding.
    gaps = [later - earlier for (earlier, _), (later, _) in itertools.pairwise(tries)]
    if any(gap < refusal.retry_ms / 1_000 - 0.001 for gap in gaps):
        wrong.append(f"too soon: {gaps}")
    if ended.took_seconds >= DEADLINE_SECONDS:
        wrong.append(f"hung: {ended.took_seconds:.1f} s")
    return [f"{refusal.reason} after {refusal.wait_seconds}: {complaint}" for complaint in wrong]


async def walk(
    door: Door, caller: Caller, refusals: Sequence[Refusal] = MATRIX, rounds: int = 1
) -> tuple[list[str], list[Ended]]:
    """Meets the refusals, each on a connection of its own: a shared one would run out of its retry budget."""
    refuser = Refuser()
    door.probe.behaviour = refuser.refuse
    wrong: list[str] = []
    seen: list[Ended] = []
    for round_number, refusal in itertools.product(range(rounds), refusals):
        refuser.tries.clear()
        channel = f"{round_number}/{refusal.reason}/{refusal.wait_seconds}"
        ended = await caller.call(asked(door, refusal, channel=channel))
        wrong += complaints(refusal, ended, refuser.tries)
        seen.append(ended)
    return wrong, seen


async def test_no_refusal_hangs_a_client_or_is_retried_wrongly(door: Door, caller: Caller) -> None:
    wrong, seen = await walk(door, caller)

    report(f"E14 {caller.language}", n=len(seen), figure=wrong, bar=[], passed=not wrong)
    assert wrong == []


@pytest.mark.slow
async def test_no_refusal_of_many_hangs_a_client_or_is_retried_wrongly(door: Door, caller: Caller) -> None:
    wrong, seen = await walk(door, caller, rounds=20)

    report(f"E14 {caller.language}", n=len(seen), figure=wrong, bar=[], passed=not wrong)
    assert wrong == []


async def test_a_client_in_go_sees_what_a_client_in_python_sees(door: Door) -> None:
    brief = [refusal for refusal in MATRIX if refusal.wait_seconds != 0.1]
    async with python_caller() as python, go_caller(*need("go-caller")) as go:
        _, of_python = await walk(door, python, brief)
        _, of_go = await walk(door, go, brief)

    assert of_go == of_python
    assert {detail for ended in of_go for detail in ended.details} >= {
        "ErrorInfo", "RetryInfo", "BadRequest", "PreconditionFailure", "ResourceInfo", "QuotaFailure"
    }  # fmt: skip


async def test_the_retry_budget_ends_the_retries_when_everything_fails(door: Door, caller: Caller) -> None:
    refuser = Refuser()
    door.probe.behaviour = refuser.refuse
    failing = Refusal("STORE_UNAVAILABLE", 0.0)
    calls = 60
    for _ in range(calls):
        assert (await caller.call(asked(door, failing, channel="shared"))).reason == failing.reason

    # A hundred tokens, one for each failed attempt, no retry at fifty and below: 37 retries, where 180 were possible.
    assert len(refuser.tries) - calls in range(30, 41)


async def test_a_wait_beyond_the_deadline_shows_the_refusal_and_is_not_begun(door: Door, caller: Caller) -> None:
    """A client that began to wait would end with a deadline exceeded, and nobody would hear why."""
    refuser = Refuser()
    door.probe.behaviour = refuser.refuse
    away = Refusal("OVERLOADED", 5.0)
    MATRIX.append(away)
    try:
        ended = await caller.call(asked(door, away, channel="short", seconds=3.0))
    finally:
        MATRIX.remove(away)

    assert (ended.code, ended.reason, ended.pushback) == ("UNAVAILABLE", "OVERLOADED", ("-1",))
    assert ended.retry_after_seconds == 5.0
    assert ended.took_seconds < 3.0
    assert len(refuser.tries) == 1


async def test_a_server_that_says_it_is_not_serving_gets_no_call(door: Door, caller: Caller) -> None:
    refuser = Refuser()
    door.probe.behaviour = refuser.refuse
    forbidden = Refusal("OUTCOME_CONFLICT", None)
    assert (await caller.call(asked(door, forbidden, channel="watching"))).reason == forbidden.reason
    door.server.health.leave_service()

    async def call() -> Ended:
        return await caller.call(asked(door, forbidden, channel="watching", seconds=1.0))

    ended = await eventually(call, is_it=lambda ended: not ended.reason)
    seen = len(refuser.tries)
    again = await call()

    # The watch told the client, which ends the call by itself.
    assert (ended.code, again.code) == ("UNAVAILABLE", "UNAVAILABLE")
    assert len(refuser.tries) == seen
