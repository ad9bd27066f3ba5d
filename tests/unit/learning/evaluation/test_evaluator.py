"""Whole answers: what a target earned, against what is known, and the refusals."""

from __future__ import annotations

import random

import pytest

from atp_grpc.domain.decision import Decision
from atp_grpc.domain.history import Logged
from atp_grpc.domain.outcome import Report
from atp_grpc.learning.evaluation.evaluator import Evaluation, Evaluator, Refused, evaluate
from atp_grpc.learning.evaluation.overlap import TooThin
from atp_grpc.learning.evaluation.sample import Figure, Foreseen, Sample
from atp_grpc.learning.evaluation.tally import tally_of
from atp_grpc.learning.evaluation.targets import Always, AsLogged, Rehearsal, Uniform
from tests.unit.learning.evaluation.evaluation_examples import MODELS, answered, bandit_turns, log_towards, logged

SKILL = {"small": 0.5, "large": 0.7, "huge": 0.9}
COST = {"small": 90, "large": 1200, "huge": 4800}


def log_of(decisions: int = 400, *, seed: int = 1) -> list[Logged]:
    chance = random.Random(seed)
    drawn = chance.choices(MODELS, (0.5, 0.3, 0.2), k=decisions)
    return [
        logged(answered(model, quality=float(chance.random() < SKILL[model]), cost=COST[model]), drawn=model)
        for model in drawn
    ]


def answer_of(target: Rehearsal, figure: Figure, log: list[Logged]) -> Evaluation:
    evaluator = Evaluator(target)
    evaluator.add_all(log)
    answer = evaluator.answer(figure)
    assert isinstance(answer, Evaluation)
    return answer


@pytest.mark.parametrize("figure", Figure)
def test_the_policy_of_the_log_earns_what_happened_and_differs_by_nothing(figure: Figure) -> None:
    answer = answer_of(AsLogged(), figure, log_of())
    assert answer.ips.value == pytest.approx(answer.happened)
    assert answer.snips.value == pytest.approx(answer.happened)
    assert answer.value.low <= answer.happened <= answer.value.high
    for figure_of_difference in answer.difference:
        assert figure_of_difference == pytest.approx(0.0, abs=1e-9 * answer.happened)


def test_a_baseline_that_costs_always_the_same_is_known_although_it_was_mispredicted() -> None:
    answer = answer_of(Always("huge"), Figure.COST, log_of())
    assert answer.value.low <= COST["huge"] <= answer.value.high
    assert answer.value.value != pytest.approx(5000, abs=20)
    happened = answer.happened
    assert answer.less_happened.low <= COST["huge"] - happened <= answer.less_happened.high
    assert answer.less_happened.value == pytest.approx(answer.value.value - happened)


def test_an_interval_holds_where_predictions_are_wrong_in_opposite_directions() -> None:
    shares, held = [0.5, 0.5], 0
    for seed in range(100):
        chance, log, truth = random.Random(seed), [], 0.0
        for _ in range(150):
            rewards = [float(chance.random() < skill) for skill in (0.9, 0.1)]
            truth += sum(rewards) / 2 / 150
            drawn = chance.randrange(2)
            log.append(Sample(Foreseen(shares, shares, drawn), [0.5, 0.5], rewards[drawn]))
        answer = evaluate(tally_of(log, Figure.QUALITY), Figure.QUALITY)
        assert isinstance(answer, Evaluation)
        held += answer.value.low <= truth <= answer.value.high
    assert held >= 95


def test_a_target_that_only_ungraded_decisions_support_is_refused() -> None:
    away = (0.5, 0.5, 0.0)
    log = [logged(drawn="huge") for _ in range(6000)]
    log += [logged(answered("huge", quality=1.0), drawn="huge") for _ in range(300)]
    log += [logged(answered("small", quality=0.0), propensities=away) for _ in range(300)]
    answer = refused(Always("huge"), log)
    assert answer.cause is TooThin.UNSUPPORTED
    assert answer.overlap.unsupported_share == pytest.approx(0.5)


def test_intervals_are_wider_at_a_higher_level() -> None:
    evaluator = Evaluator(Uniform())
    evaluator.add_all(log_of())
    usual, sure = (evaluator.answer(Figure.QUALITY, level) for level in (0.9, 0.99))
    assert isinstance(usual, Evaluation)
    assert isinstance(sure, Evaluation)
    assert sure.value.low < usual.value.low < usual.value.high < sure.value.high


def test_no_interval_holds_what_a_quality_cannot_be() -> None:
    log = [logged(answered("huge", quality=1.0), drawn="huge", propensities=(0.4, 0.5, 0.1)) for _ in range(60)]
    log += [logged(answered("small", quality=0.5), propensities=(0.4, 0.5, 0.1)) for _ in range(600)]
    answer = answer_of(Always("huge"), Figure.QUALITY, log)
    assert 0.0 <= answer.value.low < answer.value.high <= 1.0


def test_no_value_is_what_a_quality_cannot_be() -> None:
    log = [logged(answered("huge", quality=1.0), drawn="huge", propensities=(0.4, 0.5, 0.1)) for _ in range(300)]
    log += [logged(answered("small", quality=0.5), propensities=(0.4, 0.5, 0.1)) for _ in range(60)]
    answer = answer_of(Always("huge"), Figure.QUALITY, log)
    assert answer.ips.value > 1.0
    assert answer.value.low <= answer.value.value <= answer.value.high <= 1.0


def test_decisions_without_an_outcome_are_counted_and_left_out() -> None:
    log = log_of()
    half = [entry if at % 2 else entry._replace(outcome=Report()) for at, entry in enumerate(log)]
    answer = answer_of(Uniform(), Figure.QUALITY, half)
    assert answer.overlap.ungraded_share == 0.5
    alone = answer_of(Uniform(), Figure.QUALITY, log[1::2])
    assert answer.value == pytest.approx(alone.value)
    assert answer.overlap.decisions == 2 * alone.overlap.decisions


def test_a_log_longer_than_what_is_kept_at_once_is_summed_up_all_the_same() -> None:
    log = log_of(2500)
    whole = answer_of(Uniform(), Figure.QUALITY, log)
    assert whole.overlap.graded == 2500
    assert whole.happened == pytest.approx(sum(entry.outcome.quality or 0.0 for entry in log) / 2500)


def test_a_target_hears_of_an_outcome_only_after_it_has_said_what_it_would_have_done() -> None:
    heard: list[str] = []

    class Listening(Uniform):
        def shares(self, decision: Decision) -> list[float]:
            heard.append(f"asked {decision.target.model}")
            return list(super().shares(decision))

        def learn(self, logged: Logged) -> None:
            heard.append(f"told {logged.decision.target.model}")

    Evaluator(Listening()).add_all([logged(drawn="small"), logged(drawn="large")])
    assert heard == ["asked small", "told small", "asked large", "told large"]


def refused(target: Rehearsal, log: list[Logged], figure: Figure = Figure.QUALITY) -> Refused:
    evaluator = Evaluator(target)
    evaluator.add_all(log)
    answer = evaluator.answer(figure)
    assert isinstance(answer, Refused)
    return answer


def test_an_empty_log_answers_nothing() -> None:
    assert refused(Uniform(), []).cause is TooThin.NOTHING_GRADED


def test_a_log_without_outcomes_answers_nothing() -> None:
    answer = refused(Uniform(), [logged() for _ in range(50)])
    assert answer.cause is TooThin.NOTHING_GRADED
    assert answer.overlap.ungraded_share == 1.0


def test_a_model_that_never_was_a_candidate_is_refused() -> None:
    answer = refused(Always("gone"), log_of())
    assert answer.cause is TooThin.UNSUPPORTED
    assert answer.overlap.unsupported_share == 1.0


def test_a_model_that_was_set_aside_is_as_unsupported_as_one_that_was_not_there() -> None:
    log = [logged(answered("small", quality=1.0), propensities=(0.5, 0.5, 0.0)) for _ in range(300)]
    assert refused(Always("huge"), log).cause is TooThin.UNSUPPORTED


def test_a_target_nearly_nobody_acted_like_is_refused_however_many_decisions_there_are() -> None:
    rare = (0.998, 0.001, 0.001)
    log = [logged(answered("small", quality=1.0), propensities=rare) for _ in range(2000)]
    log += [logged(answered("huge", quality=1.0), drawn="huge", propensities=rare) for _ in range(2)]
    answer = refused(Always("huge"), log)
    assert answer.cause is TooThin.FEW_EFFECTIVE
    assert answer.overlap.footing.effective < 5.0


def test_luck_does_not_hide_that_a_target_was_hardly_ever_acted_like() -> None:
    usual, rare = (0.1, 0.1, 0.8), (0.4, 0.599, 0.001)
    log = [logged(answered("huge", quality=1.0), drawn="huge", propensities=usual) for _ in range(500)]
    log += [logged(answered("small", quality=1.0), propensities=rare) for _ in range(500)]
    answer = refused(Always("huge"), log)
    assert answer.overlap.kish == pytest.approx(500)
    assert answer.cause is TooThin.FEW_EFFECTIVE


def test_a_few_decisions_beyond_reach_are_left_to_predictions_and_widen_the_interval() -> None:
    usual, rare = (0.1, 0.1, 0.8), (0.4, 0.599, 0.001)
    log = [logged(answered("huge", quality=float(at % 10 > 0)), drawn="huge", propensities=usual) for at in range(800)]
    log += [logged(answered("small", quality=1.0), propensities=rare) for _ in range(40)]
    answer = answer_of(Always("huge"), Figure.QUALITY, log)
    assert answer.overlap.footing.extrapolated == pytest.approx(40 / 840)
    without = answer_of(Always("huge"), Figure.QUALITY, log[:800])
    assert answer.value.high - answer.value.low > without.value.high - without.value.low


def test_one_decision_that_would_decide_the_answer_is_left_to_predictions() -> None:
    often, seldom = [0.9, 0.1], [0.03, 0.97]
    log = [Sample(Foreseen([0.9, 0.1], often, at % 10 == 9), [0.5, 0.5], at % 2) for at in range(60)]
    log += [Sample(Foreseen([0.6, 0.4], seldom, 0), [0.5, 0.5], 1.0)]
    answer = evaluate(tally_of(log, Figure.QUALITY), Figure.QUALITY)
    assert isinstance(answer, Evaluation)
    assert answer.ips.value > 0.7
    assert answer.value.value == pytest.approx(0.5, abs=0.01)


def test_propensities_that_are_not_true_are_noticed() -> None:
    true, claimed = log_towards(bandit_turns(3, 2000), (0.3, 0.3, 0.4)).samples, []
    for foreseen, predictions, outcome in true:
        wrong = [1 / 3] * 3 if foreseen.drawn else foreseen.propensities
        claimed.append(Sample(Foreseen([0.0, 0.0, 1.0], wrong, foreseen.drawn), predictions, outcome))
    deviations = []
    for log in (true, claimed):
        answer = evaluate(tally_of(log, Figure.QUALITY), Figure.QUALITY)
        assert isinstance(answer, Evaluation)
        deviations.append(abs(answer.overlap.weight_deviation))
    assert deviations[0] < 3.0 < deviations[1]
