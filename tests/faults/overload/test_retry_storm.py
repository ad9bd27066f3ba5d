"""Callers that try again at once, whatever they are told: they do not push out those who come for the first time."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.battery import report
from tests.faults.overload.ground import CROWD, STRICT, Ground, ground, share, told, within_reach
from tests.faults.overload.storm import Fate, Phase, Storm

ATTEMPTS = 5
GOODPUT_BAR = 0.8
MARGIN = 0.2
"""By how much more of the retries are sent away than of the first tries, at least, while both are."""


async def stormed(server: Ground, phase: Phase) -> Storm:
    return await server.storm(phase, deadline_seconds=10, attempts=ATTEMPTS)


def judge(test: str, peak: float, fate: Fate, busy: float) -> None:
    """Reports the row; fails unless a retry is sent away sooner than a first try."""
    first, again = share(fate.sent_away, fate.asked), share(fate.retries_sent_away, fate.retries)
    attempts = fate.asked + fate.retries
    figure = told(fate, peak, busy) | {
        "first_sent_away": first,
        "retries_sent_away": again,
        "attempts_per_call": round(attempts / fate.asked, 2),
    }
    bar = {"goodput": GOODPUT_BAR, "retries_sent_away": "more than first tries"}
    report(test, n=attempts, figure=figure, bar=bar, passed=fate.goodput >= GOODPUT_BAR * peak and again > first)
    assert fate.retries > 0
    assert again >= min(first + MARGIN, 1.0)
    assert fate.advised == fate.sent_away + fate.retries_sent_away


async def test_retries_are_sent_away_before_first_tries(tmp_path: Path) -> None:
    with ground(tmp_path, *STRICT) as server:
        peak = await server.peak()
        seen = await stormed(server, Phase(2, at_a_time=CROWD))

    judge("C3 short", peak, seen.fates[0], seen.busy)


@pytest.mark.slow
@pytest.mark.timeout(200)
async def test_a_retry_storm_leaves_answers_and_is_over_when_its_cause_is(tmp_path: Path) -> None:
    with ground(tmp_path) as server:
        peak = await server.peak()
        seen = await stormed(server, Phase(20, rate=1.5 * peak))
        after = await server.storm(Phase(3, rate=0.3 * peak))

    judge("C3", peak, seen.fates[0], seen.busy)
    assert within_reach([seen])
    assert after.fates[0].answered == after.fates[0].asked
