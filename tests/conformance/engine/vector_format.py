"""The language-neutral form of what goes into an engine, and of a vector file.

Entered by the writer of the vectors; `tests/conformance/vectors/engine/README.md` documents the form, and the server's
own self-test reads it and spells the answers. It never computes an expectation.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atp_grpc.engine.self_test import unpack

if TYPE_CHECKING:
    from atp_grpc.engine.contract import Arm, EngineParameters, Offer, Outcome, Query

VECTORS = Path(__file__).parents[1] / "vectors" / "engine"


def plain(value: EngineParameters | Query | Outcome | Arm | Offer) -> dict[str, Any]:
    """The fields of a contract value; features become a list of numbers, enums their text."""
    names = value._fields if isinstance(value, tuple) else [field.name for field in dataclasses.fields(value)]
    fields = {name: getattr(value, name) for name in names}
    if fields.get("features") is not None:
        fields["features"] = unpack(fields["features"])
    return fields


def spell(document: dict[str, Any]) -> str:
    """A document with one step on each line, so that a change is read line by line."""
    head = [f"  {_json(key)}: {_json(value)}," for key, value in document.items() if key != "steps"]
    steps = ",\n".join(f"    {_json(step)}" for step in document["steps"])
    return "\n".join(["{", *head, '  "steps": [', steps, "  ]", "}"])


def write(path: Path, text: str) -> None:
    path.write_text(text + "\n", encoding="utf-8")


def read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
