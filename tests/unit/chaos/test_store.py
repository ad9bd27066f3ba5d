"""A store with faults on purpose keeps the promise of the contract: what fails may have been done, and is done once."""

from __future__ import annotations

import asyncio
import inspect
from contextlib import suppress

import pytest

from atp_grpc.chaos import Chaos, ChaosFault, ChaosTarget
from atp_grpc.domain.claim import ClaimKey
from atp_grpc.domain.outcome import NewObservation, Recorded
from atp_grpc.store.chaos import ChaosStore
from atp_grpc.store.contract import LedgerStore, StoreFailure
from atp_grpc.store.memory import MemoryStore
from tests.conformance.store.samples import about
from tests.unit.chaos.worlds import chaos, errors, rule

STORE = ChaosTarget.STORE


@pytest.fixture
def desk() -> Chaos:
    return chaos()


@pytest.fixture
def memory() -> MemoryStore:
    return MemoryStore("replica-1")


@pytest.fixture
def store(memory: MemoryStore, desk: Chaos) -> LedgerStore:
    return ChaosStore(memory, desk)


def test_every_operation_of_the_contract_may_be_struck_but_closing() -> None:
    operations = {name for name, made in vars(ChaosStore).items() if inspect.iscoroutinefunction(made)}
    promised = {
        name for room in LedgerStore.__mro__ for name, made in vars(room).items() if inspect.iscoroutinefunction(made)
    }
    assert operations == promised
    unstruck = {name for name in operations if "_done" not in vars(ChaosStore)[name].__code__.co_names}
    assert unstruck == {"close"}


async def test_without_a_rule_it_is_the_other_store(store: LedgerStore, memory: MemoryStore) -> None:
    assert (store.kind, store.replica) == ("memory", "replica-1")
    await store.write_fact("key", "value")
    assert await memory.read_fact("key") == await store.read_fact("key") == "value"


async def test_some_failures_come_before_the_work_and_some_after(
    store: LedgerStore, memory: MemoryStore, desk: Chaos
) -> None:
    desk.set(STORE, [errors(STORE)], seed=1)
    for number in range(40):
        with pytest.raises(StoreFailure):
            await store.write_fact(str(number), "kept")
    done = [await memory.read_fact(str(number)) is not None for number in range(40)]
    assert 5 < sum(done) < 35


async def test_a_report_that_is_told_again_until_it_is_acknowledged_is_recorded_once(
    store: LedgerStore, memory: MemoryStore, desk: Chaos
) -> None:
    desk.set(STORE, [errors(STORE, 0.5)], seed=3)
    answered: list[Recorded] = []
    for number in range(20):
        told: NewObservation = about(f"d{number}", quality=0.5)
        while len(answered) == number:
            with suppress(StoreFailure):
                [answer] = await store.record([told])
                assert isinstance(answer, Recorded)
                answered.append(answer)
    desk.stop()
    assert any(answer.observation is None for answer in answered), "no failure came after a commit"
    assert await memory.last_sequence() == 20


async def test_claims_are_struck_as_the_rest(store: LedgerStore, memory: MemoryStore, desk: Chaos) -> None:
    key = ClaimKey("acme", "method", "id")
    desk.set(STORE, [errors(STORE)], seed=1)
    for _ in range(8):
        with pytest.raises(StoreFailure):
            await store.claims.keep(key, b"digest", holder=1, now_nanos=0, expires_nanos=10, most_ids=10)
        with pytest.raises(StoreFailure):
            await store.claims.answer(
                key, b"yes", holder=1, tombstone="", now_nanos=0, expires_nanos=10, most_bytes=100
            )
    store.claims.release(key, holder=1)


async def test_a_delay_is_waited_for_and_the_work_is_done(store: LedgerStore, desk: Chaos) -> None:
    desk.set(STORE, [rule(STORE, ChaosFault.DELAY, delay_seconds=3600.0)], seed=1)
    waiting = asyncio.ensure_future(store.ping())
    done, _ = await asyncio.wait([waiting], timeout=0.01)
    assert not done
    waiting.cancel()


async def test_closing_is_never_struck(store: LedgerStore, desk: Chaos) -> None:
    desk.set(STORE, [errors(STORE)])
    await store.close()
