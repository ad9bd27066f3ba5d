"""What providers do wrong, one fault at a time: the caller gets another's answer or a typed error, and nothing stays.

The first attempt of each call meets the fault, the others do not; then every attempt does. Nothing that was shown is
ever retried, and no answer that broke off looks whole.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from atp_grpc.client.messages import OnCut
from atp_grpc.mock_provider import Fault, Script
from tests.faults.asking.world import (
    CONNECT,
    FIRST_TOKEN,
    OUTPUT_NANO_USD,
    THREE_PLACES,
    TOTAL,
    Place,
    Told,
    World,
    asked,
    world,
)
from tests.faults.battery import report

SLACK_SECONDS = 1.0
"""How much longer than configured a failover may take on a machine that is busy."""
UNARY, STREAM = False, True
HERE_OR_ELSEWHERE = {
    Fault.RESET,
    Fault.SILENT,
    Fault.RATE_LIMITED,
    Fault.QUOTA_SPENT,
    Fault.OVERLOADED,
    Fault.SERVER_ERROR,
    Fault.NOT_THE_DIALECT,
    Fault.REFUSE_KEY,
    Fault.MODEL_UNKNOWN,
}
"""Before anything of an answer came: somebody else answers."""
NOBODY = {Fault.INVALID, Fault.CONTENT_REFUSED, Fault.CONTEXT_LENGTH}
"""The request is at fault, so nobody else is asked. No model here has more context than another."""
TOO_LARGE = Fault.REQUEST_TOO_LARGE
"""Everybody else is asked, and where nobody takes so much the request is at fault."""
IN_THE_MIDDLE = {
    Fault.CUT,
    Fault.UNFINISHED,
    Fault.STALL,
    Fault.MALFORMED,
    Fault.MISFRAMED,
    Fault.ERROR_EVENT,
    Fault.OVERSIZED,
    Fault.ENDLESS,
}
GOOD_ALL_THE_SAME = {Fault.EMPTY, Fault.WRONG_USAGE, Fault.NO_USAGE, Fault.FILTERED}


class Row(NamedTuple):
    """A fault, how the call came, and what its caller is told after one attempt met the fault, and after all did."""

    fault: Fault
    is_streamed: bool
    once: str
    always: str


def rows() -> list[Row]:
    return [
        *[Row(one, how, "OK", "PROVIDERS_UNAVAILABLE") for one in HERE_OR_ELSEWHERE for how in (UNARY, STREAM)],
        *[Row(one, how, *["PROVIDER_REFUSED_REQUEST"] * 2) for one in NOBODY for how in (UNARY, STREAM)],
        *[Row(TOO_LARGE, how, "OK", "PROVIDER_REFUSED_REQUEST") for how in (UNARY, STREAM)],
        *[Row(one, STREAM, "ANSWER_CUT", "ANSWER_CUT") for one in IN_THE_MIDDLE],
        *[Row(one, UNARY, "OK", "PROVIDERS_UNAVAILABLE") for one in IN_THE_MIDDLE - {Fault.OVERSIZED}],
        # Blanks before a whole answer are JSON, and far from the most that is read of one.
        Row(Fault.OVERSIZED, UNARY, "OK", "OK"),
        *[Row(one, how, "OK", "OK") for one in GOOD_ALL_THE_SAME for how in (UNARY, STREAM)],
    ]


def asked_in_vain(row: Row) -> int:
    """How many deployments are asked for an answer that nobody gives."""
    return len(THREE_PLACES) if row.fault is TOO_LARGE else 1


def failover_seconds(at: World) -> float:
    """The longest time from the beginning of an attempt that failed to the beginning of the next."""
    return max([after.began - before.began for before, after in itertools.pairwise(at.mock.calls)], default=0.0)


async def played(at: World, row: Row, *, is_always: bool) -> Told:
    at.strike(Script(fault=row.fault, after_tokens=5, tokens=20, calls=None if is_always else 1, retry_after_seconds=0))
    told = await asked(at, streamed=row.is_streamed)
    await at.at_rest()
    at.heal()
    return told


@pytest.mark.parametrize(("dialect", "hows"), [("openai", (False, True)), ("anthropic", (False,))])
async def test_every_fault_of_a_provider_ends_in_another_answer_or_a_typed_error(
    tmp_path: Path, dialect: str, hows: tuple[bool, ...]
) -> None:
    """Origin, defects 1 and 5: one end for each call, nothing left behind, another's answer before the first token."""
    assert {row.fault for row in rows()} == set(Fault), "a fault is not in the table"
    wrong, slowest, calls = list[str](), 0.0, 0
    async with world(tmp_path, [place._replace(dialect=dialect) for place in THREE_PLACES]) as at:
        at.fleet.heed_breakers(on=False)
        await asked(at, streamed=True)
        attempts = 1
        tasks = len(asyncio.all_tasks())
        for row, is_always in itertools.product(rows(), hows):
            told = await played(at, row, is_always=is_always)
            calls += 1
            expected = row.always if is_always else row.once
            upstream = len(at.mock.calls)
            if told.status != expected:
                wrong.append(f"{row.fault} {row.is_streamed=} {is_always=}: {told.status}, not {expected}")
            elif expected in {"ANSWER_CUT", "PROVIDER_REFUSED_REQUEST"} and upstream != asked_in_vain(row):
                wrong.append(f"{row.fault} {row.is_streamed=} {is_always=}: {upstream} calls upstream")
            slowest = max(slowest, failover_seconds(at))
            attempts += upstream
        leaked = max(0, len(asyncio.all_tasks()) - tasks)
        under_way, ended = await at.figures("atp_deployment_in_flight"), await at.figures("atp_ask_attempts_total")

    bar = {"wrong": 0, "leaked_tasks": 0, "failover_seconds": CONNECT + max(FIRST_TOKEN, TOTAL)}
    is_in_time = slowest <= bar["failover_seconds"] + SLACK_SECONDS
    figure = {"wrong": len(wrong), "leaked_tasks": leaked, "failover_seconds": round(slowest, 3)}
    report(f"B10.{dialect}", n=calls, figure=figure, bar=bar, passed=not wrong and not leaked and is_in_time)
    assert not wrong
    assert not leaked
    assert is_in_time
    assert set(under_way.values()) == {0.0}
    assert sum(ended.values()) == attempts


async def test_a_rate_limit_is_waited_out_where_nobody_else_is(tmp_path: Path) -> None:
    alone = (Place("one-a"),)
    async with world(tmp_path, alone) as at:
        at.strike(Script(fault=Fault.RATE_LIMITED, retry_after_seconds=0.05, calls=1))
        told = await asked(at, streamed=True)
        first, second = at.mock.calls

    assert told.status == "OK"
    assert second.began - first.began >= 0.05
    report("B10.retry_after", n=1, figure=round(second.began - first.began, 3), bar=0.05, passed=True)


async def test_a_slow_first_token_fails_over_and_a_slow_stream_within_its_limits_does_not(tmp_path: Path) -> None:
    async with world(tmp_path) as at:
        at.strike(Script(first_token_seconds=30, calls=1))
        slow = await asked(at, streamed=True)
        counted = len(at.mock.calls)
        at.strike(Script(tokens=5, token_seconds=0.05))
        steady = await asked(at, streamed=True)

    assert (slow.status, counted) == ("OK", 2)
    assert (steady.status, len(at.mock.calls)) == ("OK", 1)


async def test_a_wrong_usage_is_billed_as_told_and_a_missing_one_as_an_estimate(tmp_path: Path) -> None:
    async with world(tmp_path) as at:
        at.strike(Script(fault=Fault.WRONG_USAGE, tokens=20))
        told = await asked(at, streamed=False)
        at.strike(Script(fault=Fault.NO_USAGE, tokens=20))
        counted = await asked(at, streamed=True)

    assert told.answer is not None
    assert counted.answer is not None
    assert told.answer.final.total_usage.output_tokens == 200
    assert not told.answer.final.is_estimated
    assert counted.answer.final.is_estimated
    assert counted.answer.final.total_cost_nano_usd > 10 * OUTPUT_NANO_USD


def texts_of(answers: Sequence[Told]) -> set[str]:
    return {one.text for one in answers}


async def test_three_shapes_of_failure_in_the_middle_are_typed_restarted_and_resumed(tmp_path: Path) -> None:
    """FailoverBench: a stream is cut, stalls, or breaks, after the caller was shown some of it."""
    shapes = (Fault.CUT, Fault.STALL, Fault.MALFORMED)
    places = tuple([place._replace(more="can_resume = true") for place in THREE_PLACES])
    async with world(tmp_path, places) as at:
        whole = await asked(at, streamed=True)
        typed, restarted, resumed = list[Told](), list[Told](), list[Told]()
        for shape in shapes:
            for on_cut, kept in ((OnCut.ON_CUT_FAIL, typed), (OnCut.ON_CUT_RESTART, restarted)):
                at.strike(Script(fault=shape, after_tokens=5, calls=1))
                kept.append(await asked(at, streamed=True, on_cut=on_cut))
            at.strike(Script(fault=shape, after_tokens=5, calls=1))
            resumed.append(await asked(at, streamed=True, on_cut=OnCut.ON_CUT_RESUME))
            first, second = at.mock.calls
            assert second.sent_tokens < 20, "only the rest was asked for"
            assert second.body["messages"][-1]["role"] == "assistant"
            assert first.sent_tokens >= 5
        await at.at_rest()

    figure = {
        "typed": sum(one.status == "ANSWER_CUT" and "final" not in one.seen for one in typed),
        "restarted": sum(one.status == "OK" and "switch" in one.seen for one in restarted),
        "resumed": sum(one.status == "OK" and "switch" in one.seen for one in resumed),
    }
    bar = {"typed": 3, "restarted": 3, "resumed": 3}
    report("FailoverBench", n=9, figure=figure, bar=bar, passed=figure == bar)
    assert figure == bar
    assert texts_of(restarted) == texts_of(resumed) == {whole.text}
    assert all(one.error is not None and one.error.metadata["total_characters"] != "0" for one in typed)
    assert all("usage" in one.seen for one in typed), "what was billed was not told"


async def test_resuming_begins_anew_where_the_endpoint_cannot(tmp_path: Path) -> None:
    async with world(tmp_path) as at:
        at.strike(Script(fault=Fault.CUT, after_tokens=5, calls=1))
        told = await asked(at, streamed=True, on_cut=OnCut.ON_CUT_RESUME)

    assert told.status == "OK"
    assert [call.sent_tokens for call in at.mock.calls] == [5, 20]
