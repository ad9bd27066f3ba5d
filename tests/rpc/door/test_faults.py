"""Whatever a handler does, its caller gets a status at once, nothing of the fault's text, and the next call works."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import pytest

from atp_grpc.domain.call import Call
from atp_grpc.domain.errors import AtpError, DecisionNotFoundError, StoreUnavailableError
from atp_grpc.pb.atp.v1 import route_service_pb2
from tests.rpc.door.probe import AS_ACME, Door, answer, info_of, pushback_of, refused, status_of

SECRET = "postgres://user:hunter2@db/prompts"
HELLO = route_service_pb2.RouteRequest(prompt="hello")
SOON_SECONDS = 0.5
"""Measured under 5 ms; the bar only has to tell an answer from a hang on a busy machine."""

Behaviour = Callable[[Any, Call], Awaitable[Any]]


class PanicException(BaseException):
    """What PyO3 raises for a panic in Rust: not an Exception, so `except Exception` lets it through."""


class UnspeakableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError(SECRET)

    __repr__ = __str__


def raising(fault: BaseException) -> Behaviour:
    async def behave(request: Any, call: Call) -> Any:
        await asyncio.sleep(0)
        raise fault

    return behave


async def nothing(request: Any, call: Call) -> None:
    return None


async def another_message(request: Any, call: Call) -> route_service_pb2.PlanResponse:
    return route_service_pb2.PlanResponse()


async def a_cancelled_child(request: Any, call: Call) -> Any:
    child = asyncio.ensure_future(asyncio.sleep(60))
    asyncio.get_running_loop().call_soon(child.cancel)
    return await child


async def endless_depth(request: Any, call: Call) -> Any:
    return await endless_depth(request, call)


async def two_faults(request: Any, call: Call) -> Any:
    try:
        raise KeyError(SECRET)
    finally:
        raise PanicException(SECRET)


async def a_group_of_refusals(request: Any, call: Call) -> Any:
    raise ExceptionGroup(SECRET, [DecisionNotFoundError("d1"), ValueError(SECRET)])


FAULTS: dict[str, Behaviour] = {
    "exception": raising(KeyError(SECRET)),
    "unspeakable": raising(UnspeakableError()),
    "panic": raising(PanicException(SECRET)),
    "base": raising(BaseException(SECRET)),
    "generator exit": raising(GeneratorExit()),
    "leaked cancellation": raising(asyncio.CancelledError(SECRET)),
    "cancelled child": a_cancelled_child,
    "stop iteration": raising(StopAsyncIteration(SECRET)),
    "timeout": raising(TimeoutError(SECRET)),
    "memory": raising(MemoryError(SECRET)),
    "recursion": endless_depth,
    "none": nothing,
    "another message": another_message,
    "two faults": two_faults,
    "group": a_group_of_refusals,
    "refusal without a rule": raising(AtpError(SECRET)),
    "refusal with a number in its metadata": raising(AtpError(SECRET, metadata={"n": 1})),  # type: ignore[dict-item]
}


@pytest.mark.parametrize("behaviour", FAULTS.values(), ids=FAULTS)
async def test_a_fault_is_internal_with_an_incident_at_once_and_the_next_call_works(
    door: Door, behaviour: Behaviour
) -> None:
    door.probe.behaviour = behaviour
    started = time.perf_counter()

    error = await refused(door.route(HELLO, metadata=AS_ACME, timeout=30))

    assert time.perf_counter() - started < SOON_SECONDS
    assert error.code() is grpc.StatusCode.INTERNAL
    incident = info_of(error).metadata["incident"]
    assert error.details() == f"internal error; incident {incident}"
    assert pushback_of(error) == "-1"
    [logged] = door.lines("incident")
    assert logged["incident"] == incident
    assert logged["method"] == "atp.v1.RouteService/Route"
    assert any(word in place for word in ("behave", "test_faults", "edge", "wall") for place in logged["trace"])
    [line] = door.lines()
    assert (line["level"], line["code"], line["reason"], line["incident"]) == (
        "error",
        "INTERNAL",
        "INTERNAL",
        incident,
    )

    door.probe.behaviour = answer
    assert (await door.route(HELLO, metadata=AS_ACME)).decision_id == "d1"


@pytest.mark.parametrize("behaviour", FAULTS.values(), ids=FAULTS)
async def test_no_text_of_a_fault_reaches_the_caller_or_the_log(door: Door, behaviour: Behaviour) -> None:
    door.probe.behaviour = behaviour

    error = await refused(door.route(HELLO, metadata=AS_ACME, timeout=30))

    told = f"{error.details()} {status_of(error)} {error.trailing_metadata()} {error.debug_error_string()}"
    for word in ("hunter2", "Error", "Exception", "Traceback", "test_faults", ".py"):
        assert word not in told.replace("Error received from peer", "").replace("ErrorInfo", "")
    assert "hunter2" not in door.text()


@pytest.mark.parametrize("fault", [KeyboardInterrupt(), SystemExit(3)], ids=["interrupt", "exit"])
async def test_a_handler_that_wants_to_end_the_process_answers_its_call_first(door: Door, fault: BaseException) -> None:
    door.probe.behaviour = raising(fault)

    error = await refused(door.route(HELLO, metadata=AS_ACME, timeout=30))

    assert error.code() is grpc.StatusCode.INTERNAL
    assert door.exits == [fault]
    door.probe.behaviour = answer
    assert (await door.route(HELLO, metadata=AS_ACME)).decision_id == "d1"


async def test_a_refusal_raised_while_another_unwinds_is_the_one_that_is_answered(door: Door) -> None:
    async def refuse_twice(request: Any, call: Call) -> Any:
        try:
            raise StoreUnavailableError(0.2)
        finally:
            raise DecisionNotFoundError("d1")

    door.probe.behaviour = refuse_twice

    error = await refused(door.route(HELLO, metadata=AS_ACME, timeout=30))

    assert error.code() is grpc.StatusCode.NOT_FOUND
    assert len(door.lines()) == 1


async def test_a_hundred_faults_at_once_leave_a_hundred_incidents_and_no_open_call(door: Door) -> None:
    door.probe.behaviour = raising(PanicException(SECRET))

    errors = await asyncio.gather(*(refused(door.route(HELLO, metadata=AS_ACME, timeout=30)) for _ in range(100)))

    assert len({info_of(error).metadata["incident"] for error in errors}) == 100
    assert len(door.lines("incident")) == 100
    assert door.traffic.open_calls == 0
    assert b"atp_incidents_total 100.0" in _scrape(door)


async def test_a_broken_call_log_changes_no_answer(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(line: str) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr(door.logs.writer, "write", broken)

    assert (await door.route(HELLO, metadata=AS_ACME)).decision_id == "d1"
    door.probe.behaviour = raising(DecisionNotFoundError("d1"))
    assert (await refused(door.route(HELLO, metadata=AS_ACME))).code() is grpc.StatusCode.NOT_FOUND


def _scrape(door: Door) -> bytes:
    from prometheus_client import generate_latest

    return generate_latest(door.metrics.registry)
