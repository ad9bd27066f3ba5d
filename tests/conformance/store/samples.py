"""Decisions and reports for the store's tests: plain ones by hand, strange ones by Hypothesis."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from hypothesis import strategies as st

from atp_grpc.domain.decision import (
    Candidate,
    Decision,
    DualPrices,
    Expectation,
    Lesson,
    ReasonCode,
    Refusal,
    RefusalCause,
    Revisions,
    Scales,
    Target,
)
from atp_grpc.domain.money import TokenPrices
from atp_grpc.domain.outcome import Attempt, AttemptError, NewObservation, Report, Usage
from atp_grpc.domain.request import FeatureVector, Weights
from atp_grpc.store.contract import DecisionRecord
from atp_grpc.store.decision_codec import record_of

NOW = 1_700_000_000_000_000_000


def lesson(decision_id: str = "decision-1", *, tenant: str = "acme", decided_nanos: int = NOW) -> Lesson:
    return Lesson(
        tenant=tenant,
        decision_id=decision_id,
        decided_nanos=decided_nanos,
        expires_nanos=decided_nanos + 1,
        model="large",
        deployment="large@north",
        features=FeatureVector("flags.v1", struct.pack("<15f", *range(15))),
        propensity=0.1 + 0.2,
        predicted_mean=0.75,
        predicted_linear=1 / 3,
        input_tokens=123.5,
        prices=TokenPrices(1_000_000_000, 2_000_000_000, cached_input=None, reasoning=5),
        revisions=Revisions(policy="default", policy_version=1, catalog=7, learner=9_000_000_000),
        hold_nano_usd=37_035,
    )


def candidate(number: int) -> Candidate:
    return Candidate(
        target=Target(f"model-{number}", f"model-{number}@north", "north"),
        expected=Expectation(
            quality=0.1 * number, cost_nano_usd=12_345 * number, latency_seconds=1.5, failure_rate=0.01
        ),
        utility=0.7 / (number + 1),
        propensity=1 / 6,
    )


def decision(decision_id: str = "decision-1", *, tenant: str = "acme", decided_nanos: int = NOW) -> Decision:
    return Decision(
        lesson=lesson(decision_id, tenant=tenant, decided_nanos=decided_nanos),
        candidates=tuple(candidate(number) for number in range(6)),
        chosen=3,
        seed=2**64 - 1,
        weights=Weights(cost=0.1, latency=0.0),
        reason_codes=(ReasonCode.EXPLORED,),
        engine="reference",
        task_type="code",
        session_id="session",
        labels={"team": "search"},
        dual_prices=DualPrices(cost=0.25, quality=0.5),
        scales=Scales(cost_nano_usd=1e7, latency_seconds=2.5),
        favoured=2,
        favour=0.125,
        set_aside=(None, RefusalCause.MAX_COST, None, None, RefusalCause.BUDGET, None),
        refusals=(Refusal(Target("shadow", "", ""), RefusalCause.SHADOW),),
    )


def kept(decision_id: str = "decision-1", *, tenant: str = "acme", decided_nanos: int = NOW) -> DecisionRecord:
    """A decision on its way to the store."""
    return record_of(decision(decision_id, tenant=tenant, decided_nanos=decided_nanos))


def about(
    decision_id: str = "decision-1",
    *,
    tenant: str = "acme",
    quality: float | None = None,
    attempts: tuple[Attempt, ...] = (),
    labels: Mapping[str, str] | None = None,
    observed_nanos: int = NOW,
) -> NewObservation:
    """A report about a decision."""
    report = Report(quality=quality, attempts=attempts, labels=labels or {})
    return NewObservation(lesson(decision_id, tenant=tenant), report, observed_nanos)


ANSWERED = Attempt(
    model="large",
    deployment="large@north",
    usage=Usage(input_tokens=100, cached_input_tokens=0, output_tokens=20, reasoning_tokens=None),
    cost_nano_usd=40_000,
    latency_seconds=1.25,
)
TIMED_OUT = Attempt(model="small", error=AttemptError.TIMEOUT)

texts = st.text(max_size=20) | st.sampled_from(
    ["", "\x00", "a\x00b", '"', "\\", "\\u0000", "labels.", "'; --", "é", "🦉"]
)
counts = st.integers(min_value=0, max_value=2**62)
numbers = st.floats(allow_nan=False, allow_infinity=False)
usages = st.builds(Usage, *[st.none() | counts] * 5)
attempts = st.builds(
    Attempt,
    model=texts,
    deployment=texts,
    error=st.none() | st.sampled_from(AttemptError),
    usage=usages,
    cost_nano_usd=st.none() | counts,
    latency_seconds=st.none() | numbers,
)
reports = st.builds(
    Report,
    quality=st.none() | st.floats(min_value=0, max_value=1) | st.integers(min_value=0, max_value=1),
    attempts=st.lists(attempts, max_size=3).map(tuple),
    labels=st.dictionaries(texts, texts, max_size=4),
)
feature_vectors = st.builds(
    FeatureVector, texts, st.lists(st.floats(width=32), max_size=48).map(lambda row: struct.pack(f"<{len(row)}f", *row))
)
lessons = st.builds(
    Lesson,
    tenant=texts,
    decision_id=texts,
    decided_nanos=counts,
    expires_nanos=counts,
    model=texts,
    deployment=texts,
    features=feature_vectors,
    propensity=numbers,
    predicted_mean=numbers,
    predicted_linear=numbers,
    input_tokens=numbers,
    prices=st.builds(TokenPrices, counts, counts, *[st.none() | counts] * 3),
    revisions=st.builds(Revisions, texts, counts, counts, counts),
    hold_nano_usd=counts | st.just(2**63 - 1),
)
candidates = st.builds(
    Candidate,
    target=st.builds(Target, texts, texts, texts),
    expected=st.builds(Expectation, numbers, counts, numbers, numbers),
    utility=numbers,
    propensity=numbers,
)
decisions = st.builds(
    Decision,
    lesson=lessons,
    candidates=st.lists(candidates, min_size=1, max_size=4).map(tuple),
    chosen=st.just(0),
    seed=st.integers(min_value=0, max_value=2**64 - 1),
    weights=st.builds(Weights, numbers, numbers),
    reason_codes=st.lists(st.sampled_from(ReasonCode), max_size=3).map(tuple),
    engine=texts,
    task_type=texts,
    session_id=texts,
    labels=st.dictionaries(texts, texts, max_size=3),
    dual_prices=st.builds(DualPrices, numbers, numbers),
    scales=st.none() | st.builds(Scales, st.floats(min_value=1e-300, allow_infinity=False), numbers),
    favoured=st.none() | st.just(0),
    favour=numbers,
    set_aside=st.just(()),
    refusals=st.lists(
        st.builds(Refusal, st.builds(Target, texts, texts, texts), st.sampled_from(RefusalCause)), max_size=3
    ).map(tuple),
)
