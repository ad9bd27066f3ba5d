"""What a store promises of its log: every decision once, in order, with what stands for it, page by page."""

from __future__ import annotations

import asyncio
import dataclasses
import struct
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atp_grpc.domain.clock import ManualClock
from atp_grpc.domain.history import HistoryQuery, Logged, Place
from atp_grpc.domain.outcome import Report
from atp_grpc.store.contract import MOST_LISTED, DecisionRecord, Store, StoreFailure
from atp_grpc.store.decision_codec import record_of
from atp_grpc.store.memory import MemoryStore
from atp_grpc.store.sqlite import SqliteStore, open_sqlite_store
from tests.conformance.store.samples import ANSWERED, NOW, about, decision, kept

EVERYBODY = HistoryQuery(tenant=None)
ACME = HistoryQuery(tenant="acme")
SECOND = 10**9


async def read(store: Store, query: HistoryQuery, *, limit: int = 100) -> list[Logged]:
    """The whole log, page by page."""
    entries: list[Logged] = []
    after = None
    while True:
        page = await store.history(query, after=after, limit=limit)
        assert len(page.entries) <= limit
        entries += page.entries
        if page.next_after is None:
            return entries
        after = page.next_after


def names(entries: list[Logged] | tuple[Logged, ...]) -> list[str]:
    return [entry.decision.decision_id for entry in entries]


async def test_an_empty_log_ends_at_once(store: Store) -> None:
    assert await store.history(EVERYBODY, after=None, limit=1) == ((), None)
    assert await store.history(HistoryQuery("acme", 1, 2, newest_first=True), after=None, limit=1) == ((), None)


async def test_decisions_come_in_the_order_they_were_kept_whole_with_what_stands_for_them(store: Store) -> None:
    await store.save_decisions([kept("one"), kept("two")])
    await store.save_decisions([kept("aaa")])
    await store.record([about("two", quality=0.5, labels={"a": "1"}), about("aaa", attempts=(ANSWERED,))])
    await store.record([about("two", attempts=(ANSWERED,), labels={"b": "2"})])

    entries = await read(store, ACME)

    assert [entry.decision for entry in entries] == [decision("one"), decision("two"), decision("aaa")]
    assert [entry.outcome for entry in entries] == [
        Report(),
        Report(0.5, (ANSWERED,), {"a": "1", "b": "2"}),
        Report(attempts=(ANSWERED,)),
    ]
    places = [entry.place for entry in entries]
    assert places == sorted(set(places))
    assert await read(store, ACME._replace(newest_first=True)) == entries[::-1]


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("limit", [1, 2, 3, 7])
async def test_pages_of_any_size_hold_every_decision_once(store: Store, limit: int, newest_first: bool) -> None:
    for first in range(0, 7, 3):
        await store.save_decisions([kept(f"id-{number}") for number in range(first, min(first + 3, 7))])

    entries = await read(store, HistoryQuery(None, newest_first=newest_first), limit=limit)

    expected = [f"id-{number}" for number in range(7)]
    assert names(entries) == (expected[::-1] if newest_first else expected)


async def test_the_last_page_says_that_it_is_the_last(store: Store) -> None:
    await store.save_decisions([kept("one"), kept("two")])

    whole = await store.history(ACME, after=None, limit=2)
    assert whole.next_after is None
    half = await store.history(ACME, after=None, limit=1)
    assert half.next_after == half.entries[-1].place


async def test_a_tenant_sees_its_own_decisions_and_nobody_elses(store: Store) -> None:
    # Beginnings of each other's names, and one that reads like a name with its length.
    tenants = ["acme", "acme2", "acm", "", "\x04\x00acme"]
    await store.save_decisions([kept(f"d-{number}", tenant=name) for number, name in enumerate(tenants)])

    for number, name in enumerate(tenants):
        entries = await read(store, HistoryQuery(name))
        assert [(entry.decision.tenant, entry.decision.decision_id) for entry in entries] == [(name, f"d-{number}")]
    assert len(await read(store, EVERYBODY)) == len(tenants)


async def test_an_outcome_is_that_of_its_tenants_decision_only(store: Store) -> None:
    await store.save_decisions([kept("same", tenant="acme"), kept("same", tenant="umbra")])
    await store.record([about("same", tenant="umbra", quality=1.0)])

    assert [entry.outcome for entry in await read(store, EVERYBODY)] == [Report(), Report(1.0)]


@pytest.mark.parametrize("newest_first", [False, True])
async def test_moments_bound_the_log_the_first_included_and_the_second_not(store: Store, newest_first: bool) -> None:
    moments = [NOW + number * SECOND // 2 for number in range(40)]
    for first in range(0, 40, 8):
        await store.save_decisions(
            [kept(f"decision-{number:03d}", decided_nanos=moments[number]) for number in range(first, first + 8)]
        )

    async def between(since: int | None, before: int | None) -> list[str]:
        return sorted(names(await read(store, HistoryQuery("acme", since, before, newest_first=newest_first), limit=3)))

    everybody = [f"decision-{number:03d}" for number in range(40)]
    assert await between(moments[7], None) == everybody[7:]
    assert await between(moments[7] + 1, None) == everybody[8:]
    assert await between(None, moments[30]) == everybody[:30]
    assert await between(moments[9], moments[10]) == everybody[9:10]
    assert await between(moments[9], moments[9]) == []
    assert await between(NOW + 10**15, None) == []
    assert await between(-(2**63), 2**63 - 1) == everybody


async def test_what_is_kept_meanwhile_comes_last_and_moves_nobody(store: Store) -> None:
    await store.save_decisions([kept("zz-1"), kept("zz-2"), kept("zz-3")])
    first = await store.history(ACME, after=None, limit=2)

    await store.save_decisions([kept("aa-4", decided_nanos=NOW - SECOND)])

    rest = await store.history(ACME, after=first.next_after, limit=9)
    assert names(first.entries) == ["zz-1", "zz-2"]
    assert names(rest.entries) == ["zz-3", "aa-4"]
    newest = await store.history(ACME._replace(newest_first=True), after=rest.entries[0].place, limit=9)
    assert names(newest.entries) == ["zz-2", "zz-1"]


async def test_what_was_pruned_meanwhile_is_left_out_and_the_rest_keeps_its_place(store: Store) -> None:
    await store.save_decisions([kept("old", decided_nanos=NOW - 10 * SECOND)])
    await store.save_decisions([kept("one"), kept("two")])
    first = await store.history(ACME, after=None, limit=1)
    assert names(first.entries) == ["old"]
    before = await read(store, ACME)

    await store.prune(fields_before_nanos=0, decisions_before_nanos=NOW, learned_through=0)

    rest = await store.history(ACME, after=first.next_after, limit=9)
    assert list(rest.entries) == before[1:]
    assert await read(store, ACME) == before[1:]
    last = await store.history(ACME._replace(newest_first=True), after=before[1].place, limit=9)
    assert last == ((), None)


async def test_a_place_nobody_is_at_is_still_a_place(store: Store) -> None:
    await store.save_decisions([kept("one")])

    assert await store.history(ACME, after=Place(2**40, 7), limit=9) == ((), None)
    assert names((await store.history(ACME, after=Place(0, 0), limit=9)).entries) == ["one"]
    newest = ACME._replace(newest_first=True)
    assert names((await store.history(newest, after=Place(2**40, 7), limit=9)).entries) == ["one"]
    assert await store.history(newest, after=Place(0, 0), limit=9) == ((), None)


async def test_a_decision_that_was_saved_again_comes_once_where_it_was_first(store: Store) -> None:
    again = record_of(dataclasses.replace(decision("one"), seed=1))
    await store.save_decisions([kept("one"), again, kept("two")])
    await store.save_decisions([kept("three"), again, kept("one", tenant="umbra")])

    for newest_first in (False, True):
        entries = await read(store, HistoryQuery(None, newest_first=newest_first), limit=2)
        assert sorted(names(entries)) == ["one", "one", "three", "two"]
        assert {entry.decision.seed for entry in entries} == {decision().seed}
        assert sorted(entry.decision.tenant for entry in entries) == ["acme", "acme", "acme", "umbra"]


async def test_a_tenants_few_among_many_come_on_short_pages(store: Store) -> None:
    crowd = kept("000000000-0", tenant="crowd")
    for batch in range(10):
        await store.save_decisions(
            [crowd._replace(decision_id=f"{batch:09d}-{number}") for number in range(500)] + [kept(f"{batch:09d}-mine")]
        )

    first = await store.history(ACME, after=None, limit=100)
    assert first.next_after is not None
    assert 0 < len(first.entries) < 10
    rest = await store.history(ACME, after=first.next_after, limit=100)
    assert rest.next_after is None
    assert names(first.entries + rest.entries) == [f"{batch:09d}-mine" for batch in range(10)]
    nobody = await store.history(HistoryQuery("umbra", newest_first=True), after=None, limit=100)
    assert nobody.entries == ()
    assert nobody.next_after is not None


async def test_no_page_is_longer_than_the_longest(store: Store) -> None:
    body = kept("0000").body
    name = struct.Struct("<H4s")
    for first in range(0, MOST_LISTED + 1, 667):
        await store.save_decisions(
            [
                DecisionRecord(
                    "acme", f"{number:04d}", NOW, body.replace(name.pack(4, b"0000"), name.pack(4, b"%04d" % number))
                )
                for number in range(first, first + 667)
            ]
        )

    page = await store.history(ACME, after=None, limit=10**9)

    assert names(page.entries) == [f"{number:04d}" for number in range(MOST_LISTED)]
    assert page.next_after == page.entries[-1].place


@pytest.mark.parametrize("damage", ["records = zeroblob(length(records))", "directory = x'000000000a000000'"])
async def test_a_damaged_decision_on_the_way_is_a_failure(sqlite_store: SqliteStore, damage: str) -> None:
    await sqlite_store.save_decisions([kept("one")])
    await sqlite_store._writer.run(lambda connection: connection.execute(f"UPDATE decision_segments SET {damage}"))

    for query in (EVERYBODY, ACME):
        with pytest.raises(StoreFailure, match="a stored decision is damaged"):
            await sqlite_store.history(query, after=None, limit=1)


async def test_a_damaged_observation_on_the_way_is_a_failure(sqlite_store: SqliteStore) -> None:
    await sqlite_store.save_decisions([kept("one")])
    await sqlite_store.record([about("one", quality=0.5)])
    await sqlite_store._writer.run(
        lambda connection: connection.execute("UPDATE observation_segments SET records = zeroblob(length(records))")
    )

    with pytest.raises(StoreFailure, match="a stored observation is damaged"):
        await sqlite_store.history(EVERYBODY, after=None, limit=1)


keys = st.tuples(st.sampled_from(["acme", "umbra", ""]), st.sampled_from(["000000000a", "000000000b", "x", "\x00é"]))
savings = st.lists(st.lists(st.tuples(keys, st.integers(0, 12)), max_size=5), max_size=6)
queries = st.builds(
    HistoryQuery,
    st.sampled_from([None, "acme", "umbra"]),
    st.none() | st.integers(NOW, NOW + 13 * SECOND),
    st.none() | st.integers(NOW, NOW + 13 * SECOND),
    newest_first=st.booleans(),
)


@settings(max_examples=60)
@given(savings, st.lists(st.tuples(keys, st.sampled_from([0.25, 1.0])), max_size=4), queries, st.integers(1, 4))
def test_any_log_reads_like_a_list(
    batches: list[list[tuple[tuple[str, str], int]]],
    reported: list[tuple[tuple[str, str], float]],
    query: HistoryQuery,
    limit: int,
) -> None:
    listed: dict[tuple[str, str], int] = {}
    outcomes: dict[tuple[str, str], float] = {}
    for (tenant, name), seconds in (entry for batch in batches for entry in batch):
        listed.setdefault((tenant, name), NOW + seconds * SECOND)
    for key, quality in reported:
        outcomes.setdefault(key, quality)
    since = NOW if query.since_nanos is None else query.since_nanos
    before = 2**63 if query.before_nanos is None else query.before_nanos
    expected = [
        (key, outcomes.get(key))
        for key, moment in listed.items()
        if query.tenant in (None, key[0]) and since <= moment < before
    ]
    if query.newest_first:
        expected.reverse()

    async def check(store: Store) -> None:
        for batch in batches:
            await store.save_decisions(
                [kept(name, tenant=tenant, decided_nanos=NOW + at * SECOND) for (tenant, name), at in batch]
            )
        for (tenant, name), quality in reported:
            await store.record([about(name, tenant=tenant, quality=quality)])
        entries = await read(store, query, limit=limit)
        assert [((one.decision.tenant, one.decision.decision_id), one.outcome.quality) for one in entries] == expected
        await store.close()

    async def check_both() -> None:
        await check(MemoryStore("r"))
        with tempfile.TemporaryDirectory() as folder:
            await check(await open_sqlite_store(Path(folder) / "atp.db", replica="r", clock=ManualClock()))

    asyncio.run(check_both())
