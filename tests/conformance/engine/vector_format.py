"""The language-neutral form of engine values: contract types to plain JSON and back.

Entered by the writer and the reader of the vectors; `tests/conformance/vectors/engine/README.md` documents the form.
It never computes an expectation, it only spells one.
"""

from __future__ import annotations

import dataclasses
import json
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atp_grpc.engine.contract import Arm, ContextMode, EngineParameters, Learner, Offer, Outcome, Query

if TYPE_CHECKING:
    from atp_grpc.engine.contract import Choice, EngineSummary

VECTORS = Path(__file__).parents[1] / "vectors" / "engine"


def pack(values: list[float] | tuple[float, ...]) -> bytes:
    return struct.pack(f"<{len(values)}f", *values)


def unpack(features: bytes) -> list[float]:
    return list(struct.unpack(f"<{len(features) // 4}f", features))


def plain(value: EngineParameters | Query | Outcome | Arm | Offer) -> dict[str, Any]:
    """The fields of a contract value; features become a list of numbers, enums their text."""
    fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if fields.get("features") is not None:
        fields["features"] = unpack(fields["features"])
    return fields


def parameters_from(fields: dict[str, Any]) -> EngineParameters:
    return EngineParameters(
        **{**fields, "learner": Learner(fields["learner"]), "context": ContextMode(fields["context"])}
    )


def query_from(fields: dict[str, Any]) -> Query:
    features = None if fields["features"] is None else pack(fields["features"])
    return Query(**{**fields, "candidates": tuple(fields["candidates"]), "features": features})


def outcome_from(fields: dict[str, Any]) -> Outcome:
    return Outcome(**{**fields, "features": pack(fields["features"])})


def plain_choice(choice: Choice) -> dict[str, Any]:
    return {
        "chosen": choice.chosen,
        "propensities": list(choice.propensities),
        "utilities": list(choice.utilities),
        "quality": list(choice.quality),
        "cost_nano_usd": list(choice.cost_nano_usd),
        "latency_seconds": list(choice.latency_seconds),
        "failure_rate": list(choice.failure_rate),
        "exclusions": {str(position): str(reason) for position, reason in sorted(choice.exclusions.items())},
        "floor_unmet": choice.floor_unmet,
        "slo_unmet": choice.slo_unmet,
        "features": unpack(choice.features),
        "context_on": choice.context_on,
        "predicted_mean": choice.predicted_mean,
        "predicted_linear": choice.predicted_linear,
    }


def plain_summary(summary: EngineSummary) -> dict[str, Any]:
    return {
        "arms": [{field.name: getattr(arm, field.name) for field in dataclasses.fields(arm)} for arm in summary.arms],
        "learned": summary.learned,
        "context_on": summary.context_on,
        "context_z": summary.context_z,
        "high_water": dict(sorted(summary.high_water.items())),
    }


def write(name: str, document: dict[str, Any]) -> None:
    """Writes a vector file with one step on each line, so that a change is read line by line."""
    head = [
        f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False, allow_nan=False)},"
        for key, value in document.items()
        if key != "steps"
    ]
    steps = [f"    {json.dumps(step, ensure_ascii=False, allow_nan=False)}" for step in document["steps"]]
    text = "\n".join(["{", *head, '  "steps": [', ",\n".join(steps), "  ]", "}", ""])
    (VECTORS / f"{name}.json").write_text(text, encoding="utf-8")


def read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document
