"""The wish that a process end: heard once, with its cause; and the time for it, shared out."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from atp_grpc.app.stopping import Shares, StopRequest, counted


async def test_whoever_asks_first_is_the_cause_and_everybody_who_waits_is_told() -> None:
    stop = StopRequest()
    waiting = [asyncio.create_task(stop.wait()) for _ in range(2)]
    await asyncio.sleep(0)
    assert not stop.is_made

    stop.make("SIGTERM")
    stop.make("the Drain call")

    await asyncio.wait_for(asyncio.gather(*waiting), 5)
    assert stop.is_made
    assert stop.cause == "SIGTERM"
    assert not stop.is_failure


def test_what_breaks_on_the_way_out_is_still_a_failure() -> None:
    stop = StopRequest()
    stop.make("SIGTERM")
    stop.make("a background task died", is_failure=True)
    assert stop.cause == "SIGTERM"
    assert stop.is_failure


def test_thirty_seconds_are_twelve_to_leave_at_most_and_nine_to_answer_at_least() -> None:
    longest = Shares.of(shutdown_seconds=30.0, drain_delay_seconds=30.0)
    assert longest.leave_seconds == pytest.approx(12.0)
    assert longest.calls_seconds == pytest.approx(9.0)


def test_what_callers_do_not_need_to_leave_goes_to_the_calls() -> None:
    for shutdown, delay in itertools.product((0.1, 5.0, 30.0, 3600.0), (0.0, 0.5, 5.0, 600.0)):
        shares = Shares.of(shutdown_seconds=shutdown, drain_delay_seconds=delay)
        assert 0 <= shares.leave_seconds <= delay
        assert shares.calls_seconds >= 0.3 * shutdown - 1e-9
        assert shares.leave_seconds + shares.calls_seconds == pytest.approx(0.7 * shutdown)


def test_a_log_line_counts_the_calls_of_each_method() -> None:
    assert counted({"b/B": 1, "a/A": 3}) == ["a/A: 3", "b/B: 1"]
