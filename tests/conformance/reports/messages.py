"""Reports of every kind, as messages that keep the rules, as messages that may not, and as bytes gone wrong.

Entered by the laws of reading. Nothing here knows what a reader makes of them.
"""

from __future__ import annotations

from google.protobuf.duration_pb2 import Duration
from hypothesis import strategies as st

from atp_grpc.pb.atp.v1 import observe_service_pb2 as pb
from atp_grpc.pb.atp.v1 import outcome_pb2
from tests.conformance.wire.messages import NAMES, WORDS, mutated

TOKENS = st.none() | st.integers(0, 10**9)
DURATIONS = st.builds(Duration, seconds=st.integers(0, 86_399), nanos=st.integers(0, 10**9 - 1)) | st.just(
    Duration(seconds=86_400)
)
ATTEMPTS = st.builds(
    outcome_pb2.Attempt,
    model=NAMES,
    deployment=WORDS,
    error=st.sampled_from(outcome_pb2.AttemptError.values()),
    usage=st.none()
    | st.builds(outcome_pb2.Usage, input_tokens=TOKENS, cached_input_tokens=TOKENS, cache_write_input_tokens=TOKENS)
    | st.builds(outcome_pb2.Usage, output_tokens=TOKENS, reasoning_tokens=TOKENS),
    cost_nano_usd=st.none() | st.integers(0, 10**15),
    latency=st.none() | DURATIONS,
)
DECISIONS = st.fixed_dictionaries({"feedback_token": st.binary(min_size=1, max_size=40)}) | st.fixed_dictionaries(
    {"decision_id": NAMES}
)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "quality": st.floats(0, 1),
        "attempts": st.lists(ATTEMPTS, max_size=3),
        "labels": st.dictionaries(NAMES, WORDS, max_size=4),
    },
)
VALID = st.builds(lambda named, fields: pb.ObserveRequest(**named, **fields), DECISIONS, FIELDS)
"""Messages that break no rule."""


def wrong_attempt(**fields: object) -> dict[str, object]:
    return {"decision_id": "d", "attempts": [{"model": "large"} | fields]}


_WRONG = st.sampled_from(
    [
        {},
        {"quality": 0.5},
        {"feedback_token": b""},
        {"feedback_token": b"x" * 16_385},
        {"decision_id": ""},
        {"decision_id": "x" * 65},
        {"decision_id": "d", "quality": 1.01},
        {"decision_id": "d", "quality": -0.01},
        {"decision_id": "d", "quality": float("nan")},
        {"decision_id": "d", "quality": float("inf")},
        {"decision_id": "d", "labels": {"": "x"}},
        {"decision_id": "d", "labels": {"𝄞" * 65: ""}},
        {"decision_id": "d", "labels": {"x": "y" * 257}},
        {"decision_id": "d", "labels": {str(number): "" for number in range(33)}},
        {"decision_id": "d", "attempts": [{"model": "large"}] * 17},
        wrong_attempt(model=""),
        wrong_attempt(model="x" * 129),
        wrong_attempt(deployment="x" * 129),
        wrong_attempt(error=8),
        wrong_attempt(error=-1),
        wrong_attempt(cost_nano_usd=-1),
        wrong_attempt(cost_nano_usd=10**15 + 1),
        wrong_attempt(latency=Duration(seconds=86_400, nanos=1)),
        wrong_attempt(latency=Duration(seconds=-1)),
        wrong_attempt(latency=Duration(nanos=-1)),
        wrong_attempt(latency=Duration(seconds=1, nanos=-1)),
        wrong_attempt(latency=Duration(nanos=10**9)),
        *[
            wrong_attempt(usage={name: count})
            for name in outcome_pb2.Usage.DESCRIPTOR.fields_by_name
            for count in (-1, 10**9 + 1)
        ],
    ]
)
WRONG = st.builds(lambda fields: pb.ObserveRequest(**fields), _WRONG)
"""Messages that break one rule each, or that only the reference should judge."""

PAYLOADS = mutated((VALID | WRONG).map(lambda message: message.SerializeToString()))
"""Bytes that are often a report, and often nearly one."""
