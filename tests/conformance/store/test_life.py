"""What a store promises about its life: it answers, it finishes what it started, and it closes once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from atp_grpc.domain.history import HistoryQuery
from atp_grpc.domain.outcome import Report
from atp_grpc.store.contract import Store, StoreFailure
from tests.conformance.store.samples import NOW, about, kept

OPERATIONS: dict[str, Callable[[Store], Awaitable[object]]] = {
    "record": lambda store: store.record([about(quality=0.5)]),
    "observations_after": lambda store: store.observations_after(0, 1),
    "last_sequence": lambda store: store.last_sequence(),
    "save_decisions": lambda store: store.save_decisions([kept()]),
    "find_decision": lambda store: store.find_decision("acme", "decision-1"),
    "history": lambda store: store.history(HistoryQuery("acme"), after=None, limit=1),
    "outcome_of": lambda store: store.outcome_of("acme", "decision-1"),
    "save_checkpoint": lambda store: store.save_checkpoint("default", b"state"),
    "load_checkpoint": lambda store: store.load_checkpoint("default"),
    "read_fact": lambda store: store.read_fact("key"),
    "write_fact": lambda store: store.write_fact("key", "value"),
    "prune": lambda store: store.prune(fields_before_nanos=0, decisions_before_nanos=0, learned_through=0),
    "ping": lambda store: store.ping(),
}


async def test_an_open_store_answers_a_ping(store: Store) -> None:
    await store.ping()


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_a_closed_store_refuses(store: Store, operation: str) -> None:
    await store.close()

    with pytest.raises(StoreFailure, match="the store is closed"):
        await OPERATIONS[operation](store)


def test_every_operation_is_tried_on_a_closed_store() -> None:
    promised = {name for name in vars(Store) if not name.startswith("_")}

    assert promised - set(OPERATIONS) == {"kind", "replica", "close"}


async def test_closing_twice_and_at_once_is_fine(store: Store) -> None:
    await asyncio.gather(store.close(), store.close())
    await store.close()


async def test_close_finishes_what_was_started(store: Store) -> None:
    recording = [
        asyncio.ensure_future(store.record([about(f"decision-{number}", quality=0.5)])) for number in range(20)
    ]
    await asyncio.sleep(0)

    await store.close()

    assert [len(await task) for task in recording] == [1] * 20


async def test_a_cancelled_record_is_done_wholly(store: Store) -> None:
    recording = asyncio.ensure_future(store.record([about("one", quality=0.5), about("two", quality=0.5)]))
    await asyncio.sleep(0)
    recording.cancel()
    await asyncio.gather(recording, return_exceptions=True)

    # A second record comes after the first in the order of writes.
    await store.record([about("three", quality=0.5)])

    assert await store.last_sequence() == 3
    for decision_id in ("one", "two", "three"):
        assert await store.outcome_of("acme", decision_id) == Report(quality=0.5)


async def test_a_crowd_of_cancelled_callers_leaves_no_gap(store: Store) -> None:
    crowd = [asyncio.ensure_future(store.record([about(f"decision-{number}", quality=0.5)])) for number in range(50)]
    await asyncio.sleep(0)
    for task in crowd[::2]:
        task.cancel()
    await asyncio.gather(*crowd, return_exceptions=True)
    await store.write_fact("after", "them")

    sequences = [observation.sequence for observation in await store.observations_after(0, 100)]
    assert sequences == list(range(1, await store.last_sequence() + 1))
    for number in range(1, 50, 2):
        assert await store.outcome_of("acme", f"decision-{number}") == Report(quality=0.5)


async def test_a_report_that_cannot_be_judged_leaves_nothing_of_its_batch(store: Store) -> None:
    broken = about("broken", labels={"key": "value", 1: "value"})  # type: ignore[dict-item]

    with pytest.raises(TypeError):
        await store.record([about("whole", quality=0.5), broken])

    assert await store.outcome_of("acme", "whole") == Report()
    assert await store.last_sequence() == 0
    await store.record([about("whole", quality=0.5, observed_nanos=NOW)])
    assert await store.last_sequence() == 1
