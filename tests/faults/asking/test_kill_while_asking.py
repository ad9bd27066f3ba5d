"""kill -9 while calls are carried out: an id is executed once or its caller is told; no money is lost or doubled."""

from __future__ import annotations

import asyncio
import collections
import random
from pathlib import Path

import pytest

from atp_grpc.client import AtpClient
from atp_grpc.client.messages import BudgetPeriod, GetBudgetRequest, SetBudgetRequest
from atp_grpc.domain.clock import ManualClock, SystemClock
from atp_grpc.learning.rewards import total_cost_nano_usd
from atp_grpc.mock_provider import Fault, Script
from atp_grpc.mock_provider.calls import Ended
from atp_grpc.store.sqlite import open_sqlite_store
from atp_grpc.tenancy.budgets.account import CALLS_PER_LEASE
from tests.faults.asking.lives import Lives, lives
from tests.faults.asking.world import INPUT_NANO_USD, OUTPUT_NANO_USD, SHARED, Told, asked, asked_of, world
from tests.faults.battery import report
from tests.rpc.serving import ACME

QUIET = {"first_token": 20.0, "between_chunks": 20.0, "total": 30.0}
LIMIT = 10**12
DAY_SECONDS = 86_400.0
SPARE_LEASES = 2 * CALLS_PER_LEASE * 256 * OUTPUT_NANO_USD
"""Two leases: what may be fetched between the last look at the budget and the kill."""


def prompt_of(call: object) -> str:
    return str(call.body["messages"][-1]["content"])  # type: ignore[attr-defined]


async def ask_until_killed(it: Lives, *, life: int, count: int, dice: random.Random) -> dict[str, Told]:
    """Calls with ids, and SIGKILL while some are answered, some run, and some have just come."""
    it.mock.forget_scripts()
    it.mock.script(SHARED, Script(token_seconds=0.004))
    it.mock.script(SHARED, Script(fault=Fault.CUT, share=0.1, draw_seed=life, after_tokens=4))
    gate = asyncio.Semaphore(8)

    async def one(client: AtpClient, name: str, *, streamed: bool) -> Told:
        async with gate:
            return await asked_of(client, streamed=streamed, request_id=name, prompt=name, on_cut="ON_CUT_FAIL")

    async with it.client() as client:
        tasks = {
            f"{life}-{number}": asyncio.create_task(one(client, f"{life}-{number}", streamed=number % 2 == 0))
            for number in range(count)
        }
        enough = dice.randrange(count // 4, count // 2)
        await it.mock.until(lambda: it.mock.counts[Ended.ANSWERED] >= enough)
        await it.backend.kill()
        told = await asyncio.gather(*tasks.values())
    return dict(zip(tasks, told, strict=True))


async def budget_of(client: AtpClient) -> tuple[int, int, int]:
    budget = (await client.budgets.get(GetBudgetRequest(tenant=ACME))).budget
    return budget.spent_nano_usd, budget.held_nano_usd, budget.left_nano_usd


async def live_and_die(tmp_path: Path, *, times: int, count: int) -> None:
    """Each life is killed while it asks; the next one is asked for everything again."""
    dice, before, again = random.Random(11), dict[str, Told](), dict[str, Told]()
    statuses, wrong = collections.Counter[str](), list[str]()
    async with lives(tmp_path, shape=QUIET) as it:
        await it.backend.start()
        async with it.client() as client:
            period = BudgetPeriod.BUDGET_PERIOD_TOTAL
            await client.budgets.set(SetBudgetRequest(tenant=ACME, limit_nano_usd=LIMIT, period=period))
        for life in range(times):
            it.mock.reset_calls()
            told = await ask_until_killed(it, life=life, count=count, dice=dice)
            await it.come_back()
            executed = collections.Counter(prompt_of(call) for call in it.mock.calls)
            in_first_life = dict(executed)
            it.mock.forget_scripts()
            async with it.client() as client:
                for name, one in told.items():
                    now = await asked_of(client, streamed=False, request_id=name, prompt=name, on_cut="ON_CUT_FAIL")
                    again[name] = now
                    statuses[now.status] += 1
                    wrong += [f"{name}: {fault}" for fault in judged(one, now, in_first_life.get(name, 0))]
                other = await asked_of(client, streamed=False, request_id=f"{life}-0", prompt="another body")
                if other.status != "REQUEST_ID_REUSED" and again[f"{life}-0"].status != "ANSWER_CUT":
                    wrong.append(f"another body: {other.status}")
                async with it.client(it.globex) as stranger:
                    apart = await asked_of(stranger, streamed=False, request_id=f"{life}-0", prompt="theirs")
                if apart.status != "OK":
                    wrong.append(f"another tenant: {apart.status}")
            executed = collections.Counter(prompt_of(call) for call in it.mock.calls)
            # Whose first call failed for its caller may be executed again; nobody else's.
            failed = {name for name, one in told.items() if one.status == "ANSWER_CUT"}
            wrong += [f"{name}: {calls} calls" for name, calls in executed.items() if calls > 1 and name not in failed]
            before |= told
        async with it.client() as client:
            spent, held, left = await budget_of(client)
    figure = {"kills": times, "wrong": wrong[:5], **statuses}
    report("D7", n=len(before), figure=figure, bar={"wrong": []}, passed=not wrong)
    assert not wrong, wrong
    assert statuses["OK"] > 0
    assert (left >= 0, spent >= 0, held >= 0) == (True, True, True)


def judged(before: Told, now: Told, executed: int) -> list[str]:
    """What is wrong about the second answer to an id whose first answer and calls upstream are known."""
    if before.answer is not None:
        if now.answer is None or now.answer.SerializeToString(deterministic=True) != before.answer.SerializeToString(
            deterministic=True
        ):
            return [f"acknowledged, then {now.status}"]
        return []
    if now.status not in {"OK", "REQUEST_ID_FORGOTTEN", "ANSWER_CUT"}:
        return [f"{now.status} after {before.status} and {executed} calls"]
    return []


@pytest.mark.parametrize("times", [1, pytest.param(10, marks=[pytest.mark.slow, pytest.mark.timeout(300)])])
async def test_an_id_is_executed_once_or_its_caller_is_told_through_kill_minus_nine(tmp_path: Path, times: int) -> None:
    await live_and_die(tmp_path, times=times, count=40)


async def test_an_id_is_new_after_its_time(tmp_path: Path) -> None:
    clock = ManualClock()
    async with world(tmp_path, clock=clock) as at:
        first = await asked(at, streamed=False, request_id="again")
        clock.advance(DAY_SECONDS / 2)
        second = await asked(at, streamed=False, request_id="again")
        clock.advance(DAY_SECONDS / 2 + 1)
        third = await asked(at, streamed=False, request_id="again")

    assert first.answer is not None
    assert first.answer == second.answer
    assert third.answer is not None
    assert third.answer.decision.decision_id != first.answer.decision.decision_id
    assert len(at.mock.calls) == 2


async def bills_in(database: Path) -> dict[str, int]:
    """Every bill in the store of a process that has ended, by its decision."""
    store = await open_sqlite_store(database, replica="reader", clock=SystemClock())
    kept = await store.observations_after(0, 1_000_000)
    await store.close()
    assert len({one.lesson.decision_id for one in kept}) == len(kept), "a decision was billed twice"
    return {one.lesson.decision_id: total_cost_nano_usd(one.recorded, one.lesson) or 0 for one in kept}


async def spend_until_killed(
    it: Lives, acknowledged: dict[str, int], *, life: int, count: int, dice: random.Random
) -> int:
    """Asks under a budget, some left by their callers, and SIGKILL; gives what was set aside shortly before."""
    it.mock.forget_scripts()
    it.mock.script(SHARED, Script(tokens=30, token_seconds=0.003))
    for number, fault in enumerate((Fault.CUT, Fault.SERVER_ERROR, Fault.ERROR_EVENT)):
        it.mock.script(SHARED, Script(fault=fault, share=0.05, draw_seed=10 * life + number, after_tokens=4))
    gate = asyncio.Semaphore(8)

    async def one(client: AtpClient, number: int) -> None:
        async with gate:
            call = asyncio.create_task(asked_of(client, streamed=number % 2 == 0))
            if number % 7 == 0:
                ended = it.mock.counts[Ended.ANSWERED]
                await it.mock.until(lambda: it.mock.counts[Ended.ANSWERED] > ended + 1)
                call.cancel()
            (told,) = await asyncio.gather(call, return_exceptions=True)
            if isinstance(told, Told) and told.answer is not None:
                acknowledged[told.answer.decision.decision_id] = told.answer.final.total_cost_nano_usd

    already = it.mock.counts[Ended.ANSWERED]
    async with it.client() as client:
        tasks = [asyncio.create_task(one(client, number)) for number in range(count)]
        await it.mock.until(lambda: it.mock.counts[Ended.ANSWERED] >= already + dice.randrange(count // 4, count // 2))
        _, held, _ = await budget_of(client)
        await it.backend.kill()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.wait_for(it.mock.idle(), 10)
    return held


@pytest.mark.parametrize("times", [2, pytest.param(20, marks=[pytest.mark.slow, pytest.mark.timeout(300)])])
async def test_no_money_is_lost_or_doubled_through_kill_minus_nine(tmp_path: Path, times: int) -> None:
    dice, at_stake, wrong, told, counted = random.Random(5), 0, list[str](), 0, 0
    acknowledged = dict[str, int]()
    async with lives(tmp_path, shape=QUIET) as it:
        await it.backend.start()
        async with it.client() as client:
            period = BudgetPeriod.BUDGET_PERIOD_TOTAL
            await client.budgets.set(SetBudgetRequest(tenant=ACME, limit_nano_usd=10**10, period=period))
            plain = await asked_of(client, streamed=True)
        assert plain.answer is not None
        input_tokens = plain.answer.final.total_usage.input_tokens
        for life in range(times):
            at_stake += SPARE_LEASES + await spend_until_killed(it, acknowledged, life=life, count=60, dice=dice)
            await it.come_back()
            # What was told is the provider's bill; what it wrote for nobody to hear is the most it may want.
            whole = [call for call in it.mock.calls if call.ended is Ended.ANSWERED]
            told, most = (
                sum(INPUT_NANO_USD * input_tokens + OUTPUT_NANO_USD * call.sent_tokens for call in calls)
                for calls in (whole, it.mock.calls)
            )
            async with it.client() as client:
                spent, held, left = await budget_of(client)
            counted = spent + held
            if counted < told:
                wrong.append(f"life {life}: {counted} counted, {told} bought")
            if counted > 2 * most + at_stake:
                wrong.append(f"life {life}: {counted} counted, {most} written, {at_stake} at stake")
            if left < 0 or spent < 0 or held < 0:
                wrong.append(f"life {life}: {spent=} {held=} {left=}")
        await it.backend.stop()
        kept = await bills_in(it.backend.data_dir / "atp.db")
    drift = sum(abs(kept.get(decision, 0) - cost) for decision, cost in acknowledged.items())
    if drift:
        wrong.append(f"{drift} nano-dollars between what was told and what is kept")
    if not sum(kept.values()) <= counted <= sum(kept.values()) + at_stake:
        wrong.append(f"{counted} counted, {sum(kept.values())} billed, {at_stake} at stake")
    figure = {
        "wrong": wrong,
        "billed": sum(kept.values()),
        "drift": drift,
        "acknowledged": len(acknowledged),
        "counted": counted,
        "bought": told,
        "at_stake": at_stake,
    }
    report("D3.kills", n=times, figure=figure, bar={"wrong": []}, passed=not wrong)
    assert not wrong
