"""Which outcome is the drawn model's."""

from __future__ import annotations

import pytest

from atp_grpc.domain.outcome import AttemptError, Report, Usage
from atp_grpc.learning.evaluation.drawn import NOTHING_KNOWN, Drawn, GradedShare, outcome_of_drawn
from tests.unit.learning.evaluation.evaluation_examples import answered, failed, logged


def test_nothing_reported_is_nothing_known() -> None:
    assert outcome_of_drawn(logged()) == NOTHING_KNOWN


def test_a_quality_without_attempts_is_the_drawn_models() -> None:
    assert outcome_of_drawn(logged(Report(quality=0.7))) == Drawn(0.7, None, answered=True)


def test_the_drawn_models_answer_brings_its_quality_and_cost() -> None:
    assert outcome_of_drawn(logged(answered("small", quality=0.7))) == Drawn(0.7, 10, answered=True)


def test_what_another_model_did_in_its_place_stays_out() -> None:
    assert outcome_of_drawn(logged(answered("large", quality=0.9))) == NOTHING_KNOWN


def test_a_failure_of_the_drawn_model_is_quality_nothing_whoever_answered_for_it() -> None:
    report = Report(0.9, (failed("small"), *answered("large").attempts))
    assert outcome_of_drawn(logged(report)) == Drawn(0.0, 3)


def test_a_failure_that_a_fallback_hid_is_unknown_while_nobody_graded_the_request() -> None:
    report = Report(None, (failed("small"), *answered("large").attempts))
    assert outcome_of_drawn(logged(report)) == Drawn(None, 3)


def test_a_failure_that_nobody_answered_for_is_known_without_a_grade() -> None:
    report = Report(None, (failed("small"), failed("large")))
    assert outcome_of_drawn(logged(report)) == Drawn(0.0, 3, ungradable=True)


@pytest.mark.parametrize("error", [AttemptError.CANCELLED, AttemptError.INVALID_REQUEST])
def test_an_error_that_is_not_the_models_says_nothing_of_its_quality(error: AttemptError) -> None:
    assert outcome_of_drawn(logged(Report(None, (failed("small", error),)))) == Drawn(None, 3)


def test_a_retry_that_answered_counts_with_the_cost_of_all_its_own_attempts() -> None:
    report = Report(0.8, (failed("small"), *answered("small").attempts))
    assert outcome_of_drawn(logged(report)) == Drawn(0.8, 13, answered=True)


def test_an_answer_that_was_replaced_is_not_graded_by_what_replaced_it() -> None:
    report = Report(0.9, (*answered("small").attempts, *answered("large").attempts))
    assert outcome_of_drawn(logged(report)) == Drawn(None, 10, answered=True)


def test_a_cost_that_is_known_of_one_attempt_only_is_unknown() -> None:
    report = Report(0.8, (failed("small", cost=None), *answered("small").attempts))
    assert outcome_of_drawn(logged(report)).cost_nano_usd is None


def test_a_cost_that_nobody_reported_follows_from_the_tokens() -> None:
    attempt = answered("small", cost=None).attempts[0]._replace(usage=Usage(input_tokens=0, output_tokens=0))
    assert outcome_of_drawn(logged(Report(0.8, (attempt,)))).cost_nano_usd == 0


def test_failures_nobody_could_grade_count_in_the_share_in_which_answers_are_graded() -> None:
    share = GradedShare()
    graded, ungraded = Drawn(1.0, None, answered=True), Drawn(None, None, answered=True)
    failure = Drawn(0.0, None, ungradable=True)
    counted = 0
    for at in range(2000):
        share.counts(graded if at % 20 == 0 else ungraded)
        counted += share.counts(failure)
    assert counted == pytest.approx(2000 / 20, abs=5)


def test_every_failure_counts_where_every_answer_is_graded() -> None:
    share = GradedShare()
    assert share.counts(Drawn(0.0, None, ungradable=True))
    assert share.counts(Drawn(1.0, None, answered=True))
    assert all(share.counts(Drawn(0.0, None, ungradable=True)) for _ in range(5))
