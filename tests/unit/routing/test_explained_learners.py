"""Explanations of real decisions: the parts of every candidate add up, whichever learner decided."""

from __future__ import annotations

import dataclasses
import math

from hypothesis import given, settings
from hypothesis import strategies as st

from atp_grpc.domain.decision import DualPrices, ReasonCode
from atp_grpc.domain.errors import AtpError
from atp_grpc.domain.request import Constraints, RouteRequest, Weights
from atp_grpc.engine.contract import Choice, Engine, Learner, Outcome
from atp_grpc.engine.reference import ReferenceEngine
from atp_grpc.routing.explaining import explain
from atp_grpc.routing.feedback import FeedbackTokens
from atp_grpc.routing.scribe.contract import Facts, Routed
from atp_grpc.routing.scribe.reference import ReferenceScribe
from atp_grpc.routing.telling import summary
from atp_grpc.store.decision_codec import encode_decision
from atp_grpc.tenancy.pacing import effective
from tests.unit.routing.desk import CALL, PARAMETERS, POLICY, WEEK_SECONDS, Desk, Plain, three_models, written
from tests.unit.routing.examples import NOW

WEIGHTS = st.floats(0, 100)
PRESSURE = st.just(0.0) | st.floats(0, 1000)


@settings(deadline=None, max_examples=60)
@given(
    learner=st.sampled_from(Learner),
    asked=st.builds(Weights, WEIGHTS, WEIGHTS),
    prices=st.builds(DualPrices, PRESSURE, PRESSURE),
    constraints=st.builds(
        Constraints,
        max_cost_nano_usd=st.none() | st.integers(10**5, 10**8),
        quality_floor=st.none() | st.floats(0, 1),
        latency_slo_seconds=st.none() | st.floats(0.1, 20),
        denied_models=st.sampled_from([frozenset(), frozenset({"fast"})]),
    ),
    favoured=st.none() | st.integers(0, 1),
    lessons=st.lists(st.tuples(st.integers(0, 2), st.sampled_from([0.0, 0.5, 1.0]), st.booleans()), max_size=12),
    seed=st.integers(0, 2**60),
)
def test_the_parts_add_up_to_the_utility_of_every_candidate_under_every_learner(
    learner: Learner,
    asked: Weights,
    prices: DualPrices,
    constraints: Constraints,
    favoured: int | None,
    lessons: list[tuple[int, float, bool]],
    seed: int,
) -> None:
    engine = ReferenceEngine(dataclasses.replace(PARAMETERS, learner=learner))
    desk = Desk(three_models(), engine=engine, first_seed=seed, scribe=Steered(engine, asked, prices, favoured))
    desk.router.plan(RouteRequest(text="a"), CALL)
    for number, (arm, quality, failed) in enumerate(lessons):
        name = desk.view.arms[arm].name
        engine.learn(Outcome(name, "r", number, NOW, NOW, bytes(60), quality=quality, failed=failed))
    request = RouteRequest(text="a", input_tokens=3000, constraints=constraints)
    try:
        decision = written(desk.router.route(request, CALL))
    except AtpError:
        return

    told = explain(decision)

    assert {one.candidate for one in told.weighed} == set(decision.candidates)
    assert [one.gap for one in told.weighed] == sorted(one.gap for one in told.weighed)
    for one in told.weighed:
        assert one.parts is not None
        tolerance = 1e-9 * max(1.0, *map(abs, one.parts))
        assert math.isclose(math.fsum(one.parts), one.candidate.utility, rel_tol=0, abs_tol=tolerance)
        assert one.parts.failure <= 0 or one.parts.quality < 0
        assert (one.set_aside is None) == (one.candidate.propensity > 0)
        within = 0 < one.candidate.expected.quality < 1
        assert not within or one.parts.quality == one.candidate.expected.quality
    if ReasonCode.QUALITY_FLOOR_UNMET not in decision.reason_codes:
        assert math.isclose(told.weights.cost, asked.cost, rel_tol=1e-6, abs_tol=1e-6)
    assert told.best.utility == max(one.utility for one in decision.candidates if one.propensity > 0)
    assert summary(told)


class Steered:
    """A scribe under a policy's pressures: the choice is made anew with weights that they are in."""

    def __init__(self, engine: Engine, asked: Weights, prices: DualPrices, favoured: int | None) -> None:
        self._engine, self._asked, self._prices, self._favoured = engine, asked, prices, favoured

    def write(self, choice: Choice, facts: Facts) -> Routed:
        weights = effective(self._asked, self._prices)
        favoured = self._favoured if self._favoured is not None and self._favoured < len(facts.offerings) else None
        query = facts.query._replace(
            cost_weight=weights.cost,
            latency_weight=weights.latency,
            favoured=None if favoured is None else facts.query.candidates[favoured],
            favour=0.0 if favoured is None else 0.0625,
        )
        chosen = self._engine.choose(query)
        scribe = ReferenceScribe(
            policy=POLICY, tokens=FeedbackTokens(Plain()), encode=encode_decision, token_ttl_seconds=WEEK_SECONDS
        )
        return scribe.write(chosen, facts._replace(query=query, dual_prices=self._prices, favoured=favoured))
