"""What counts for a trial: requests that were dealt a policy, by the versions on trial, since it began."""

from __future__ import annotations

import pytest

from atp_grpc.domain.outcome import Attempt, AttemptError, Report
from atp_grpc.learning.trial.evidence import Heard
from atp_grpc.learning.trial.hearing import heard_of
from atp_grpc.learning.trial.terms import Side
from tests.unit.learning.examples import NOW
from tests.unit.learning.trial.hearings import SIDES, observed

ANSWERED = Attempt("small", cost_nano_usd=70, latency_seconds=1.5)
CUT = Attempt("large", error=AttemptError.CUT, cost_nano_usd=30, latency_seconds=0.5)


@pytest.mark.parametrize(("policy", "side"), [(("default", 1), Side.CHAMPION), (("fast", 3), Side.CHALLENGER)])
def test_both_sides_are_heard(policy: tuple[str, int], side: Side) -> None:
    assert heard_of(observed(1, policy, quality=0.5), SIDES) == Heard(side, quality=0.5)


@pytest.mark.parametrize("policy", [("default", 2), ("fast", 2), ("other", 1)])
def test_other_versions_and_other_policies_are_not(policy: tuple[str, int]) -> None:
    assert heard_of(observed(1, policy), SIDES) is None


def test_a_request_that_chose_its_policy_is_not() -> None:
    assert heard_of(observed(1, is_dealt=False), SIDES) is None


def test_what_was_decided_before_the_trial_is_not() -> None:
    assert heard_of(observed(1, decided_nanos=NOW - 1), SIDES) is None


def test_labels_alone_say_nothing() -> None:
    assert heard_of(observed(1, quality=None), SIDES) is None


def test_a_request_costs_what_all_its_attempts_cost_and_takes_as_long_as_all_of_them() -> None:
    heard = heard_of(observed(1, attempts=(CUT, ANSWERED)), SIDES)
    assert heard == Heard(Side.CHALLENGER, 1.0, 100, has_failed=False, latency_seconds=2.0)


def test_a_request_that_nobody_answered_has_failed_and_has_no_latency() -> None:
    heard = heard_of(observed(1, quality=None, attempts=(CUT, CUT)), SIDES)
    assert heard == Heard(Side.CHALLENGER, None, 60, has_failed=True)


@pytest.mark.parametrize("error", [AttemptError.INVALID_REQUEST, AttemptError.CANCELLED])
def test_what_the_caller_did_is_nobodys_failure(error: AttemptError) -> None:
    heard = heard_of(observed(1, quality=None, attempts=(CUT._replace(error=error),)), SIDES)
    assert heard is not None
    assert heard.has_failed is None


def test_a_second_report_on_a_request_is_not_another_request() -> None:
    late = observed(1, standing=Report(attempts=(ANSWERED,)))
    heard = heard_of(late, SIDES)
    assert heard is not None
    assert not heard.is_first
