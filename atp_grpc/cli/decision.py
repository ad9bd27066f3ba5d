"""`atp decision`: one decision as it was recorded, and what has been observed of it."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from atp_grpc.cli import wording
from atp_grpc.cli.answer import Answer, Part, Record, Sheet
from atp_grpc.cli.connection import add_connection_options, ask
from atp_grpc.cli.printing import add_json_option
from atp_grpc.cli.quantities import usd
from atp_grpc.client.messages import (
    Attempt,
    AttemptError,
    Decision,
    GetDecisionRequest,
    GetDecisionResponse,
    Outcome,
    ReasonCode,
)

_CANDIDATES = ("model", "at", "utility", "propensity", "quality", "cost", "latency", "fails")
_ATTEMPTS = ("model", "deployment", "error", "cost", "latency", "input", "cached", "output", "reasoning")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Describes the command's options."""
    parser.add_argument("decision", metavar="ID", help="the decision's id")
    add_connection_options(parser)
    add_json_option(parser)


def run(options: argparse.Namespace) -> Answer:
    """Reads a decision."""
    request = GetDecisionRequest(decision_id=options.decision)
    response: GetDecisionResponse = ask(options, lambda atp: atp.get_decision(request))
    decision = response.decision
    parts: list[Part] = [_record(decision)]
    parts.append(
        Sheet(
            "What was weighed",
            _CANDIDATES,
            [
                (
                    one.target.model,
                    wording.served_at(one.target),
                    f"{one.utility:.4f}",
                    f"{one.propensity:.4f}",
                    *wording.expectation(one.expected),
                )
                for one in decision.candidates
            ],
        )
    )
    if decision.HasField("outcome"):
        parts.extend(_observed(decision.outcome))
    return Answer(document=wording.document_of(decision), parts=parts)


def _record(decision: Decision) -> Record:
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
            ("catalogue", f"revision {decision.catalog_revision}"),
            ("learned", f"{decision.learner_revision} outcomes"),
            ("features", f"{decision.features.schema_id}, {len(decision.features.values)} values"),
            ("seed", str(decision.seed)),
            ("engine", decision.engine),
            ("task type", decision.task_type),
            ("session", decision.session_id),
            ("labels", _labels(decision.labels)),
            ("observed", "" if decision.HasField("outcome") else "nothing yet"),
        ]
    )


def _observed(outcome: Outcome) -> list[Part]:
    record = Record(
        [
            ("observed quality", f"{outcome.quality:g}" if outcome.HasField("quality") else ""),
            ("observed cost", usd(outcome.cost_nano_usd) if outcome.HasField("cost_nano_usd") else ""),
            ("observed labels", _labels(outcome.labels)),
        ]
    )
    parts: list[Part] = [record] if any(value for _, value in record.facts) else []
    if outcome.attempts:
        parts.append(Sheet("Attempts", _ATTEMPTS, [_attempt(attempt) for attempt in outcome.attempts]))
    return parts


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


def _labels(labels: Mapping[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted(labels.items()))
