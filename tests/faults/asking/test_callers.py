"""What callers do: they come with little time, leave in the middle, ask twice. The provider hears of it at once.

Each Ask that is given up ends its call upstream, gives its place and its money back, and is billed for what came.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import itertools
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from atp_grpc.client import AtpCallError, AtpClient
from atp_grpc.config import ServerSettings
from atp_grpc.mock_provider import Fault, Script
from atp_grpc.mock_provider.calls import Ended
from tests.faults.asking.ledger import bills
from tests.faults.asking.world import SHARED, Told, World, asked, asked_of, question, world
from tests.faults.battery import report
from tests.rpc.serving import ACME

PATIENT = {"first_token": 30.0, "between_chunks": 30.0, "total": 60.0}
CALLS = 60
DEADLINE_SECONDS, DEADLINES = 0.3, 20
HEARD_SECONDS = 0.1
DUPLICATES, AT_ONCE = 100, 240


@asynccontextmanager
async def patient(tmp_path: Path, **more: object) -> AsyncIterator[World]:
    """A world whose providers may take their time."""
    async with world(tmp_path, shape={**PATIENT, **more}) as at:
        await asked(at, streamed=True)
        at.mock.reset_calls()
        yield at


@pytest.mark.alone
async def test_a_callers_deadline_ends_the_call_upstream_in_time(tmp_path: Path) -> None:
    waits = (Script(fault=Fault.SILENT), Script(fault=Fault.STALL, after_tokens=3))
    late, statuses = list[float](), collections.Counter[str]()
    async with patient(tmp_path) as at:
        for number, script in enumerate(itertools.islice(itertools.cycle(waits), DEADLINES)):
            at.strike(script)
            began = time.monotonic()
            told = await asked(at, streamed=number % 4 < 2, deadline_seconds=DEADLINE_SECONDS)
            await at.at_rest()
            (call,) = at.mock.calls
            assert call.ended is Ended.CANCELLED
            assert call.ended_at is not None
            late.append(call.ended_at - began)
            statuses[told.status] += 1

    in_time = sum(seconds <= DEADLINE_SECONDS for seconds in late)
    figure = {"in_time": in_time, "most_seconds": round(max(late), 3), **statuses}
    passed = in_time == len(late) and statuses == {"DEADLINE_EXCEEDED": len(late)}
    report("C8", n=len(late), figure=figure, bar={"in_time": len(late), "seconds": DEADLINE_SECONDS}, passed=passed)
    assert passed, figure


@pytest.mark.alone
async def test_a_caller_who_leaves_is_heard_of_upstream_within_a_tenth_of_a_second(tmp_path: Path) -> None:
    heard = list[float]()
    scripts = (
        Script(fault=Fault.SILENT),
        Script(fault=Fault.STALL, after_tokens=4),
        Script(fault=Fault.ENDLESS, token_seconds=0.002),
    )
    async with patient(tmp_path, most_output=100_000) as at:
        for number in range(CALLS):
            script = scripts[number % len(scripts)]
            at.strike(script)
            task = asyncio.create_task(asked(at, streamed=number % 2 == 0, on_cut="ON_CUT_FAIL"))
            await at.mock.until(lambda: len(at.mock.calls) == 1)
            if script.fault is not Fault.SILENT and number % 2 == 0:
                await at.mock.until(lambda: at.mock.calls[0].sent_tokens >= 4)
            left = time.monotonic()
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            await at.at_rest()
            (call,) = at.mock.calls
            assert call.ended is Ended.CANCELLED
            assert call.ended_at is not None
            heard.append(call.ended_at - left)
        after = await asked_plainly(at)

    figure = {"p50_ms": round(1000 * statistics.median(heard), 1), "max_ms": round(1000 * max(heard), 1)}
    passed = max(heard) <= HEARD_SECONDS
    report("client_cancel", n=CALLS, figure=figure, bar={"max_ms": 100}, passed=passed)
    assert passed, figure
    assert after == "OK"


async def asked_plainly(at: World) -> str:
    at.strike(Script())
    told = await asked(at, streamed=True)
    await at.at_rest()
    return told.status


@pytest.mark.parametrize(
    ("ids", "each"),
    [(12, 20), pytest.param(1_000, DUPLICATES, marks=[pytest.mark.slow, pytest.mark.timeout(1200)])],
)
async def test_duplicates_of_one_id_share_one_call_upstream_one_answer_and_one_charge(
    tmp_path: Path, ids: int, each: int
) -> None:
    answers = collections.defaultdict[str, set[tuple[str, str, bytes]]](set)
    async with patient(tmp_path) as at:
        at.strike(Script(token_seconds=0.005))
        charged_before = len(await bills(at))
        for first in range(0, ids, AT_ONCE // each):
            names = range(first, min(first + AT_ONCE // each, ids))
            duplicates = [
                asked_until_let_in(at, streamed=number % 2 == 0, request_id=f"id-{name}", prompt=f"{name}?")
                for number in range(each)
                for name in names
            ]
            told = await asyncio.gather(*duplicates)
            late = [await asked(at, streamed=True, request_id=f"id-{name}", prompt=f"{name}?") for name in names]
            for name, one in zip(itertools.cycle(names), [*told, *late], strict=False):
                answers[f"id-{name}"].add(same_for_all(one))
        other = await asked(at, streamed=False, request_id="id-0", prompt="Another question")
        await at.at_rest()
        upstream = len(at.mock.calls)
        charges = len(await bills(at)) - charged_before

    assert len(answers) == ids
    figure = {
        "upstream_per_id": upstream / ids,
        "answers_per_id": max(map(len, answers.values())),
        "charges_per_id": charges / ids,
    }
    bar = {"upstream_per_id": 1.0, "answers_per_id": 1, "charges_per_id": 1.0}
    report("D6" if ids < DUPLICATES else "D6.whole", n=ids * (each + 1), figure=figure, bar=bar, passed=figure == bar)
    assert figure == bar
    assert other.status == "REQUEST_ID_REUSED"
    assert all(call.ended is Ended.ANSWERED for call in at.mock.calls)


async def asked_until_let_in(at: World, *, streamed: bool, **fields: Any) -> Told:
    """One call of a crowd: who is sent away for the crowd's sake comes again with his id when he was told to."""
    while (told := await asked(at, streamed=streamed, **fields)).status == "OVERLOADED":
        assert told.error is not None
        await asyncio.sleep(told.error.retry_after_seconds or 0.0)
    return told


def same_for_all(one: Told) -> tuple[str, str, bytes]:
    """What every caller of an id is told, to the byte."""
    assert one.answer is not None, one
    final = one.answer.final.SerializeToString(deterministic=True)
    return one.text, one.answer.decision.decision_id, final


async def test_a_hundred_duplicates_at_once_are_one_call(tmp_path: Path) -> None:
    async with patient(tmp_path) as at:
        at.strike(Script(token_seconds=0.005))
        told = await asyncio.gather(
            *[asked(at, streamed=number % 2 == 0, request_id="same") for number in range(DUPLICATES)]
        )

    assert {one.status for one in told} == {"OK"}
    assert len({(one.text, one.answer.decision.decision_id) for one in told if one.answer is not None}) == 1
    assert len(at.mock.calls) == 1
    report("D6.concurrent", n=DUPLICATES, figure=len(at.mock.calls), bar=1, passed=len(at.mock.calls) == 1)


async def test_the_last_duplicate_to_leave_ends_the_call_upstream_and_none_before(tmp_path: Path) -> None:
    async with patient(tmp_path) as at:
        at.strike(Script(fault=Fault.STALL, after_tokens=3, calls=1))
        callers = [asyncio.create_task(asked(at, streamed=True, request_id="same")) for _ in range(4)]
        await at.mock.until(lambda: bool(at.mock.calls) and at.mock.calls[0].sent_tokens == 3)
        for caller in callers[:-1]:
            caller.cancel()
        await asyncio.gather(*callers[:-1], return_exceptions=True)
        # A round trip through the server: whatever was to end there by the others' leaving has ended.
        await at.server.globex.ask(question())
        assert at.mock.calls[0].ended is None
        callers[-1].cancel()
        await asyncio.gather(callers[-1], return_exceptions=True)
        await at.at_rest()
        assert at.mock.calls[0].ended is Ended.CANCELLED


async def test_another_tenant_with_the_same_id_is_another_call(tmp_path: Path) -> None:
    async with patient(tmp_path) as at:
        ours, theirs = await asyncio.gather(
            at.acme.ask(question(request_id="same")), at.server.globex.ask(question(request_id="same"))
        )

    assert ours.decision.decision_id != theirs.decision.decision_id
    assert len(at.mock.calls) == 2


@pytest.mark.parametrize("fault", [None, Fault.STALL])
async def test_a_server_that_drains_never_gives_half_an_answer_for_a_whole_one(
    tmp_path: Path, fault: Fault | None
) -> None:
    """Origin, defect 15: answers under way end whole within the grace, or with a status."""
    server = ServerSettings(port=0, drain_delay_seconds=0.0, shutdown_seconds=1.5)
    async with AsyncExitStack() as stack:
        async with world(tmp_path, shape=PATIENT, server=server) as at:
            at.mock.script(SHARED, Script(fault=fault, after_tokens=3, token_seconds=0.02))
            target, credential = at.server.target, at.server.credentials[ACME]
            caller = await stack.enter_async_context(AtpClient.open(target, credential=credential))
            tasks = [
                asyncio.create_task(asked_of(caller, streamed=streamed, on_cut="ON_CUT_FAIL"))
                for streamed in [True, False] * 10
            ]
            await at.mock.until(lambda: len(at.mock.calls) == len(tasks))
        told = await asyncio.gather(*tasks)

    statuses = collections.Counter(one.status for one in told)
    assert all((one.status == "OK") == ("final" in one.seen) for one in told if one.seen)
    assert statuses == {"OK": len(told)} if fault is None else "OK" not in statuses
    report("defect15", n=len(told), figure=dict(statuses), bar="whole or a status", passed=True)


async def test_a_stream_that_outlives_the_age_of_streams_never_looks_whole(tmp_path: Path) -> None:
    server = ServerSettings(port=0, drain_delay_seconds=0.0, max_stream_seconds=0.3)
    async with world(tmp_path, shape=PATIENT, server=server) as at:
        at.strike(Script(token_seconds=0.03))
        told = await asked(at, streamed=True)
        await at.at_rest()

    assert (told.status == "OK") == ("final" in told.seen), told


async def test_a_caller_who_asks_nothing_is_refused_before_anything_is_called(tmp_path: Path) -> None:
    async with patient(tmp_path) as at:
        with pytest.raises(AtpCallError) as refused:
            await at.acme.ask(question(prompt=""))
        assert refused.value.code == "INVALID_ARGUMENT"
        assert not at.mock.calls
