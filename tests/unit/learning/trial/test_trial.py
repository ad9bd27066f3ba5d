"""A trial: what it comes to, when it waits, and that it goes on after a restart as if nothing had been."""

from __future__ import annotations

import dataclasses
import json
from itertools import islice

import pytest

from atp_grpc.learning.trial.evidence import Heard, Measure, Question
from atp_grpc.learning.trial.terms import Gates, Side, TrialTerms, Verdict
from atp_grpc.learning.trial.trial import Trial
from atp_grpc.learning.trial.wealth import SHOWN
from tests.unit.learning.trial.hearings import SHARE, TERMS, heard


def verdict_of(trial: Trial, count: int = 20_000, **world: float) -> tuple[Verdict, int]:
    """What a trial comes to, and after how many outcomes."""
    for number, one in enumerate(heard(count, **world), start=1):  # type: ignore[arg-type]
        if trial.learn(one) is not Verdict.GO_ON:
            return trial.verdict, number
    return trial.verdict, count


def test_a_challenger_that_is_better_is_promoted() -> None:
    verdict, outcomes = verdict_of(Trial(TERMS, SHARE), better=0.15)
    assert (verdict, outcomes < 5_000) == (Verdict.PROMOTE, True)


def test_a_challenger_that_is_as_good_and_much_cheaper_is_promoted() -> None:
    terms = dataclasses.replace(TERMS, gates=Gates(quality_margin=0.1))
    assert verdict_of(Trial(terms, SHARE), cost_ratio=0.4)[0] is Verdict.PROMOTE


def test_a_saving_that_is_smaller_than_was_asked_for_shows_nothing() -> None:
    asked = {saving: Trial(TrialTerms("fast", SHARE, Gates(cost_saving=saving)), SHARE) for saving in (0.1, 0.5)}
    for trial in asked.values():
        for one in heard(4_000, cost_ratio=0.65):
            trial.learn(one)
    logs = {saving: trial.evidence.logs[Question.COST_LOWER] for saving, trial in asked.items()}
    assert logs[0.1] > SHOWN > 0.0 > logs[0.5]


def test_a_challenger_that_is_cheaper_and_worse_is_never_promoted() -> None:
    verdict, outcomes = verdict_of(Trial(TERMS, SHARE), better=-0.15, cost_ratio=0.2)
    assert (verdict, outcomes < 5_000) == (Verdict.ROLL_BACK, True)


def test_a_challenger_that_leaves_requests_unanswered_is_rolled_back_however_good_its_answers() -> None:
    terms = dataclasses.replace(TERMS, hold=20_000)
    assert verdict_of(Trial(terms, SHARE), better=0.1, more_failures=0.1)[0] is Verdict.ROLL_BACK


def test_a_challenger_that_differs_in_nothing_is_given_up_after_its_requests() -> None:
    terms = dataclasses.replace(TERMS, max_requests=3_000)
    assert verdict_of(Trial(terms, SHARE)) == (Verdict.FUTILE, 3_000)


def test_a_promotion_waits_until_the_gates_have_held() -> None:
    slow, quick = (Trial(dataclasses.replace(TERMS, hold=hold), SHARE) for hold in (400, 0))
    (_, late), (_, early) = verdict_of(slow, better=0.2), verdict_of(quick, better=0.2)
    assert late - early == 400
    assert slow.held == 400


def test_gates_that_close_again_begin_the_wait_anew() -> None:
    trial = Trial(dataclasses.replace(TERMS, hold=5_000), SHARE)
    outcomes = heard(20_000, better=0.2)
    while trial.held is None:
        trial.learn(next(outcomes))
    for one in heard(1_500, better=-0.25, seed=9):
        trial.learn(one)
        if trial.held is None:
            break
    assert trial.held is None
    assert trial.verdict is Verdict.GO_ON


def test_a_verdict_is_final() -> None:
    trial = Trial(TERMS, SHARE)
    verdict_of(trial, better=-0.3)
    state = json.dumps(trial.state)
    assert verdict_of(trial, better=0.5)[0] is Verdict.ROLL_BACK
    assert json.dumps(trial.state) == state


@pytest.mark.parametrize("cut", [0, 1, 137, 1_000])
def test_a_trial_goes_on_from_its_state_bit_for_bit(cut: int) -> None:
    whole, first = Trial(TERMS, SHARE), Trial(TERMS, SHARE)
    for one in heard(1_200, better=0.02):
        whole.learn(one)
    outcomes = heard(1_200, better=0.02)
    for one in islice(outcomes, cut):
        first.learn(one)
    second = Trial(TERMS, SHARE, json.loads(json.dumps(first.state)))
    for one in outcomes:
        second.learn(one)
    assert json.dumps(second.state) == json.dumps(whole.state)


def test_drift_common_to_both_sides_shows_nothing_even_when_the_share_of_the_outcomes_changes_with_it() -> None:
    """The harder the hour, the more of the outcomes are the challenger's: pooled means would call it worse."""
    trial = Trial(TrialTerms("fast", SHARE, max_requests=100_000), SHARE)
    for hour in range(24):
        hard = 0.2 + 0.6 * (hour % 2)
        for one in heard(600, seed=hour, quality=1.0 - hard, share=hard):
            trial.learn(one)
    standing = trial.evidence.standing(Measure.QUALITY)
    assert standing.means[Side.CHAMPION] - standing.means[Side.CHALLENGER] > 0.1
    assert trial.verdict is Verdict.GO_ON
    assert max(trial.evidence.logs[asked] for asked in (Question.QUALITY_BETTER, Question.QUALITY_WORSE)) < SHOWN


def test_what_is_not_reported_keeps_its_gate_closed_and_one_that_is_not_asked_for_stands_open() -> None:
    def graded_only(terms: TrialTerms) -> Verdict:
        trial = Trial(terms, SHARE)
        for one in heard(8_000, better=0.2):
            trial.learn(Heard(one.side, quality=one.quality))
        return trial.verdict

    assert graded_only(TERMS) is Verdict.GO_ON
    assert graded_only(dataclasses.replace(TERMS, gates=Gates(failure_margin=None))) is Verdict.PROMOTE


def test_a_challenger_that_is_too_slow_is_not_promoted_where_latency_is_asked_for() -> None:
    asked = Trial(dataclasses.replace(TERMS, gates=Gates(latency_margin=0.1)), SHARE)
    for one in heard(20_000, better=0.2):
        slower = 3.0 if one.side is Side.CHALLENGER else 1.0
        asked.learn(one._replace(latency_seconds=slower * (one.latency_seconds or 0.0)))
    assert asked.verdict is Verdict.FUTILE
    assert asked.evidence.logs[Question.LATENCY_NOT_WORSE] < 0.0
