"""What a page of the log costs: no more with bounds of time than without, however long the log is."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from atp_grpc.domain.history import HistoryPage, HistoryQuery, Place
from atp_grpc.store.sqlite import schema
from atp_grpc.store.sqlite.decisions import save_decisions
from atp_grpc.store.sqlite.history import Reading
from tests.conformance.store.samples import NOW, kept

SEGMENTS = 3_000
STEP = 5 * 10**9
"""More than a segment spans."""
END = NOW + SEGMENTS * STEP


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    with ExitStack() as stack:
        opened = schema.open_writer(Path(tmp_path_factory.mktemp("log")) / "atp.db", stack)
        opened.execute("BEGIN")
        save_decisions(
            opened,
            [kept(f"{number:09d}", decided_nanos=NOW + number * STEP) for number in range(SEGMENTS)],
        )
        opened.execute("COMMIT")
        yield opened


def page_and_steps(connection: sqlite3.Connection, query: HistoryQuery, after: Place | None) -> tuple[HistoryPage, int]:
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    connection.set_progress_handler(count, 10)
    try:
        reading = Reading(query, after, 20)
        while reading.go_on(connection):
            pass
    finally:
        connection.set_progress_handler(None, 0)
    return reading.page, steps


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("bounds", [(None, END), (NOW, None), (NOW, END)])
def test_a_page_within_bounds_of_time_costs_little_more_than_one_without(
    connection: sqlite3.Connection, bounds: tuple[int | None, int | None], newest_first: bool
) -> None:
    bare, bounded = (HistoryQuery("acme", *ends, newest_first=newest_first) for ends in ((None, None), bounds))

    for after in (None, Place(SEGMENTS // 2, 0)):
        page, steps = page_and_steps(connection, bare, after)
        same, more = page_and_steps(connection, bounded, after)

        assert same.next_after == page.next_after
        assert len(same.entries) == 20
        assert more <= 2 * steps


@pytest.mark.parametrize("newest_first", [False, True])
def test_a_time_in_the_middle_is_found_whichever_end_is_looked_from(
    connection: sqlite3.Connection, newest_first: bool
) -> None:
    query = HistoryQuery("acme", NOW + 1_400 * STEP, NOW + 1_410 * STEP, newest_first=newest_first)

    page, steps = page_and_steps(connection, query, None)

    found = [one.decision.decision_id for one in page.entries]
    assert sorted(found, reverse=newest_first) == found
    assert set(found) == {f"{number:09d}" for number in range(1_400, 1_410)}
    assert page.next_after is None
    assert steps < 500
