"""What routing saved: bills to the nano-dollar on one side, a baseline with an interval that holds on the other."""

from __future__ import annotations

import math
import random
from typing import Final, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.domain.decision import Candidate, Decision, Expectation, Target
from atp_grpc.domain.history import Logged, Place
from atp_grpc.domain.outcome import Attempt, AttemptError, Report
from atp_grpc.domain.request import Weights
from atp_grpc.learning.evaluation.evaluator import LEVEL
from atp_grpc.learning.evaluation.targets import Always
from atp_grpc.learning.savings import Basis, Group, Savings, Statement
from tests.unit.learning.evaluation.evaluation_examples import answered, failed, logged
from tests.unit.learning.examples import lesson

GIVEN_UP: Final = Attempt("small", error=AttemptError.CANCELLED, cost_nano_usd=0)


def statement(entries: list[Logged], baseline: str = "large", level: float = LEVEL) -> Statement:
    savings = Savings(Always(baseline))
    for entry in entries:
        savings.add(entry)
    return savings.statement(level)


def test_every_attempt_that_was_billed_is_paid_and_what_gave_no_answer_is_shown() -> None:
    told = statement(
        [
            logged(answered("small", cost=90)),
            logged(Report(attempts=(failed("small", cost=7), Attempt("large", cost_nano_usd=1_100)))),
            logged(Report(attempts=(failed("small", AttemptError.CUT, cost=40),))),
        ]
    )
    assert told.compared == Group(3, 90 + 7 + 1_100 + 40)
    assert told.beside == Group(2, 7 + 40)
    assert told.predicted_nano_usd == 3 * 1_000


def test_a_decision_without_a_whole_bill_is_on_neither_side_and_never_silently_free() -> None:
    told = statement(
        [
            logged(answered("small", cost=90)),
            logged(),
            logged(Report(quality=0.5)),
            logged(Report(attempts=(failed("small", cost=7), Attempt("large")))),
        ]
    )
    assert told.compared == Group(1, 90)
    assert told.unbilled == Group(3, 3 * 100)
    assert told.predicted_nano_usd == 1_000


def test_what_was_given_up_at_no_cost_saves_nothing() -> None:
    told = statement([logged(Report(attempts=(GIVEN_UP,))), logged(answered("small", cost=90))])
    assert told.void == 1
    assert told.compared == Group(1, 90)
    assert told.saving.value == 1_000 - 90

    cancelled_at_a_price = GIVEN_UP._replace(cost_nano_usd=5)
    assert statement([logged(Report(attempts=(cancelled_at_a_price,)))]).compared == Group(1, 5)
    failed_for_nothing = failed("small", cost=0)
    assert statement([logged(Report(attempts=(failed_for_nothing,)))]).compared == Group(1, 0)


def test_a_request_that_the_baseline_could_not_have_served_is_left_out_with_what_it_cost() -> None:
    told = statement([logged(answered("small", cost=90))], baseline="other")
    assert told.out_of_reach == Group(1, 90)
    assert told.compared == Group()
    assert told.cost.basis is Basis.PREDICTED
    assert told.saved_share is None


def test_exploration_is_what_was_paid_beyond_the_best_candidates_expected_cost() -> None:
    told = statement(
        [
            logged(answered("huge", cost=5_100), drawn="huge"),
            logged(answered("small", cost=90), drawn="small"),
            # The best one could not be drawn: this one was the best that could.
            logged(answered("large", cost=900), drawn="large", propensities=(0.5, 0.5, 0.0)),
        ]
    )
    assert told.explored == Group(1, 90 - 5_000)


def test_quality_is_what_callers_got_and_a_fallbacks_answer_is_the_callers() -> None:
    told = statement(
        [
            logged(answered("small", quality=0.6)),
            logged(Report(0.9, (failed("small"), Attempt("large", cost_nano_usd=1_100)))),
            logged(Report(attempts=(failed("small"),))),
            logged(answered("small")),
        ]
    )
    assert told.graded == 3
    assert told.quality == pytest.approx((0.6 + 0.9 + 0.0) / 3)


def test_a_baseline_that_was_hardly_drawn_is_predicted_and_has_no_interval() -> None:
    entries = [logged(answered("small", cost=90, quality=0.5), propensities=(0.998, 0.001, 0.001))] * 200
    told = statement(entries)
    assert told.cost.basis is told.baseline_quality.basis is Basis.PREDICTED
    assert told.cost.value == 200 * 1_000
    assert told.cost.bounds is None
    assert told.saving.bounds is None
    assert told.saving.value == 200 * (1_000 - 90)
    assert told.baseline_quality.value == pytest.approx(0.7)


def test_wrong_predictions_are_corrected_by_what_the_baseline_cost_when_it_was_drawn() -> None:
    chance = random.Random(4)
    entries = []
    for _ in range(400):
        drawn = chance.choices(("small", "large", "huge"), (0.5, 0.3, 0.2))[0]
        cost = {"small": 100, "large": 1_400, "huge": 5_000}[drawn]
        entries.append(logged(answered(drawn, cost=cost), drawn=drawn))
    told = statement(entries)
    assert told.cost.basis is Basis.ESTIMATED
    assert told.predicted_nano_usd == 400 * 1_000
    assert told.cost.value == pytest.approx(400 * 1_400, rel=0.06)
    assert told.cost.bounds is not None
    assert told.cost.bounds.low < 400 * 1_400 < told.cost.bounds.high
    assert told.saved_share is not None
    assert told.saved_share.value == pytest.approx(told.saving.value / told.cost.value)


@given(st.lists(st.sampled_from(range(7)), max_size=30))
def test_every_decision_is_in_one_group_and_no_nano_dollar_is_lost(kinds: list[int]) -> None:
    reports = [
        answered("small", cost=3),
        answered("large", cost=50),
        Report(),
        Report(attempts=(GIVEN_UP,)),
        Report(attempts=(failed("small", cost=11),)),
        Report(attempts=(failed("small", cost=1), Attempt("huge", cost_nano_usd=6_000))),
        Report(attempts=(Attempt("huge"),)),
    ]
    told = statement([logged(reports[kind]) for kind in kinds])
    groups = (told.compared, told.out_of_reach, told.unbilled)
    assert sum(group.decisions for group in groups) + told.void == len(kinds)
    bills = [attempt.cost_nano_usd or 0 for kind in kinds for attempt in reports[kind].attempts]
    assert told.compared.nano_usd == sum(bills)
    assert told.saving.value == pytest.approx(told.cost.value - told.compared.nano_usd)


LOGS: Final = 100
DECISIONS: Final = 200
PRICES: Final = {"small": 1.0, "large": 8.0, "huge": 30.0}


class Served(NamedTuple):
    """A log of a router that learns, what `large` would really have cost, and what was paid."""

    entries: list[Logged]
    truth: float
    paid: int


def served(seed: int) -> Served:
    """Answers are long or short by the request and by chance; the router predicts costs by what it has seen so far."""
    chance = random.Random(seed)
    mean, seen = {model: 256.0 * price for model, price in PRICES.items()}, dict.fromkeys(PRICES, 1)
    entries, truth, paid = [], 0.0, 0
    decided = lesson()
    for _ in range(DECISIONS):
        size = math.exp(chance.gauss(4.5, 0.6))
        costs = {model: round(price * size * math.exp(chance.gauss(0.0, 0.3))) for model, price in PRICES.items()}
        lean = 0.5 + 0.35 * chance.random()
        shares = dict(zip(PRICES, (lean, 0.8 * (1.0 - lean), 0.2 * (1.0 - lean)), strict=True))
        [drawn] = chance.choices(list(shares), list(shares.values()))
        candidates = tuple(
            Candidate(
                Target(model, f"{model}@one", "one"), Expectation(0.5, round(mean[model]), 1.0, 0.0), share, share
            )
            for model, share in shares.items()
        )
        own = decided._replace(model=drawn, propensity=shares[drawn])
        decision = Decision(own, candidates, list(shares).index(drawn), 7, Weights(0.1, 0.0), (), "reference")
        entries.append(Logged(Place(0, 0), decision, answered(drawn, cost=costs[drawn])))
        truth += costs["large"]
        paid += costs[drawn]
        seen[drawn] += 1
        mean[drawn] += (costs[drawn] - mean[drawn]) / seen[drawn]
    return Served(entries, truth, paid)


def test_nineteen_of_twenty_intervals_hold_what_was_really_saved() -> None:
    held = 0
    for seed in range(LOGS):
        log = served(seed)
        told = statement(log.entries)
        assert told.compared == Group(DECISIONS, log.paid)
        assert told.saving.bounds is not None
        held += told.saving.bounds.low <= log.truth - log.paid <= told.saving.bounds.high
    assert held >= 0.9 * LOGS
