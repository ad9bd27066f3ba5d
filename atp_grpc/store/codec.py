"""Decisions, lessons and reports as text, and back.

Every store that writes bytes enters here; it is pure and knows neither tables nor files. The text is compact JSON in
ASCII: single values are named, what repeats (candidates, attempts) is a row in a fixed order, and whatever Python or a
caller can put into a string (quotes, NUL, any script) survives in any database. It never judges a value.
"""

from __future__ import annotations

import binascii
import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from atp_grpc.domain.decision import (
    Candidate,
    Decision,
    Expectation,
    Lesson,
    ReasonCode,
    Revisions,
    Target,
)
from atp_grpc.domain.money import TokenPrices
from atp_grpc.domain.outcome import Attempt, AttemptError, NewObservation, Observation, Report, Usage
from atp_grpc.domain.request import FeatureVector, Weights

# One encoder for all: building one per call costs as much as encoding a short value.
_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
_LABEL = "labels."


class EncodedField(NamedTuple):
    """One field of a report. Two fields are equal when their `value` is: 1 and 1.0 are the same quality.

    `name` is what callers know it by, `key` the same as `escaped` text, `value` its canonical JSON.
    """

    name: str
    key: str
    value: str


def escaped(text: str) -> str:
    """A text as plain ASCII that any database keeps and compares: itself, unless it holds something unusual."""
    return _encode(text)[1:-1]


def unescaped(text: str) -> str:
    """The inverse of `escaped`."""
    return str(json.loads(f'"{text}"')) if "\\" in text else text


def encode_fields(report: Report) -> tuple[EncodedField, ...]:
    """The fields that a report sets, in the order of `domain.outcome.field_names`."""
    fields = []
    if report.quality is not None:
        # Adding 0.0 makes a fraction of a whole number, and one number of the two zeros.
        fields.append(EncodedField("quality", "quality", _encode(report.quality + 0.0)))
    if report.attempts:
        fields.append(EncodedField("attempts", "attempts", _encode([_attempt_row(made) for made in report.attempts])))
    for key in sorted(report.labels):
        name = _LABEL + key
        fields.append(EncodedField(name, escaped(name), _encode(report.labels[key])))
    return tuple(fields)


def decode_fields(fields: Mapping[str, str]) -> Report:
    """A report from its fields: key to canonical value."""
    return _report({unescaped(key): json.loads(value) for key, value in fields.items()})


def joined(fields: Iterable[tuple[str, str]]) -> str:
    """One JSON object of fields that are encoded already: pairs of key and canonical value."""
    return "{" + ",".join([f'"{key}":{value}' for key, value in fields]) + "}"


def encode_observation(new: NewObservation, recorded: str, standing: str) -> str:
    """What a row of an observation holds beside its sequence; `recorded` and `standing` come from `joined`."""
    return f'{{"lesson":{_encode(_lesson(new.lesson))},"recorded":{recorded},"standing":{standing}}}'


def decode_observation(body: str, *, replica: str, sequence: int, observed_nanos: int) -> Observation:
    """The inverse of `encode_observation`."""
    known = json.loads(body)
    return Observation(
        replica=replica,
        sequence=sequence,
        lesson=_lesson_from(known["lesson"]),
        recorded=_report(known["recorded"]),
        standing=_report(known["standing"]),
        observed_nanos=observed_nanos,
    )


def encode_decision(decision: Decision) -> str:
    """A decision as one JSON object. About 15 µs for six candidates."""
    known: dict[str, Any] = {
        "lesson": _lesson(decision.lesson),
        "candidates": [_candidate_row(weighed) for weighed in decision.candidates],
        "chosen": decision.chosen,
        "seed": decision.seed,
        "weights": (decision.weights.cost, decision.weights.latency),
        "engine": decision.engine,
    }
    # Most decisions have none of these.
    if decision.reason_codes:
        known["reason_codes"] = decision.reason_codes
    if decision.task_type:
        known["task_type"] = decision.task_type
    if decision.session_id:
        known["session_id"] = decision.session_id
    if decision.labels:
        known["labels"] = dict(decision.labels)
    return _encode(known)


def decode_decision(body: str) -> Decision:
    """The inverse of `encode_decision`."""
    known = json.loads(body)
    return Decision(
        lesson=_lesson_from(known["lesson"]),
        candidates=tuple(_candidate(*row) for row in known["candidates"]),
        chosen=known["chosen"],
        seed=known["seed"],
        weights=Weights(*known["weights"]),
        reason_codes=tuple(ReasonCode(code) for code in known.get("reason_codes", ())),
        engine=known["engine"],
        task_type=known.get("task_type", ""),
        session_id=known.get("session_id", ""),
        labels=known.get("labels", {}),
    )


def _report(values: Mapping[str, Any]) -> Report:
    return Report(
        quality=values.get("quality"),
        attempts=tuple(_attempt(*row) for row in values.get("attempts", ())),
        labels={name[len(_LABEL) :]: value for name, value in values.items() if name.startswith(_LABEL)},
    )


def _attempt_row(made: Attempt) -> tuple[object, ...]:
    usage = made.usage
    return (
        made.model,
        made.deployment,
        made.error,
        usage.input_tokens,
        usage.cached_input_tokens,
        usage.output_tokens,
        usage.reasoning_tokens,
        made.cost_nano_usd,
        None if made.latency_seconds is None else made.latency_seconds + 0.0,
    )


def _attempt(model: str, deployment: str, error: str | None, *numbers: Any) -> Attempt:
    *tokens, cost_nano_usd, latency_seconds = numbers
    return Attempt(
        model=model,
        deployment=deployment,
        error=None if error is None else AttemptError(error),
        usage=Usage(*tokens),
        cost_nano_usd=cost_nano_usd,
        latency_seconds=latency_seconds,
    )


def _candidate_row(weighed: Candidate) -> tuple[object, ...]:
    target, expected = weighed.target, weighed.expected
    return (
        target.model,
        target.deployment,
        target.provider,
        expected.quality,
        expected.cost_nano_usd,
        expected.latency_seconds,
        expected.failure_rate,
        weighed.utility,
        weighed.propensity,
    )


def _candidate(model: str, deployment: str, provider: str, *numbers: Any) -> Candidate:
    *expected, utility, propensity = numbers
    return Candidate(
        target=Target(model, deployment, provider),
        expected=Expectation(*expected),
        utility=utility,
        propensity=propensity,
    )


def _lesson(lesson: Lesson) -> dict[str, object]:
    prices, revisions = lesson.prices, lesson.revisions
    return {
        "tenant": lesson.tenant,
        "decision_id": lesson.decision_id,
        "decided_nanos": lesson.decided_nanos,
        "expires_nanos": lesson.expires_nanos,
        "model": lesson.model,
        "deployment": lesson.deployment,
        "schema_id": lesson.features.schema_id,
        "features": binascii.b2a_base64(lesson.features.values, newline=False).decode("ascii"),
        "propensity": lesson.propensity,
        "predicted_mean": lesson.predicted_mean,
        "predicted_linear": lesson.predicted_linear,
        "input_tokens": lesson.input_tokens,
        "prices": (prices.input, prices.output, prices.cached_input, prices.reasoning),
        "revisions": (revisions.policy, revisions.policy_version, revisions.catalog, revisions.learner),
    }


def _lesson_from(known: Mapping[str, Any]) -> Lesson:
    return Lesson(
        tenant=known["tenant"],
        decision_id=known["decision_id"],
        decided_nanos=known["decided_nanos"],
        expires_nanos=known["expires_nanos"],
        model=known["model"],
        deployment=known["deployment"],
        features=FeatureVector(known["schema_id"], binascii.a2b_base64(known["features"])),
        propensity=known["propensity"],
        predicted_mean=known["predicted_mean"],
        predicted_linear=known["predicted_linear"],
        input_tokens=known["input_tokens"],
        prices=TokenPrices(*known["prices"]),
        revisions=Revisions(*known["revisions"]),
    )
