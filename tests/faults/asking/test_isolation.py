"""One cause stays one cause: an outage opens its own breaker, a bad key rests, a bad request blames nobody, and a
deployment that may not be called is not called, whatever else is down.
"""

from __future__ import annotations

import asyncio
import collections
import itertools
from pathlib import Path

import pytest

from atp_grpc.client.messages import ListDeploymentHealthRequest
from atp_grpc.domain.clock import ManualClock
from atp_grpc.mock_provider import Fault, Script
from atp_grpc.providers.breaker import BreakerPhase
from tests.faults.asking.world import SHARED, THREE_PLACES, TWO_PLACES, Place, World, asked, question, world
from tests.faults.battery import report
from tests.rpc.waiting import eventually

APART = (
    Place("one-a", upstream="a"),
    Place("one-b", upstream="b"),
    Place("one-c", upstream="c"),
)
WAIT_SECONDS = 60.0
UNHURRIED = {"first_token": 20.0, "between_chunks": 20.0, "total": 30.0}


def phases(at: World) -> dict[str, BreakerPhase]:
    return {state.deployment: state.phase for state in at.fleet.breakers()}


def calls_by_upstream(at: World) -> collections.Counter[str]:
    return collections.Counter(call.model for call in at.mock.calls)


async def test_an_outage_opens_its_own_breaker_only_and_a_bounded_number_of_probes_closes_it(tmp_path: Path) -> None:
    """Origin, defect 6."""
    clock = ManualClock()
    async with world(tmp_path, APART, clock=clock, shape=UNHURRIED) as at:
        at.strike(Script(fault=Fault.SERVER_ERROR), "a")
        statuses = collections.Counter([(await asked(at, streamed=True)).status for _ in range(40)])
        opened = phases(at)
        before = calls_by_upstream(at)["a"]
        for _ in range(20):
            await asked(at, streamed=True)
        while_open = calls_by_upstream(at)["a"] - before

        clock.advance(WAIT_SECONDS)
        # It answers again, but slowly enough that all who come at once come before the first probe has ended.
        at.mock.forget_scripts()
        at.mock.reset_calls()
        at.mock.script("a", Script(token_seconds=0.01))
        await asyncio.gather(*[asked(at, streamed=True) for _ in range(30)])
        probes = most_at_once(at, "a")
        for _ in range(30):
            await asked(at, streamed=True)
        closed = phases(at)
        await at.at_rest()

    figure = {
        "answered": statuses["OK"],
        "open": [name for name, phase in opened.items() if phase is BreakerPhase.OPEN],
        "calls_while_open": while_open,
        "probes_at_once": probes,
    }
    bar = {"answered": 40, "open": ["one-a"], "calls_while_open": 0, "probes_at_once": 1}
    report("breaker", n=120, figure=figure, bar=bar, passed=figure == bar)
    assert figure == bar
    assert set(closed.values()) == {BreakerPhase.CLOSED}


def most_at_once(at: World, upstream: str) -> int:
    """Calls of one name upstream that were under way together, before the first of them ended."""
    calls = [call for call in at.mock.calls if call.model == upstream]
    first_end = min([call.ended_at for call in calls if call.ended_at is not None], default=float("inf"))
    return sum(call.began < first_end for call in calls)


@pytest.mark.parametrize("fault", [Fault.INVALID, Fault.CONTENT_REFUSED, Fault.CONTEXT_LENGTH])
async def test_the_bad_requests_of_one_tenant_never_open_a_breaker(tmp_path: Path, fault: Fault) -> None:
    async with world(tmp_path, THREE_PLACES) as at:
        at.strike(Script(fault=fault))
        refused = {(await asked(at, streamed=number % 2 == 0)).status for number in range(40)}
        counted, shut = len(at.mock.calls), phases(at)
        at.strike(Script())
        theirs = await at.server.globex.ask(question())

    assert refused == {"PROVIDER_REFUSED_REQUEST"}
    assert counted == 40, "a refused request was sent again"
    assert set(shut.values()) == {BreakerPhase.CLOSED}
    assert theirs.text


async def test_a_bad_key_rests_alone(tmp_path: Path) -> None:
    async with world(tmp_path, TWO_PLACES) as at:
        at.mock.script(SHARED, Script(fault=Fault.REFUSE_KEY, key="key-one-a"))
        told = [await asked(at, streamed=True) for _ in range(30)]
        by_key = collections.Counter(call.key for call in at.mock.calls)

    assert {one.status for one in told} == {"OK"}
    assert by_key["key-one-a"] == 1
    assert by_key["key-one-b"] == 30
    assert set(phases(at).values()) == {BreakerPhase.CLOSED}


@pytest.mark.parametrize("status", ["shadow", "deprecated", "draining"])
async def test_what_may_not_be_chosen_is_not_called_in_a_fallback_either(tmp_path: Path, status: str) -> None:
    """Origin, defect 8."""
    known = {"shadow": "shadow", "deprecated": "draining", "draining": "draining"}[status]
    places = (*APART[:2], Place("one-d", upstream="forbidden", more=f'status = "{known}"'))
    async with world(tmp_path, places) as at:
        at.fleet.heed_breakers(on=False)
        for fault in (None, Fault.SERVER_ERROR, Fault.CUT):
            for upstream in ("a", "b"):
                at.mock.script(upstream, Script(fault=fault, after_tokens=2))
            for streamed in (True, False):
                await asked(at, streamed=streamed, on_cut="ON_CUT_RESTART")

        called = calls_by_upstream(at)
    assert called["forbidden"] == 0
    assert called["a"] + called["b"] > 6
    report("defect8", n=6, figure=called["forbidden"], bar=0, passed=called["forbidden"] == 0)


async def test_a_limit_of_n_never_admits_one_more(tmp_path: Path) -> None:
    """Origin, defect 7: staggered arrivals, ends and refusals in between."""
    limit = 3
    async with world(tmp_path, (Place("one-a", more=f"max_in_flight = {limit}"),)) as at:
        at.strike(Script(token_seconds=0.002))
        at.mock.script(SHARED, Script(fault=Fault.SERVER_ERROR, share=0.2))
        at.fleet.heed_breakers(on=False)
        most = 0

        async def watched() -> str:
            nonlocal most
            told = await asked(at, streamed=True)
            return told.status

        tasks = []
        for _ in range(60):
            tasks.append(asyncio.create_task(watched()))
            await asyncio.sleep(0)
            most = max(most, sum(load.in_flight for load in at.fleet.loads()))
        statuses = collections.Counter(await asyncio.gather(*tasks))
        most_upstream = overlapping(at)
        await at.at_rest()

    assert most_upstream <= limit, most_upstream
    assert most <= limit
    assert statuses.keys() <= {"OK", "PROVIDERS_UNAVAILABLE"}
    report("defect7", n=60, figure={"most": most_upstream, **statuses}, bar={"most": limit}, passed=True)


def overlapping(at: World) -> int:
    """The most calls that were under way at once."""
    moments = sorted(
        itertools.chain.from_iterable(((call.began, 1), (call.ended_at or call.began, -1)) for call in at.mock.calls)
    )
    return max(itertools.accumulate(step for _, step in moments))


async def test_a_tenant_whose_calls_hang_leaves_places_for_one_that_is_there(tmp_path: Path) -> None:
    """Origin, defect 2: there are no lanes; a tenant among others may not take every place."""
    async with world(tmp_path, (Place("one-a", more="max_in_flight = 8"),), shape=UNHURRIED) as at:
        at.strike(Script(fault=Fault.SILENT, calls=9))
        hanging = [asyncio.create_task(at.server.globex.ask(question(), deadline_seconds=30))]
        await at.mock.until(lambda: len(at.mock.calls) == 1)
        greedy = [asyncio.create_task(asked(at, streamed=True)) for _ in range(8)]

        async def placed() -> int:
            """Those that hang at the provider, and those that were sent away."""
            return len(at.mock.calls) - 1 + sum(task.done() for task in greedy)

        await eventually(placed, is_it=lambda found: found == len(greedy))
        at.mock.forget_scripts()
        theirs = await at.server.globex.ask(question(), deadline_seconds=5)
        for task in (*hanging, *greedy):
            task.cancel()
        await asyncio.gather(*hanging, *greedy, return_exceptions=True)
        await at.at_rest()

    assert theirs.text


async def test_health_makes_no_call_and_an_estimate_that_fails_is_not_free(tmp_path: Path) -> None:
    """Origin, defect 14."""
    async with world(tmp_path, THREE_PLACES, ask={"probe_interval_seconds": 0.05}) as at:
        for _ in range(20):
            await at.acme.operations.list_deployment_health(ListDeploymentHealthRequest())
            await asyncio.sleep(0)
        told = await asked(at, streamed=True)
        assert len(at.mock.calls) == 1
        at.strike(Script(fault=Fault.NO_USAGE))
        uncounted = await asked(at, streamed=True)
    assert told.status == "OK"
    assert uncounted.answer is not None
    assert uncounted.answer.final.total_cost_nano_usd > 0
