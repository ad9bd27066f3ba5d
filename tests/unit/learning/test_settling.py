"""What came of a decision reaches the policy that made it; a model that becomes known is known to every policy."""

from __future__ import annotations

import dataclasses

import pytest

from atp_grpc.domain.outcome import Attempt, AttemptError, Observation, Report
from atp_grpc.domain.policy import Exploration, PolicyObjective, PolicyTerms, RoutingPolicy
from atp_grpc.engine.contract import EngineParameters
from atp_grpc.engine.contract import Learner as Algorithm
from atp_grpc.engine.reference import ReferenceEngine
from atp_grpc.learning.rewards import total_cost_nano_usd
from atp_grpc.learning.settling import settle
from atp_grpc.learning.watching import Watch
from atp_grpc.routing.newcomers import DAY_NANOS, Newcomers
from atp_grpc.routing.sessions import Sessions
from atp_grpc.routing.steering import Steering, targets_of
from atp_grpc.store.memory import MemoryStore
from atp_grpc.tenancy.budgets.budgets import Budgets
from atp_grpc.tenancy.pacing import Pacer, Pacers
from tests.unit.learning.examples import NOW, observation

PARAMETERS = EngineParameters(
    pool="default", schema_id="acme.v1", dimension=2, cost_scale_nano_usd=1e6, latency_scale_seconds=1.0
)
OBJECTIVE = PolicyObjective(cost_ceiling_nano_usd=200_000, quality_floor=0.9)
ANSWERED = Attempt("small", cost_nano_usd=500_000)
FAILED = Attempt("small", error=AttemptError.CUT, cost_nano_usd=1_000)
FELL_BACK = Attempt("large", cost_nano_usd=300_000)
HOLD = 180_000
"""What the lesson of these observations says was set aside."""


class Office:
    """Two policies that promise the same; the lessons of these tests are of the first."""

    def __init__(self, algorithm: Algorithm = Algorithm.THOMPSON) -> None:
        store = MemoryStore("r1")
        budgets = Budgets(
            ledger=store,
            store=store,
            replica="r1",
            bill_of=total_cost_nano_usd,
            on_fault=lambda fault: pytest.fail(str(fault)),
        )
        self.pacers = Pacers(10)
        self.newcomers = [Newcomers(Exploration(newcomer_observations=2), 10) for _ in range(2)]
        self.steerings: list[tuple[Steering, Watch]] = []
        for name, newcomers in zip(("default", "night"), self.newcomers, strict=True):
            # Two models join where another one is known.
            newcomers.load(["known"], {"known": 2})
            newcomers.load(["known", "large", "small"], {"known": 2})
            policy = RoutingPolicy(name, 1, 1e6, 1.0, PolicyTerms(OBJECTIVE))
            engine = ReferenceEngine(dataclasses.replace(PARAMETERS, pool=name, learner=algorithm))
            steering = Steering(policy, targets_of(policy), self.pacers, newcomers, Sessions(10), budgets)
            self.steerings.append((steering, Watch(engine, lambda alarm: pytest.fail(str(alarm)))))

    def settle(self, recorded: Report, standing: Report | None = None) -> None:
        self.take(observation(recorded, standing))

    def take(self, taken: Observation) -> None:
        settle(taken, self.steerings)

    def pacer_after(self, *, bill: int | None = None, grade: tuple[float, float] | None = None) -> Pacer:
        """A pacer that took in this bill and this grade, the prediction first."""
        pacer, targets = Pacer(), self.steerings[0][0].targets
        assert targets is not None
        if bill is not None:
            pacer.settled(targets, expected_nano_usd=HOLD, actual_nano_usd=bill)
        if grade is not None:
            pacer.graded(targets, expected=grade[0], actual=grade[1])
        return pacer

    @property
    def known(self) -> dict[tuple[str, str], Pacer]:
        """Every pacer there is."""
        return {(entry[0], entry[1]): Pacer(*entry[2:]) for entry in self.pacers.state()["pacers"]}


@pytest.mark.parametrize(
    ("attempts", "bill"),
    [((ANSWERED,), 500_000), ((FAILED, FELL_BACK), 301_000), ((FAILED,), 1_000), ((Attempt("small"),), None)],
)
def test_a_bill_reaches_the_policy_that_decided_and_no_other(attempts: tuple[Attempt, ...], bill: int | None) -> None:
    office = Office()
    office.settle(Report(attempts=attempts))
    assert office.known == ({} if bill is None else {("acme", "default"): office.pacer_after(bill=bill)})


@pytest.mark.parametrize(("algorithm", "expected"), [(Algorithm.THOMPSON, 0.7), (Algorithm.UCB1, 0.6)])
def test_a_grade_reaches_the_policy_that_decided_with_what_it_relied_on(algorithm: Algorithm, expected: float) -> None:
    office = Office(algorithm)
    office.settle(Report(quality=0.25))
    assert office.known == {("acme", "default"): office.pacer_after(grade=(expected, 0.25))}


def test_bill_and_grade_of_one_report_both_count() -> None:
    office = Office()
    office.settle(Report(quality=0.25, attempts=(ANSWERED,)))
    assert office.known == {("acme", "default"): office.pacer_after(bill=500_000, grade=(0.7, 0.25))}


def test_a_grade_that_comes_after_the_bill_is_not_billed_again() -> None:
    office = Office()
    office.settle(Report(quality=0.25), Report(attempts=(ANSWERED,)))
    assert office.known == {("acme", "default"): office.pacer_after(grade=(0.7, 0.25))}


def test_a_grade_of_another_model_says_nothing_of_the_prediction() -> None:
    office = Office()
    office.settle(Report(quality=0.25), Report(attempts=(FAILED, FELL_BACK)))
    office.settle(Report(quality=0.25), Report(attempts=(FAILED,)))
    assert office.known == {}


def test_labels_alone_change_nothing() -> None:
    office = Office()
    office.settle(Report(labels={"a": "b"}))
    assert office.known == {}
    assert [one.newcomers for one in office.newcomers] == [{"large", "small"}] * 2


def test_a_policy_that_is_gone_is_not_told_and_nobody_else_is_in_its_place() -> None:
    office = Office()
    taken = observation(Report(quality=0.25, attempts=(ANSWERED,)))
    revisions = taken.lesson.revisions._replace(policy="gone")
    office.take(taken._replace(lesson=taken.lesson._replace(revisions=revisions)))
    assert office.known == {}


@pytest.mark.parametrize(
    ("standing", "known"),
    [(Report(), "small"), (Report(attempts=(ANSWERED,)), "small"), (Report(attempts=(FAILED, FELL_BACK)), "large")],
)
def test_the_newcomers_of_every_policy_count_the_grade_of_whoever_answered(standing: Report, known: str) -> None:
    office = Office()
    for left in ({"large", "small"}, {"large", "small"} - {known}):
        office.settle(Report(quality=0.25), standing)
        assert [one.newcomers for one in office.newcomers] == [left] * 2


def test_an_answer_that_nobody_gave_is_no_grade_of_a_newcomer() -> None:
    office = Office()
    for _ in range(2):
        office.settle(Report(quality=0.0), Report(attempts=(FAILED,)))
        office.settle(Report(attempts=(ANSWERED,)))
    assert [one.newcomers for one in office.newcomers] == [{"large", "small"}] * 2


def test_a_newcomers_bill_counts_to_the_day_of_the_policy_that_decided_and_to_no_other() -> None:
    office = Office()
    limits = Exploration(max_nano_usd_per_day=400_000)
    for newcomers in office.newcomers:
        newcomers.limit(limits)
        newcomers.chosen("acme", "small", HOLD, NOW)
    office.settle(Report(attempts=(ANSWERED,)))
    ours, others = (newcomers.closed("acme", NOW) for newcomers in office.newcomers)
    assert ours == {"large", "small"}
    assert not others
    assert office.newcomers[0].closed("acme", NOW + DAY_NANOS) == frozenset()
