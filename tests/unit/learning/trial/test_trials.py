"""The story of trials on a real policy book: wherever the process dies, the next one ends where it would have ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from types import MappingProxyType

import pytest

from atp_grpc.domain.clock import ManualClock
from atp_grpc.domain.errors import AtpError, StoreUnavailableError, TrialCoolingDownError
from atp_grpc.domain.outcome import Attempt, NewObservation, Recorded, Report
from atp_grpc.domain.policy import PolicyObjective, PolicyTerms, RoutingPolicy
from atp_grpc.learning.events import EventLog
from atp_grpc.learning.trial.admission import COOL_DOWN_SECONDS
from atp_grpc.learning.trial.run import StopCause, TrialState
from atp_grpc.learning.trial.terms import Gates, TrialTerms
from atp_grpc.learning.trial.trials import Trials
from atp_grpc.routing.policy_book import PolicyBook
from atp_grpc.routing.policy_memory import read_remembered
from atp_grpc.store.contract import StoreFailure
from atp_grpc.store.memory import MemoryStore
from tests.unit.learning.examples import NOW
from tests.unit.learning.trial.hearings import observed
from tests.unit.routing.desk import three_models
from tests.unit.routing.test_policy_book import DEFAULT, InForce

TERMS = TrialTerms("fast", 0.5, Gates(failure_margin=None), max_requests=2_000, hold=5)
OUTCOMES = 160
FLOORED = PolicyObjective(quality_floor=0.5)


class Mortal(MemoryStore):
    """A store whose process dies at one of its writes: before it, or after it."""

    def __init__(self) -> None:
        super().__init__("r1")
        self.writes_left: int | None = None
        self.is_written_first = False

    async def write_fact(self, key: str, value: str) -> None:
        if self.writes_left is not None:
            if self.writes_left == 0:
                if self.is_written_first:
                    await super().write_fact(key, value)
                raise asyncio.CancelledError
            self.writes_left -= 1
        await super().write_fact(key, value)


class Taught(InForce):
    """Engines that may have learned what the models are worth."""

    qualities: Mapping[str, float] = MappingProxyType({})

    def predicted_quality(self, policy: RoutingPolicy) -> Mapping[str, float]:
        return self.qualities


class Process:
    """One life of a process on a store."""

    def __init__(
        self, store: MemoryStore, book: PolicyBook, trials: Trials, events: EventLog, in_force: Taught
    ) -> None:
        self.store, self.book, self.trials, self.events, self.in_force = store, book, trials, events, in_force

    async def report(self, count: int, *, better: bool = True, version: int = 2) -> None:
        """Outcomes that favour the challenger, or the champion; some are known by now."""
        done = await self.store.last_sequence()
        for number in range(done + 1, done + count + 1):
            side = ("fast", version) if number % 2 else ("default", 1)
            good = float((number % 2 == 1) is better)
            told = observed(number, side, quality=good, attempts=(Attempt("small", cost_nano_usd=100),))
            (answer,) = await self.store.record([NewObservation(told.lesson, told.recorded, NOW + 1)])
            assert isinstance(answer, Recorded)
            assert answer.observation is not None
            self.trials.take_in(answer.observation)

    async def settle(self) -> None:
        """Lets verdicts be carried out until nothing is left to do."""
        carrying = asyncio.ensure_future(self.trials.run())
        try:
            for _ in range(200):
                await asyncio.sleep(0)
                if carrying.done():
                    await carrying
        finally:
            carrying.cancel()

    @property
    def share(self) -> float:
        return self.book.find("fast").policy.terms.traffic_share


@asynccontextmanager
async def process(
    store: MemoryStore, clock: ManualClock | None = None, default: RoutingPolicy = DEFAULT
) -> AsyncIterator[Process]:
    clock = clock or ManualClock(NOW)
    remembered, in_force = await read_remembered(store), Taught()
    book = PolicyBook(files=[default], remembered=remembered, store=store, snapshot=three_models, enforcement=in_force)
    if not remembered.entries:
        await book.create("fast", PolicyTerms())
    events = await EventLog.open(store, clock)
    trials = Trials(store=store, book=book, events=events, clock=clock, on_fault=lambda _: None)
    await trials.restore()
    yield Process(store, book, trials, events, in_force)


@pytest.mark.parametrize("is_written_first", [False, True])
@pytest.mark.parametrize("better", [False, True])
@pytest.mark.parametrize("writes", range(10))
async def test_wherever_the_process_dies_a_trial_ends_the_same_and_each_step_is_told_once(
    writes: int, *, better: bool, is_written_first: bool
) -> None:
    store = Mortal()
    async with process(store) as first:
        store.writes_left, store.is_written_first = writes, is_written_first
        try:
            await first.trials.start(TERMS)
            await first.report(OUTCOMES, better=better)
            await first.trials.checkpoint()
            await first.settle()
        except asyncio.CancelledError:
            pass
        store.writes_left = None
    async with process(store) as second:
        if not second.trials.entries:
            await second.trials.start(TERMS)
        done = await store.last_sequence()
        await second.report(OUTCOMES - done, better=better)
        await second.settle()
        run = second.trials.find("")
        end = TrialState.PROMOTED if better else TrialState.ROLLED_BACK
        assert (run.trial_id, run.state, second.share) == ("trial-000001", end, float(better))
        told = [event.kind.value for event in second.events.after(0)]
        assert told == ["trial_started", "trial_verdict", end.value]
        assert [event.sequence for event in second.events.after(0)] == [1, 2, 3]
        assert not second.book.on_trial
    async with process(store) as third:
        assert [one.state for one in third.trials.entries.values()] == [end]
        assert (third.share, third.book.on_trial) == (float(better), {})
        assert len(third.events.after(0)) == 3


async def test_a_restart_hears_again_what_was_not_written_down_and_nothing_twice() -> None:
    store = MemoryStore("r1")
    async with process(store) as first:
        await first.trials.start(TERMS)
        await first.report(7)
        await first.trials.checkpoint()
        await first.report(4)
        state = first.trials.find("").trial.state
    async with process(store) as second:
        assert second.trials.find("").trial.state == state
        assert second.book.on_trial == {"fast": "trial-000001"}


async def test_a_start_that_the_store_refuses_leaves_no_trial_and_no_share() -> None:
    class Full(MemoryStore):
        async def write_fact(self, key: str, value: str) -> None:
            if key == "trial.running" and value != "{}":
                raise StoreFailure("no space left")
            await super().write_fact(key, value)

    async with process(Full("r1")) as one:
        with pytest.raises(StoreUnavailableError):
            await one.trials.start(TERMS)
        assert not one.trials.entries
        assert (one.share, one.book.on_trial) == (0.0, {})


async def test_a_champion_that_the_configuration_has_changed_over_a_restart_ends_the_trial() -> None:
    store = MemoryStore("r1")
    async with process(store) as first:
        await first.trials.start(TERMS)
        await first.report(10)
    changed = replace(DEFAULT, version=2, terms=PolicyTerms(objective=PolicyObjective(cost_weight=3.0)))
    async with process(store, default=changed) as second:
        run = second.trials.find("")
        assert (run.state, run.cause, second.share) == (TrialState.STOPPED, StopCause.POLICY_CHANGED, 0.0)


async def test_terms_that_did_harm_cool_down_for_a_day_and_changed_ones_do_not_wait() -> None:
    clock, store = ManualClock(NOW), MemoryStore("r1")
    async with process(store, clock) as one:
        await one.trials.start(TERMS)
        await one.report(OUTCOMES, better=False)
        await one.settle()
        clock.advance(COOL_DOWN_SECONDS - 1.0)
        with pytest.raises(TrialCoolingDownError) as caught:
            await one.trials.start(TERMS)
        assert caught.value.retry_after_seconds == pytest.approx(1.0)
        await one.book.update("fast", lambda terms: replace(terms, affinity_weight=0.1), etag="")
        await one.trials.start(TERMS)
        await one.trials.stop("trial-000002")
        await one.book.roll_back("fast", etag="")
        clock.advance(1.0)
        assert (await one.trials.start(TERMS)).trial_id == "trial-000003"


async def test_a_promotion_that_the_catalogue_refuses_takes_the_challenger_out() -> None:
    store = MemoryStore("r1")
    async with process(store) as one:
        await one.book.update("fast", lambda terms: replace(terms, objective=FLOORED), etag="")
        await one.trials.start(TERMS)
        # Since then it was learned that nobody comes near the floor of the policy.
        one.in_force.qualities = dict.fromkeys(three_models().models, 0.1)
        await one.report(OUTCOMES, version=3)
        await one.settle()
        run = one.trials.find("")
        assert (run.state, run.cause, one.share) == (TrialState.STOPPED, StopCause.PROMOTION_REFUSED, 0.0)


async def test_a_promoted_challenger_gets_what_the_other_policies_leave() -> None:
    async with process(MemoryStore("r1")) as one:
        await one.book.create("other", PolicyTerms(traffic_share=0.3))
        await one.trials.start(TERMS)
        with pytest.raises(AtpError):
            await one.book.create("greedy", PolicyTerms(traffic_share=0.4))
        await one.report(OUTCOMES)
        await one.settle()
        assert one.share == pytest.approx(0.7)


async def test_what_was_stored_before_the_trial_is_not_evidence_even_when_it_is_learned_later() -> None:
    async with process(MemoryStore("r1")) as one:
        told = observed(1, ("default", 1))
        (answer,) = await one.store.record([NewObservation(told.lesson, told.recorded, NOW + 1)])
        await one.trials.start(TERMS)
        assert isinstance(answer, Recorded)
        assert answer.observation is not None
        one.trials.take_in(answer.observation)
        assert one.trials.find("").trial.requests == 0


async def test_reports_of_before_the_trial_are_not_evidence() -> None:
    async with process(MemoryStore("r1")) as one:
        await one.report(20)
        await one.trials.start(TERMS)
        assert one.trials.find("").trial.requests == 0
        await one.report(6)
        assert one.trials.find("").trial.requests == 6
        assert observed(1).recorded == Report(quality=1.0)
