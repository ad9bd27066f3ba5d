"""Decisions, observations and explanations in sheets and records, as `atp decision` prints them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from atp_grpc.cli import wording
from atp_grpc.cli.answer import Part, Record, Sheet
from atp_grpc.cli.quantities import usd
from atp_grpc.client.messages import (
    Attempt,
    AttemptError,
    Changes,
    Decision,
    DecisionCandidate,
    ExplainDecisionResponse,
    Observation,
    Outcome,
    ReasonCode,
    RefusalCause,
    RefusedModel,
)

_DECISIONS = ("decision", "decided", "model", "propensity", "policy", "task type", "quality", "cost")
_OBSERVATIONS = ("decision", "decided", "model", "quality", "cost", "attempts", "labels")
_CANDIDATES = ("model", "at", "utility", "propensity", "quality", "cost", "latency", "fails")
_ATTEMPTS = ("model", "deployment", "error", "cost", "latency", "input", "cached", "output", "reasoning", "written")
_UTILITIES = ("model", "utility", "quality", "failure", "cost", "ceiling", "floor", "latency", "affinity", "set aside")
_CHANGES = ("model", "behind by", "cost at most", "quality at least", "latency at most", "cost weight")
_REFUSED = ("model", "at", "refused for")


def decisions(found: Iterable[Decision]) -> Sheet:
    """Decisions, one a row; the tenant before each where it was told."""
    return Sheet("Decisions", _DECISIONS, [_decision(one) for one in found])


def observations(found: Iterable[Observation]) -> Sheet:
    """What was observed, by decision."""
    return Sheet("Observations", _OBSERVATIONS, [_observation(one) for one in found])


def record(decision: Decision) -> Record:
    """A decision's own facts."""
    return Record(
        [
            ("decision", decision.decision_id),
            ("decided", wording.moment(decision.decided_at)),
            ("model", decision.target.model),
            ("deployment", wording.place(decision.target.deployment, decision.target.provider)),
            ("propensity", f"{decision.propensity:.4f}"),
            ("remarks", ", ".join(wording.word(ReasonCode, code, "REASON_CODE_") for code in decision.reason_codes)),
            ("policy", f"{decision.policy} version {decision.policy_version}"),
            ("weights", f"cost {decision.weights.cost:g}, latency {decision.weights.latency:g}"),
            ("dual prices", _dual_prices(decision)),
            ("scales", _scales(decision)),
            ("catalogue", f"revision {decision.catalog_revision}"),
            ("learned", f"{decision.learner_revision} outcomes"),
            ("features", f"{decision.features.schema_id}, {len(decision.features.values)} values"),
            ("seed", str(decision.seed)),
            ("engine", decision.engine),
            ("task type", decision.task_type),
            ("session", decision.session_id),
            ("stays with", f"{decision.favoured_model} for {decision.favour:g}" if decision.favoured_model else ""),
            ("labels", _labels(decision.labels)),
            ("observed", "" if decision.HasField("outcome") else "nothing yet"),
        ]
    )


def weighed(decision: Decision) -> Sheet:
    """Every candidate; why it was set aside stands last where anybody was."""
    is_anybody_aside = any(one.set_aside for one in decision.candidates)
    columns = (*_CANDIDATES, "set aside") if is_anybody_aside else _CANDIDATES
    return Sheet("What was weighed", columns, [_candidate(one)[: len(columns)] for one in decision.candidates])


def refused(models: Iterable[RefusedModel]) -> Sheet:
    """The models that were no candidates."""
    rows = [(one.target.model, wording.served_at(one.target), _cause(one.cause)) for one in models]
    return Sheet("Who was refused", _REFUSED, rows)


def observed(outcome: Outcome) -> list[Part]:
    """What was observed of one decision."""
    facts = Record(
        [
            ("observed quality", _quality(outcome)),
            ("observed cost", _cost(outcome)),
            ("observed labels", _labels(outcome.labels)),
        ]
    )
    parts: list[Part] = [facts] if any(value for _, value in facts.facts) else []
    if outcome.attempts:
        parts.append(Sheet("Attempts", _ATTEMPTS, [_attempt(attempt) for attempt in outcome.attempts]))
    return parts


def utilities(told: ExplainDecisionResponse) -> Sheet:
    """What each utility is the sum of."""
    rows = [
        (
            one.target.model,
            f"{one.utility:.4f}",
            *[
                f"{part:+.4f}"
                for part in (
                    one.parts.quality,
                    one.parts.failure,
                    one.parts.cost,
                    one.parts.cost_ceiling,
                    one.parts.quality_floor,
                    one.parts.latency,
                    one.parts.affinity,
                )
            ],
            _cause(one.set_aside),
        )
        for one in told.candidates
    ]
    return Sheet("What the utilities are made of", _UTILITIES, rows)


def changes(told: ExplainDecisionResponse) -> Sheet:
    """What would have made each candidate the best, one number at a time."""
    rows = [
        (one.target.model, f"{one.gap:.4f}", *_changed(one.would_be_best))
        for one in told.candidates
        if one.HasField("would_be_best")
    ]
    return Sheet(f"What would have made another one than {told.best.model} the best", _CHANGES, rows)


def _decision(one: Decision) -> tuple[str, ...]:
    return (
        _named(one.tenant, one.decision_id),
        wording.moment(one.decided_at),
        one.target.model,
        f"{one.propensity:.4f}",
        one.policy,
        one.task_type,
        _quality(one.outcome),
        _cost(one.outcome),
    )


def _observation(one: Observation) -> tuple[str, ...]:
    return (
        _named(one.tenant, one.decision_id),
        wording.moment(one.decided_at),
        one.target.model,
        _quality(one.outcome),
        _cost(one.outcome),
        str(len(one.outcome.attempts)),
        _labels(one.outcome.labels),
    )


def _named(tenant: str, decision_id: str) -> str:
    return f"{tenant} {decision_id}" if tenant else decision_id


def _candidate(one: DecisionCandidate) -> tuple[str, ...]:
    return (
        one.target.model,
        wording.served_at(one.target),
        f"{one.utility:.4f}",
        f"{one.propensity:.4f}",
        *wording.expectation(one.expected),
        _cause(one.set_aside),
    )


def _changed(one: Changes) -> tuple[str, ...]:
    return (
        usd(one.cost_nano_usd) if one.HasField("cost_nano_usd") else "",
        f"{one.quality:.4f}" if one.HasField("quality") else "",
        wording.duration(one.latency) if one.HasField("latency") else "",
        f"{one.cost_weight:.4g}" if one.HasField("cost_weight") else "",
    )


def _cause(number: int) -> str:
    return wording.word(RefusalCause, number, "REFUSAL_CAUSE_") if number else ""


def _quality(outcome: Outcome) -> str:
    return f"{outcome.quality:g}" if outcome.HasField("quality") else ""


def _cost(outcome: Outcome) -> str:
    return usd(outcome.cost_nano_usd) if outcome.HasField("cost_nano_usd") else ""


def _attempt(attempt: Attempt) -> tuple[str, ...]:
    usage = attempt.usage
    tokens = (
        str(getattr(usage, field.name)) if usage.HasField(field.name) else "" for field in usage.DESCRIPTOR.fields
    )
    return (
        attempt.model,
        attempt.deployment,
        wording.word(AttemptError, attempt.error, "ATTEMPT_ERROR_") if attempt.error else "",
        usd(attempt.cost_nano_usd) if attempt.HasField("cost_nano_usd") else "",
        wording.duration(attempt.latency) if attempt.HasField("latency") else "",
        *tokens,
    )


def _dual_prices(decision: Decision) -> str:
    prices = decision.dual_prices
    return f"ceiling {prices.cost:g}, floor {prices.quality:g}" if decision.HasField("dual_prices") else ""


def _scales(decision: Decision) -> str:
    scales = decision.scales
    if not decision.HasField("scales"):
        return ""
    return f"cost {usd(round(scales.cost_nano_usd))}, latency {scales.latency_seconds:g} s"


def _labels(labels: Mapping[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted(labels.items()))
