"""Proof at start-up that an engine answers as the reference does.

Entered by the composition root before the engine serves anybody, and by the conformance suite with larger files. It
replays recorded conversations (`self_test.json` and, where `text.v1` is served, `self_test_text.json`; the reference
wrote them, and the format is documented beside the conformance vectors) and stops at the first disagreement. It never
repairs an engine and never touches one in use.
"""

from __future__ import annotations

import dataclasses
import json
import math
import struct
from collections.abc import Callable, Iterator, Mapping
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from atp_grpc.engine.checkpoint import ArmRecord, decode
from atp_grpc.engine.contract import (
    Arm,
    ContextMode,
    EngineError,
    EngineParameters,
    Learner,
    Offer,
    Outcome,
    Query,
)

if TYPE_CHECKING:
    from atp_grpc.engine.contract import Choice, Engine, EngineSummary

RELATIVE_TOLERANCE: Final = 1e-9
ABSOLUTE_TOLERANCE: Final = 1e-12
SQUARE_TOLERANCE: Final = 1e-9
"""For `residual_sd`, the root of a difference that may be all rounding: its squares are compared."""

FEATURE_TOLERANCE: Final = 2.0**-23
"""One unit in the last place of a float32 near 1: logarithms of two libraries may round apart."""

Document = Mapping[str, Any]


class EngineSelfTestError(RuntimeError):
    """An engine that does not answer as the reference does. It must not serve."""


CONVERSATIONS: Final = "self_test.json"
TEXT_CONVERSATIONS: Final = "self_test_text.json"
"""Those in the schema `text.v1`, for engines that have a text table."""


def run_self_test(engine_factory: Callable[[EngineParameters], Engine], conversations: str = CONVERSATIONS) -> None:
    """Replays built-in conversations on fresh engines; takes a few milliseconds.

    Raises:
        EngineSelfTestError: an answer differs, or the engine failed.
    """
    for document in json.loads(resources.files("atp_grpc.engine").joinpath(conversations).read_bytes()):
        replay(document, engine_factory)


def replay(document: Document, engine_factory: Callable[[EngineParameters], Engine]) -> None:
    """Performs the steps of one document on a fresh engine and compares every answer.

    Raises:
        EngineSelfTestError: an answer differs, or the engine failed.
    """
    fields = document["parameters"]
    try:
        engine = engine_factory(
            EngineParameters(
                **{**fields, "learner": Learner(fields["learner"]), "context": ContextMode(fields["context"])}
            )
        )
        for number, step in enumerate(document["steps"]):
            _compare(perform(engine, step), step, f"step {number} ({step['do']}) of {document['about']!r}")
    except (EngineSelfTestError, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        # A Rust panic is no Exception; at start-up it must become a sentence like any other failure.
        raise EngineSelfTestError(f"the engine failed with {type(error).__name__}") from error


def perform(engine: Engine, step: Document) -> dict[str, Any]:
    """Performs one step and spells the answer as the document would; a refusal becomes its name."""
    try:
        return _perform(engine, step)
    except EngineError as error:
        return {"error": type(error).__name__}


def pack(values: list[float]) -> bytes:
    """Numbers as packed little-endian float32."""
    return struct.pack(f"<{len(values)}f", *values)


def unpack(features: bytes) -> list[float]:
    """Packed little-endian float32 as numbers."""
    return list(struct.unpack(f"<{len(features) // 4}f", features))


def spell_choice(choice: Choice) -> dict[str, Any]:
    """A choice as a document spells it."""
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


def spell_summary(summary: EngineSummary) -> dict[str, Any]:
    """A summary as a document spells it."""
    return {
        "arms": [{field.name: getattr(arm, field.name) for field in dataclasses.fields(arm)} for arm in summary.arms],
        "learned": summary.learned,
        "context_on": summary.context_on,
        "context_z": summary.context_z,
        "high_water": dict(sorted(summary.high_water.items())),
    }


def _compare(answer: dict[str, Any], step: Document, where: str) -> None:
    for place, found, expected in _differences(answer, step["expect"], ""):
        raise EngineSelfTestError(f"{where}: {place or 'the answer'} is {found!r}, not {expected!r}")


def _perform(engine: Engine, step: Document) -> dict[str, Any]:
    answer: dict[str, Any] = {}
    match step["do"]:
        case "load":
            arms = [Arm(**fields) for fields in step["arms"]]
            engine.load(arms, [Offer(**fields) for fields in step["offers"]], step["generation"])
        case "features":
            answer["features"] = unpack(engine.features(step["text"]))
        case "choose":
            answer["choice"] = spell_choice(engine.choose(_query(step["query"])))
        case "learn":
            fields = step["outcome"]
            answer["learned"] = engine.learn(Outcome(**{**fields, "features": pack(fields["features"])}))
        case "discount":
            answer["discounted"] = engine.discount(step["arm"], step["keep"])
        case "summary":
            answer["summary"] = spell_summary(engine.summary(step["now_nanos"]))
        case "checkpoint":
            answer["checkpoint"] = engine.checkpoint().hex()
        case "restore":
            engine.restore(bytes.fromhex(step["checkpoint"]))
        case unknown:
            raise ValueError(f"no step is called {unknown}")
    return answer


def _query(fields: Document) -> Query:
    features = None if fields["features"] is None else pack(fields["features"])
    return Query(**{**fields, "candidates": tuple(fields["candidates"]), "features": features})


def _differences(found: Any, expected: Any, place: str) -> Iterator[tuple[str, Any, Any]]:
    """Every place where an answer is not what was recorded."""
    name = place.rsplit(".", maxsplit=1)[-1].split("[", maxsplit=1)[0]
    if name == "checkpoint" and isinstance(found, str) and isinstance(expected, str):
        yield from _differences(_spell_checkpoint(found), _spell_checkpoint(expected), f"{place}.state")
    elif isinstance(found, dict) and isinstance(expected, dict) and found.keys() == expected.keys():
        for key, value in expected.items():
            yield from _differences(found[key], value, f"{place}.{key}")
    elif isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        for position, value in enumerate(expected):
            yield from _differences(found[position], value, f"{place}[{position}]")
    elif not (_is_close(name, found, expected) if isinstance(expected, float) else found == expected):
        yield place.lstrip("."), found, expected


def _is_close(name: str, found: object, expected: float) -> bool:
    if not isinstance(found, float) or not math.isfinite(found):
        return False
    if name == "residual_sd":
        return abs(found * found - expected * expected) <= SQUARE_TOLERANCE
    if name == "features":
        return abs(found - expected) <= FEATURE_TOLERANCE * abs(expected)
    return abs(found - expected) <= ABSOLUTE_TOLERANCE + RELATIVE_TOLERANCE * max(abs(found), abs(expected))


def _spell_checkpoint(data: str) -> dict[str, Any]:
    """A checkpoint's state, or why it is none; decoding proves header, shape and digest."""
    try:
        checkpoint = decode(bytes.fromhex(data))
    except EngineError as error:
        return {"error": type(error).__name__}
    state = {field.name: getattr(checkpoint, field.name) for field in dataclasses.fields(checkpoint)}
    arms = {
        name: {sums: list(getattr(record, sums)) for sums in ArmRecord.__slots__}
        for name, record in sorted(checkpoint.arms.items())
    }
    tenants = {
        name: {"touched": tenant.touched, **{f"on {arm}": list(sums) for arm, sums in sorted(tenant.arms.items())}}
        for name, tenant in sorted(checkpoint.tenants.items())
    }
    sums = {"gate": list(checkpoint.gate), "common": list(checkpoint.common)}
    return {**state, **sums, "arms": arms, "tenants": tenants}
