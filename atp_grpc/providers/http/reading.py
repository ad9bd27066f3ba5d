"""Values out of JSON that somebody else wrote: of the type that is wanted, or not there.

The dialects read answers with it, and what callers wrote as JSON on its way into a request. What must be right is
checked where it is used; nothing here raises but what deals with a whole document.
"""

from __future__ import annotations

from typing import Any

import orjson

from atp_grpc.providers.contract import FaultKind, ProviderFault

Json = dict[str, Any]
_NOTHING: Json = {}


def document(data: bytes) -> Json:
    """A JSON object.

    Raises:
        ProviderFault: it is none.
    """
    try:
        parsed = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise ProviderFault(FaultKind.MALFORMED) from None
    if type(parsed) is not dict:
        raise ProviderFault(FaultKind.MALFORMED)
    return parsed


def said_object(text: str) -> Json:
    """A JSON object out of a caller's text.

    Raises:
        ProviderFault: it is none, so that no provider would take it.
    """
    try:
        parsed = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise ProviderFault(FaultKind.INVALID_REQUEST) from None
    if type(parsed) is not dict:
        raise ProviderFault(FaultKind.INVALID_REQUEST)
    return parsed


def written(document: Json) -> bytes:
    """A document as JSON, with what a caller said in it.

    Raises:
        ProviderFault: it cannot be written, as what is nested too deeply.
    """
    try:
        return orjson.dumps(document)
    except orjson.JSONEncodeError:
        raise ProviderFault(FaultKind.INVALID_REQUEST) from None


def part(of: Json, name: str) -> Json:
    """An object inside, empty where there is none."""
    value = of.get(name)
    return value if type(value) is dict else _NOTHING


def parts(of: Json, name: str) -> list[Json]:
    """The objects of a list inside."""
    value = of.get(name)
    return [item for item in value if type(item) is dict] if type(value) is list else []


def text(of: Json, name: str) -> str:
    """A text inside, empty where there is none."""
    value = of.get(name)
    return value if type(value) is str else ""


def count(of: Json, name: str) -> int | None:
    """A number of tokens inside."""
    value = of.get(name)
    return value if type(value) is int and value >= 0 else None
