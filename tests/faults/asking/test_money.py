"""Money while everything goes wrong: what the budget says was spent is what was bought, whatever becomes of the calls.

Without a kill the two are equal to the nano-dollar once nothing is under way. Nobody spends more than his budget and
what a single answer may run over it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from atp_grpc.client.messages import Budget
from atp_grpc.mock_provider import Fault, Script
from atp_grpc.mock_provider.calls import Ended
from tests.faults.asking.ledger import LARGE, QUIET, bills, settled
from tests.faults.asking.world import (
    INPUT_NANO_USD,
    OUTPUT_NANO_USD,
    SHARED,
    Told,
    World,
    asked,
    question,
    world,
)
from tests.faults.battery import report
from tests.rpc.spending import give
from tests.rpc.waiting import eventually

ASKS, AT_ONCE = 200, 16
FAULTS = (
    Fault.CUT,
    Fault.MALFORMED,
    Fault.ERROR_EVENT,
    Fault.UNFINISHED,
    Fault.SERVER_ERROR,
    Fault.NO_USAGE,
    Fault.RESET,
    Fault.FILTERED,
    Fault.EMPTY,
)


async def spend_at_random(at: World, seed: int, *, asks: int, cancels: float = 0.1) -> list[Told]:
    """Asks of random sizes, some of them left in the middle by their callers."""
    dice, gate, told = random.Random(seed), asyncio.Semaphore(AT_ONCE), list[Told]()

    async def one(*, streamed: bool, after: int | None, on_cut: int, most: int) -> None:
        async with gate:
            task = asyncio.create_task(asked(at, streamed=streamed, on_cut=on_cut, max_output_tokens=most))
            if after is not None:
                for _ in range(after):
                    await asyncio.sleep(0)
                task.cancel()
            done = (await asyncio.gather(task, return_exceptions=True))[0]
            if isinstance(done, Told):
                told.append(done)

    await asyncio.gather(
        *[
            one(
                streamed=dice.random() < 0.6,
                after=dice.randrange(400) if dice.random() < cancels else None,
                on_cut=dice.randrange(4),
                most=dice.randrange(1, 60),
            )
            for _ in range(asks)
        ]
    )
    return told


def trouble(at: World, *, share: float = 0.04) -> None:
    """Every fault now and then."""
    at.mock.forget_scripts()
    for number, fault in enumerate(FAULTS):
        at.mock.script(SHARED, Script(fault=fault, share=share, draw_seed=number, after_tokens=6, tokens=30))
    at.mock.script(SHARED, Script(tokens=30, tokens_per_chunk=3))


def told_cost(told: Told) -> tuple[str, int] | None:
    """The decision and the bill that a caller was told."""
    if told.answer is not None:
        return told.answer.decision.decision_id, told.answer.final.total_cost_nano_usd
    return None


@pytest.mark.parametrize("has_budget", [True, False])
async def test_the_ledger_equals_price_times_tokens_whatever_becomes_of_the_calls(
    tmp_path: Path, *, has_budget: bool
) -> None:
    async with world(tmp_path, shape=QUIET) as at:
        at.fleet.heed_breakers(on=False)
        if has_budget:
            await give(at.server, LARGE)
        plain = await asked(at, streamed=True)
        assert plain.answer is not None
        input_tokens = plain.answer.final.total_usage.input_tokens
        trouble(at)
        told = [plain, *await spend_at_random(at, 3, asks=ASKS)]
        await at.at_rest()
        budget = Budget()
        if has_budget:
            budget, kept = await settled(at)
        else:
            kept = await eventually(lambda: bills(at), is_it=lambda seen: len(seen) >= len(told))
        known = dict([one for one in map(told_cost, told) if one is not None])
        # Of what was answered whole and told its usage, the stand-in itself knows the price.
        whole = [call for call in at.mock.calls if call.ended is Ended.ANSWERED and call.script.fault is None]
        least = sum(INPUT_NANO_USD * input_tokens + OUTPUT_NANO_USD * call.sent_tokens for call in whole)
        sent = sum(INPUT_NANO_USD * input_tokens + OUTPUT_NANO_USD * call.sent_tokens for call in at.mock.calls)

    drift = sum(abs(kept[decision] - cost) for decision, cost in known.items())
    assert drift == 0
    assert sum(kept.values()) >= least
    figure: dict[str, object] = {"drift_nano_usd": drift, "billed_over_written": round(sum(kept.values()) / sent, 3)}
    if has_budget:
        figure["ledger_off_nano_usd"] = budget.spent_nano_usd - sum(kept.values())
        assert figure["ledger_off_nano_usd"] == 0
        assert budget.spent_nano_usd + budget.held_nano_usd + budget.left_nano_usd == LARGE
    bar = {"drift_nano_usd": 0, "ledger_off_nano_usd": 0}
    report("D3.no_kills" if has_budget else "D3.no_budget", n=len(kept), figure=figure, bar=bar, passed=True)


async def test_a_whole_answer_without_a_fault_is_billed_to_the_nano_dollar(tmp_path: Path) -> None:
    """Origin, defect 11: what comes adds up to what is told, and price times tokens is the bill."""
    script = Script(tokens=17, reasoning_tokens=9, cached_tokens=3)
    off = 0
    async with world(tmp_path) as at:
        at.strike(script)
        for streamed in (True, False) * 5:
            told = await asked(at, streamed=streamed)
            assert told.answer is not None
            final = told.answer.final
            usage = final.total_usage
            assert (usage.output_tokens, usage.reasoning_tokens, usage.cached_input_tokens) == (17, 9, 3)
            price = (usage.input_tokens + 3) * INPUT_NANO_USD + (17 + 9) * OUTPUT_NANO_USD
            off += abs(final.total_cost_nano_usd - price)
            assert final.total_cost_nano_usd == sum(attempt.cost_nano_usd for attempt in final.attempts)
            assert not final.is_estimated
    report("defect11", n=10, figure={"off_nano_usd": off}, bar={"off_nano_usd": 0}, passed=off == 0)
    assert off == 0


async def test_the_characters_of_a_stream_add_up(tmp_path: Path) -> None:
    """Origin, defect 11: the sum of the deltas is the total."""
    async with world(tmp_path) as at:
        at.strike(Script(tokens=30))
        text, total = "", 0
        async with at.acme.ask_stream(question()) as stream:
            async for event in stream:
                if event.WhichOneof("event") == "delta":
                    text += event.delta.text
                    total = event.delta.total_characters
    assert len(text) == total == len(stream.response.text)


PACED: dict[str, Any] = {"tokens_per_chunk": 5, "token_seconds": 0.0004}
"""As an answer comes from a model: what one look at the socket finds is no more than some chunks."""
ONE_ANSWER = 400_000
"""How far one answer may run over: a hundred tokens, what a look at the socket may find."""


def endless(at: World) -> None:
    at.strike(Script(fault=Fault.ENDLESS, **PACED))


def long(at: World) -> None:
    at.strike(Script(tokens=5_000, **PACED))


def tools(at: World) -> None:
    at.strike(Script(tool_calls=400, **PACED))


def cut_always(at: World) -> None:
    at.strike(Script(fault=Fault.CUT, after_tokens=200, tokens=400, **PACED))


TOOL = {"name": "look", "parameters_json": '{"type":"object","properties":{"q":{"type":"string"}}}'}


@pytest.mark.parametrize("attack", [endless, long, tools, cut_always])
async def test_nobody_spends_more_than_his_budget_and_a_slice(tmp_path: Path, attack: Callable[[World], None]) -> None:
    """Denial of wallet: huge answers, endless streams, many tools, attempt after attempt, all at once."""
    limit = 4_000_000
    async with world(tmp_path, shape={**QUIET, "most_output": 100_000}, ask={"max_attempts": 16}) as at:
        at.fleet.heed_breakers(on=False)
        await give(at.server, limit)
        attack(at)
        more: dict[str, Any] = (
            {"tools": [TOOL], "tool_choice": {"mode": "TOOL_MODE_REQUIRED"}} if attack is tools else {}
        )
        statuses = set[str]()
        for _ in range(40):
            told = await asyncio.gather(
                *[asked(at, streamed=number % 2 == 0, on_cut="ON_CUT_RESTART", **more) for number in range(4)]
            )
            statuses |= {one.status for one in told}
            if {one.status for one in told} == {"BUDGET_EXHAUSTED"}:
                break
        budget, kept = await settled(at)
        written = sum(OUTPUT_NANO_USD * call.sent_tokens for call in at.mock.calls)

    over = max(0, budget.spent_nano_usd - limit)
    figure = {"over_nano_usd": over, "spent": budget.spent_nano_usd, "written": written, "statuses": sorted(statuses)}
    passed = over <= ONE_ANSWER and budget.left_nano_usd >= 0
    report(f"F11.{attack.__name__}", n=len(kept), figure=figure, bar={"over_nano_usd": ONE_ANSWER}, passed=passed)
    assert passed, figure
