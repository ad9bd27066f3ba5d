"""How JSON is asked for in words, where a provider has no field for the shape of an answer, or wants the word as well.

The dialects enter here while they write a prompt. Nothing here reads a schema or judges an answer.
"""

from __future__ import annotations

from collections.abc import Collection

from atp_grpc.domain.conversation import ResponseFormat, ResponseKind
from atp_grpc.domain.endpoint import Quirk

_AS_JSON = "Answer with one JSON value and nothing else."


def instruction(wanted: ResponseFormat, quirks: Collection[Quirk]) -> str:
    """What to say beside the caller's own instructions; empty where a field says it all, or no shape is wanted."""
    if wanted.kind is ResponseKind.JSON:
        return _AS_JSON
    if wanted.kind is ResponseKind.JSON_SCHEMA and Quirk.NO_JSON_SCHEMA in quirks:
        return f"{_AS_JSON} It must match this JSON schema: {wanted.schema}"
    return ""
