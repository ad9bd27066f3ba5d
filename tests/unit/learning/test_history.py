"""The log with filters: whoever is asked for is found in order, and no page reads without end."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atp_grpc.domain.decision import Decision
from atp_grpc.domain.errors import StoreUnavailableError
from atp_grpc.domain.history import HistoryPage, HistoryQuery, Logged, Place
from atp_grpc.learning.history import EVERYTHING, MOST_READ, Filter, History
from atp_grpc.store.decision_codec import record_of
from atp_grpc.store.memory import MemoryStore
from tests.conformance.store.samples import about, decision

ACME = HistoryQuery("acme")


def made(
    name: str, *, model: str = "large", task_type: str = "code", labels: Mapping[str, str] | None = None
) -> Decision:
    plain = decision(name)
    lesson = plain.lesson._replace(model=model)
    return dataclasses.replace(plain, lesson=lesson, task_type=task_type, labels=labels or {})


async def whole(history: History, where: Filter, *, size: int = 3) -> list[Logged]:
    entries: list[Logged] = []
    after: Place | None = None
    while True:
        page = await history.page(ACME, where, after=after, size=size)
        assert len(page.entries) <= size
        entries += page.entries
        if page.next_after is None:
            return entries
        assert after is None or page.next_after > after
        after = page.next_after


def names(entries: list[Logged]) -> list[str]:
    return [one.decision.decision_id for one in entries]


async def test_each_field_of_a_filter_must_hold() -> None:
    store = MemoryStore("r")
    plain = made("plain")
    await store.save_decisions(
        [
            record_of(one)
            for one in (
                plain,
                made("other model", model="small"),
                made("other task", task_type="sum"),
                made("labelled", labels={"a": "1", "b": "2"}),
                dataclasses.replace(made("other session"), session_id="s-9"),
                dataclasses.replace(
                    plain,
                    lesson=plain.lesson._replace(
                        decision_id="other policy", revisions=plain.lesson.revisions._replace(policy="p")
                    ),
                ),
            )
        ]
    )
    await store.record([about("labelled", quality=0.5)])
    history = History(store)

    assert len(await whole(history, EVERYTHING)) == 6
    assert names(await whole(history, Filter(model="small"))) == ["other model"]
    assert names(await whole(history, Filter(task_type="sum"))) == ["other task"]
    assert names(await whole(history, Filter(session_id="s-9"))) == ["other session"]
    assert names(await whole(history, Filter(policy="p"))) == ["other policy"]
    assert names(await whole(history, Filter(labels={"a": "1"}))) == ["labelled"]
    assert names(await whole(history, Filter(labels={"a": "1", "b": "3"}))) == []
    assert names(await whole(history, Filter(is_observed=True))) == ["labelled"]
    assert len(await whole(history, Filter(is_observed=False))) == 5
    assert names(await whole(history, Filter(model="large", task_type="sum"))) == ["other task"]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.booleans(), max_size=40), st.integers(1, 5))
async def test_whoever_is_asked_for_is_found_once_and_in_order(wanted: list[bool], size: int) -> None:
    store = MemoryStore("r")
    rows = [made(f"{number:03d}", model="small" if one else "large") for number, one in enumerate(wanted)]
    await store.save_decisions([record_of(one) for one in rows])

    found = await whole(History(store), Filter(model="small"), size=size)

    assert names(found) == [one.decision_id for one in rows if one.lesson.model == "small"]


async def test_a_filter_that_finds_nothing_gives_an_empty_page_and_where_to_go_on() -> None:
    store = MemoryStore("r")
    plain = record_of(made("0000"))
    await store.save_decisions([plain._replace(decision_id=f"{number:04d}") for number in range(MOST_READ + 2)])
    await store.save_decisions([record_of(made("last", model="small"))])
    history = History(store)

    first = await history.page(ACME, Filter(model="small"), after=None, size=5)
    assert first.entries == ()
    assert first.next_after == Place(MOST_READ, 0)
    second = await history.page(ACME, Filter(model="small"), after=first.next_after, size=5)
    assert names(list(second.entries)) == ["last"]
    assert second.next_after is None


async def test_a_store_that_does_not_answer_is_unavailable() -> None:
    store = MemoryStore("r")
    await store.close()

    with pytest.raises(StoreUnavailableError):
        await History(store).page(ACME, EVERYTHING, after=None, size=1)


@pytest.mark.parametrize("where", [EVERYTHING, Filter(model="small")])
async def test_others_get_their_turn_while_a_long_page_is_read(where: Filter) -> None:
    limits: list[int] = []
    turns: list[int] = []

    class Watched(MemoryStore):
        async def history(self, query: HistoryQuery, *, after: Place | None, limit: int) -> HistoryPage:
            limits.append(limit)
            return await super().history(query, after=after, limit=limit)

    async def other() -> None:
        while True:
            turns.append(len(limits))
            await asyncio.sleep(0)

    store = Watched("r")
    plain = record_of(made("0000"))
    await store.save_decisions([plain._replace(decision_id=f"{number:04d}") for number in range(1000)])
    beside = asyncio.create_task(other())
    try:
        page = await History(store).page(ACME, where, after=None, size=1000)
    finally:
        beside.cancel()

    assert len(page.entries) == (1000 if where == EVERYTHING else 0)
    assert page.next_after is None
    assert max(limits) <= 128
    assert turns == list(range(1, len(limits)))
