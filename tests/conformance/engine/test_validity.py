"""Laws of refusal: what breaks the contract is refused under its own name, and nothing has changed afterwards."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import pytest

from atp_grpc.engine.contract import (
    Arm,
    EngineError,
    InvalidOutcomeError,
    InvalidQueryError,
    Offer,
)
from atp_grpc.engine.self_test import pack, spell_choice
from tests.conformance.engine.world import ARMS, FLAGS, NOW, OFFERS, OWN, outcome, query

if TYPE_CHECKING:
    from atp_grpc.engine.contract import Engine
    from tests.conformance.engine.conftest import EngineFactory

BROKEN = (math.nan, math.inf, -math.inf, -1e-9, -5.0)
FEATURES = pack([0.1, 0.2, 0.3])


@pytest.fixture
def engine(make_engine: EngineFactory) -> Engine:
    built = make_engine(OWN)
    built.load(ARMS, OFFERS, 1)
    built.learn(outcome(1, quality=0.4, output_tokens=12.0))
    return built


@pytest.mark.parametrize(
    "change",
    [
        {"pool": ""},
        {"pool": "\ud800"},
        {"schema_id": ""},
        {"dimension": 0},
        {"dimension": 513},
        {"schema_id": "flags.v1"},
        *({"schema_id": "text.v1", "dimension": dimension} for dimension in (15, 46, 48)),
        *({name: value} for name in ("cost_scale_nano_usd", "latency_scale_seconds") for value in (*BROKEN, 0.0, 1e25)),
        *({name: value} for name in ("scale", "alpha") for value in (*BROKEN, 1e7)),
        *({"epsilon": value} for value in (*BROKEN, 1.001)),
        *(
            {name: value}
            for name in ("slope_precision", "token_precision", "common_precision")
            for value in (*BROKEN, 0.0, 9e-10, 1.1e9)
        ),
        *({"half_life_nanos": value} for value in (0, 63, -1, 2**62 + 1)),
        *({name: value} for name in ("context_on_z", "context_off_z") for value in (math.nan, math.inf, -math.inf)),
        {"context_on_z": -4.1},
        {"context_off_z": 0.1},
        *({"context_min_weight": value} for value in (*BROKEN, 1e19)),
        *({"gamma": value} for value in (*BROKEN, 1.1e9)),
        *({"tenant_pseudo_count": value} for value in (*BROKEN, 0.0, 9e-10, 1.1e9)),
        *({"tenant_offset_limit": value} for value in (*BROKEN, 1.001)),
        *({"tenant_limit": value} for value in (-1, 10**6 + 1)),
    ],
    ids=str,
)
def test_parameters_out_of_range_build_no_engine(make_engine: EngineFactory, change: dict[str, object]) -> None:
    with pytest.raises(EngineError):
        make_engine(dataclasses.replace(OWN, **change))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arms", "offers"),
    [
        ([Arm("a"), Arm("b"), Arm("a")], []),
        ([Arm("")], []),
        ([Arm("\udfff")], []),
        ([Arm("a")], [Offer(1, 1, 1)]),
        ([Arm("a")], [Offer(-1, 1, 1)]),
        ([], [Offer(0, 1, 1)]),
        ([Arm("a")], [Offer(0, -1, 1)]),
        ([Arm("a")], [Offer(0, 1, -1)]),
        ([Arm("a")], [Offer(0, 1, 2**63)]),
        *(([Arm("a", prior_quality=value)], []) for value in (*BROKEN, 1.1)),
        *(([Arm("a", prior_output_tokens=value)], []) for value in (*BROKEN, 1.1e9)),
        *(([Arm("a", prior_latency_seconds=value)], []) for value in (*BROKEN, 1.1e9)),
        *(([Arm("a", prior_failure_rate=value)], []) for value in (*BROKEN, 1.1)),
    ],
    ids=str,
)
def test_a_broken_load_leaves_the_old_arms_in_place(engine: Engine, arms: list[Arm], offers: list[Offer]) -> None:
    before = spell_choice(engine.choose(query(features=FEATURES)))
    with pytest.raises(EngineError):
        engine.load(arms, offers, 2)
    assert engine.generation == 1
    assert spell_choice(engine.choose(query(features=FEATURES))) == before


def test_no_arms_at_all_can_be_loaded(engine: Engine) -> None:
    engine.load([], [], 2)
    assert engine.summary(NOW).arms == ()
    with pytest.raises(InvalidQueryError):
        engine.choose(query(generation=2, candidates=(0,), features=FEATURES))


@pytest.mark.parametrize(
    "change",
    [
        {"candidates": ()},
        {"candidates": (6,)},
        {"candidates": (-1, 0)},
        {"candidates": (1, 0)},
        {"candidates": (1, 1)},
        {"candidates": (2, 3)},
        {"seed": -1},
        {"seed": 2**64},
        {"now_nanos": -1},
        {"now_nanos": 2**63},
        {"text": "both"},
        {"features": None},
        {"features": None, "text": "this schema has no text"},
        {"features": b""},
        {"features": FEATURES[:-1]},
        {"features": FEATURES + FEATURES},
        *({"features": pack([0.0, value, 0.0])} for value in (math.nan, math.inf, -math.inf, 1.01e6, -1.01e6)),
        *({name: value} for name in ("cost_weight", "latency_weight") for value in (*BROKEN, 1.1e9)),
        *({name: value} for name in ("input_tokens", "max_output_tokens") for value in (*BROKEN, 1.1e9)),
        *({name: value} for name in ("max_cost_nano_usd", "latency_slo_seconds") for value in BROKEN),
        *({"quality_floor": value} for value in (*BROKEN, 1.1)),
        *({"favour": value} for value in (*BROKEN, 1.1e9)),
        {"favoured": 1, "favour": -1.0},
        {"favoured": -1},
        {"favoured": 2**63},
        {"tenant": ""},
        {"tenant": "\ud800"},
    ],
    ids=str,
)
def test_a_broken_query_is_refused(engine: Engine, change: dict[str, object]) -> None:
    state = engine.checkpoint()
    question = query(features=FEATURES)._replace(**change)  # type: ignore[arg-type]
    with pytest.raises(InvalidQueryError):
        engine.choose(question)
    (answer,) = engine.choose_batch([question])
    assert isinstance(answer, InvalidQueryError)
    assert engine.checkpoint() == state


@pytest.mark.parametrize(
    "change",
    [
        {"arm": ""},
        {"arm": "\ud800"},
        {"replica": ""},
        {"replica": "\ud800"},
        {"sequence": -1},
        {"sequence": 2**63},
        {"decided_nanos": -1},
        {"decided_nanos": 2**63},
        {"now_nanos": -1},
        {"now_nanos": 2**63},
        {"features": b""},
        {"features": FEATURES[:-1]},
        {"features": FEATURES + FEATURES},
        *({"features": pack([0.0, value, 0.0])} for value in (math.nan, math.inf, -math.inf, 1.01e6, -1.01e6)),
        *({"quality": value} for value in (*BROKEN, 1.1)),
        *({name: value} for name in ("output_tokens", "latency_seconds") for value in (*BROKEN, 1.1e9)),
        {"predicted_mean": 0.5},
        {"predicted_linear": 0.5},
        *({"predicted_mean": value, "predicted_linear": 0.5} for value in (math.nan, math.inf, -math.inf, 1.1e12)),
        *({"predicted_mean": 0.5, "predicted_linear": value} for value in (math.nan, math.inf, -math.inf, -1.1e12)),
        {"tenant": ""},
        {"tenant": "\ud800"},
    ],
    ids=str,
)
def test_a_broken_outcome_teaches_nothing_and_keeps_its_sequence(engine: Engine, change: dict[str, object]) -> None:
    state = engine.checkpoint()
    good = outcome(
        2, arm="nobody's yet", features=FEATURES, quality=0.5, output_tokens=3.0, latency_seconds=1.0, failed=False
    )
    with pytest.raises(InvalidOutcomeError):
        engine.learn(good._replace(**change))  # type: ignore[arg-type]
    assert engine.checkpoint() == state
    assert engine.learn(good)


@pytest.mark.parametrize(
    ("arm", "keep"), [*(("tiny", value) for value in (*BROKEN, 1.001)), ("", 0.5), ("\ud800", 0.5)]
)
def test_a_broken_discount_forgets_nothing(engine: Engine, arm: str, keep: float) -> None:
    state = engine.checkpoint()
    with pytest.raises(InvalidOutcomeError):
        engine.discount(arm, keep)
    assert engine.checkpoint() == state


def test_a_summary_is_of_a_moment_since_1970(engine: Engine) -> None:
    for moment in (-1, 2**63):
        with pytest.raises(InvalidQueryError):
            engine.summary(moment)


def test_text_is_refused_where_it_has_no_features(engine: Engine) -> None:
    with pytest.raises(InvalidQueryError):
        engine.features("text")


def test_a_text_with_a_lone_surrogate_is_refused(make_engine: EngineFactory) -> None:
    built = make_engine(FLAGS)
    built.load(ARMS, OFFERS, 1)
    with pytest.raises(InvalidQueryError):
        built.features("\ud83d")
    with pytest.raises(InvalidQueryError):
        built.choose(query(text="\ud83d"))


def test_values_on_the_edge_of_their_range_are_fine(engine: Engine) -> None:
    assert engine.choose(
        query(
            features=pack([1e6, -1e6, 0.0]),
            seed=2**64 - 1,
            now_nanos=2**63 - 1,
            input_tokens=1e9,
            max_output_tokens=0.0,
            cost_weight=1e9,
            latency_weight=1e9,
            max_cost_nano_usd=1e300,
            quality_floor=1.0,
            latency_slo_seconds=0.0,
            tenant="t",
            favoured=2**63 - 1,
            favour=1e9,
        )
    ).propensities
    assert engine.learn(
        outcome(
            2**63 - 1,
            decided_nanos=2**63 - 1,
            now_nanos=0,
            features=pack([1e6, -1e6, 0.0]),
            quality=1.0,
            output_tokens=1e9,
            latency_seconds=1e9,
            failed=True,
            predicted_mean=1e12,
            predicted_linear=-1e12,
            tenant="t",
        )
    )


def test_parameters_on_the_edge_of_their_range_are_fine(make_engine: EngineFactory) -> None:
    low: dict[str, float] = {
        "gamma": 0.0,
        "tenant_pseudo_count": 1e-9,
        "tenant_offset_limit": 0.0,
        "tenant_limit": 0,
        "token_precision": 1e-9,
        "common_precision": 1e-9,
    }
    high: dict[str, float] = {
        "gamma": 1e9,
        "tenant_pseudo_count": 1e9,
        "tenant_offset_limit": 1.0,
        "tenant_limit": 10**6,
        "token_precision": 1e9,
        "common_precision": 1e9,
    }
    for change in (low, high):
        assert make_engine(dataclasses.replace(OWN, **change)).parameters.gamma == change["gamma"]  # type: ignore[arg-type]
