"""The story of Observe where no socket is needed: how long a decision can be reported on, and what a bad store does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Container
from contextlib import asynccontextmanager

import pytest

from atp_grpc.domain.call import Call
from atp_grpc.domain.clock import ManualClock
from atp_grpc.domain.decision import Candidate, Decision, Expectation, Target
from atp_grpc.domain.errors import OutcomeConflictError, StoreUnavailableError, TokenExpiredError
from atp_grpc.domain.outcome import Attempt, Report, Usage
from atp_grpc.domain.request import Weights
from atp_grpc.domain.tenant import Principal
from atp_grpc.learning.journal import Journal
from atp_grpc.learning.observer import Observer, Reference
from atp_grpc.store.contract import StoreFailure
from atp_grpc.store.decision_codec import record_of
from atp_grpc.store.memory import MemoryStore
from tests.unit.learning.examples import NOW, WEEK, lesson

CALL = Call("m", Principal("acme", "key", frozenset()), 1e9, "trace")
DECISION = Decision(
    lesson=lesson("d1"),
    candidates=(Candidate(Target("small", "small@one", "one"), Expectation(0.9, 10, 0.1, 0.0), 0.9, 1.0),),
    chosen=0,
    seed=1,
    weights=Weights(0.1, 0.0),
    reason_codes=(),
    engine="reference",
)


class FailingStore(MemoryStore):
    """A store that answers nothing."""

    async def find_decision(self, tenant: str, decision_id: str) -> Decision | None:
        raise StoreFailure("gone")

    async def outcome_of(self, tenant: str, decision_id: str) -> Report:
        raise StoreFailure("gone")


@asynccontextmanager
async def observer_on(
    store: MemoryStore, clock: ManualClock, *, ledger: Decision | None, asked: Container[str] = ()
) -> AsyncIterator[Observer]:
    journal = Journal(
        store=store,
        learn=lambda _: 0,
        limit=10,
        on_commit=lambda *_: None,
        on_learned=lambda _: None,
        monotonic=clock.monotonic,
        on_fault=lambda _: None,
    )
    writer = asyncio.create_task(journal.run())
    yield Observer(
        open_token=lambda *_: pytest.fail("no token is used here"),
        find_open=lambda tenant, name: ledger if ledger and (tenant, name) == ("acme", "d1") else None,
        knows_model=lambda name: name == "small",
        asked=asked,
        journal=journal,
        store=store,
        clock=clock,
    )
    journal.close()
    await writer


@pytest.mark.parametrize("kept_in", ["ledger", "store"])
async def test_a_decision_by_id_can_be_reported_on_as_long_as_by_token(kept_in: str) -> None:
    store, clock = MemoryStore("r1"), ManualClock(NOW + WEEK - 10**9)
    await store.save_decisions([record_of(DECISION)])
    async with observer_on(store, clock, ledger=DECISION if kept_in == "ledger" else None) as observer:
        _, recorded = await observer.observe(Reference(decision_id="d1"), Report(quality=0.5), CALL)
        assert recorded.recorded_fields == ("quality",)
        clock.advance(1)
        with pytest.raises(TokenExpiredError):
            await observer.observe(Reference(decision_id="d1"), Report(labels={"late": "yes"}), CALL)


async def test_a_store_that_does_not_answer_is_unavailable_and_not_unknown() -> None:
    async with observer_on(FailingStore("r1"), ManualClock(NOW), ledger=None) as observer:
        with pytest.raises(StoreUnavailableError):
            await observer.observe(Reference(decision_id="d1"), Report(quality=0.5), CALL)
        with pytest.raises(StoreUnavailableError):
            await observer.decision("acme", "d1")
    async with observer_on(FailingStore("r1"), ManualClock(NOW), ledger=DECISION) as observer:
        with pytest.raises(StoreUnavailableError):
            await observer.decision("acme", "d1")


async def test_attempts_of_a_decision_that_ask_carries_out_are_its_own_to_report() -> None:
    asked, attempts = {"d1"}, (Attempt("small", "", None, Usage(1), 5, 0.1),)
    async with observer_on(MemoryStore("r1"), ManualClock(NOW), ledger=DECISION, asked=asked) as observer:
        with pytest.raises(OutcomeConflictError) as refused:
            await observer.observe(Reference(decision_id="d1"), Report(quality=0.5, attempts=attempts), CALL)
        assert refused.value.metadata == {"field": "attempts"}
        _, recorded = await observer.observe(Reference(decision_id="d1"), Report(quality=0.7), CALL)
        assert recorded.recorded_fields == ("quality",)
        asked.clear()
        _, recorded = await observer.observe(Reference(decision_id="d1"), Report(attempts=attempts), CALL)
        assert recorded.recorded_fields == ("attempts",)
