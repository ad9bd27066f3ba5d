"""Off-policy answers about the real engine's own logs hold the true value, and no target sees more than it should."""

from __future__ import annotations

from collections import defaultdict
from functools import cache

import pytest

from atp_grpc.learning.evaluation.evaluator import Evaluation, Refused
from atp_grpc.learning.evaluation.sample import Figure
from tests.bench.ope_log import SIMULATED, World, serve, world
from tests.bench.ope_study import Judged, judge_log, standing_of

ROWS = 400
LOGS = 8
EPSILON = 0.5
"""Explores so much that a short log can answer."""


def short_world() -> World:
    return world(SIMULATED, EPSILON, ROWS)


@cache
def study() -> dict[tuple[str, Figure], list[Judged]]:
    found = defaultdict(list)
    for order in range(LOGS):
        for judged in judge_log(short_world(), order):
            found[judged.target, judged.figure].append(judged)
    return dict(found)


@pytest.mark.parametrize("figure", Figure)
def test_intervals_hold_the_true_value_on_logs_of_the_engine(figure: Figure) -> None:
    answered = [
        (judged.found, judged)
        for (_, about), several in study().items()
        for judged in several
        if about is figure and isinstance(judged.found, Evaluation)
    ]
    assert len(answered) >= LOGS
    held = [found.value.low <= judged.truth <= found.value.high for found, judged in answered]
    differences = [found.difference.low <= judged.gap <= found.difference.high for found, judged in answered]
    assert sum(held) >= 0.9 * len(held)
    assert sum(differences) >= 0.9 * len(differences)


def test_logged_propensities_are_true() -> None:
    assert standing_of(study()["uniform", Figure.QUALITY]).deviant == 0.0


def test_a_log_that_explored_as_little_as_usual_is_too_short_for_single_models() -> None:
    usual = world(SIMULATED, prompts=ROWS)
    found = {judged.target: judged.found for judged in judge_log(usual, 0)}
    assert isinstance(found["best"], Refused)
    assert isinstance(found["cheapest"], Refused)


def test_a_log_draws_what_its_decisions_say() -> None:
    log = [served.logged for served in serve(short_world(), 0, 50)]
    for entry in log:
        assert entry.decision.lesson.model == entry.decision.target.model == entry.outcome.attempts[0].model
        assert sum(candidate.propensity for candidate in entry.decision.candidates) == pytest.approx(1.0)
    assert len({entry.decision.target.model for entry in log}) > 2
