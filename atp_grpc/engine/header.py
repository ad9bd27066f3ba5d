"""The header of a checkpoint: what stands in it, how it is spelled, and whether an engine could have written it.

Entered by `engine/checkpoint`, which documents the keys and lays out the numbers behind it. It judges the header alone,
trusts nothing of it, and never looks at a number of the payload.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from typing import Any, Final

from atp_grpc.engine.contract import CONTRACT_VERSION, CheckpointMismatchError, CorruptCheckpointError

INTEGER_LIMIT: Final = 2**63 - 1
"""Largest count, sequence and moment of a header."""

EPOCH_HALF_LIVES: Final = 32
"""Half-lives in one epoch. Weights stay below 2^32, and moving sums to another epoch is an exact power of two."""

READING_INTERVAL: Final = 32
"""Graded answers after which what the arms have in common is read anew."""

_DIMENSION_LIMIT: Final = 512
_KEYS: Final = frozenset(
    {
        "arms",
        "common_age",
        "context_on",
        "contract",
        "dimension",
        "epoch_nanos",
        "half_life_nanos",
        "high_water",
        "learned",
        "pool",
        "schema",
        "tenants",
    }
)


def write_header(header: Mapping[str, Any]) -> bytes:
    """The one spelling of a header."""
    return json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def read_header(data: bytes) -> dict[str, Any]:
    """The header in the bytes.

    Raises:
        CorruptCheckpointError: it holds what no engine writes, or is spelled otherwise.
        CheckpointMismatchError: it is that of another contract version.
    """
    try:
        header = json.loads(data)
    except (ValueError, RecursionError):
        raise CorruptCheckpointError("the header is not JSON") from None
    if not isinstance(header, dict) or not _is_integer(header.get("contract"), 0):
        raise CorruptCheckpointError("the header is not that of a checkpoint")
    if header["contract"] != CONTRACT_VERSION:
        raise CheckpointMismatchError("the checkpoint was written for another contract version")
    if not _is_sound(header) or write_header(header) != data:
        raise CorruptCheckpointError("the header holds what no engine writes")
    return header


def _is_sound(header: dict[str, Any]) -> bool:
    """Whether keys, types and ranges are those of a state."""
    return (
        header.keys() == _KEYS
        and _is_integer(header["common_age"], 0, READING_INTERVAL - 1)
        and isinstance(header["context_on"], bool)
        and _is_integer(header["dimension"], 1, _DIMENSION_LIMIT)
        and (header["half_life_nanos"] is None or _is_integer(header["half_life_nanos"], 1))
        and _is_epoch(header["epoch_nanos"], header["half_life_nanos"])
        and _is_integer(header["learned"], 0)
        and _is_name(header["pool"])
        and _is_name(header["schema"])
        and _are_names(header["arms"])
        and isinstance(header["high_water"], dict)
        and all(_is_name(name) and _is_integer(mark, 0) for name, mark in header["high_water"].items())
        and isinstance(header["tenants"], list)
        and all(_is_tenant(entry, header["learned"]) for entry in header["tenants"])
        and _are_names([name for name, _, _ in header["tenants"]])
        and {arm for _, _, arms in header["tenants"] for arm in arms} <= set(header["arms"])
    )


def _is_epoch(nanos: object, half_life_nanos: int | None) -> bool:
    if not isinstance(nanos, int) or not _is_integer(nanos, 0):
        return False
    return nanos == 0 if half_life_nanos is None else nanos % (EPOCH_HALF_LIVES * half_life_nanos) == 0


def _is_tenant(entry: object, learned: int) -> bool:
    """Whether an entry is a name, when the tenant was last taught, and the arms it was taught on."""
    match entry:
        case [name, touched, [_, *_] as arms]:
            return _is_name(name) and _is_integer(touched, 1, learned) and _are_names(arms)
        case _:
            return False


def _are_names(value: object) -> bool:
    """Whether a value is a list of names, each once and ascending."""
    return (
        isinstance(value, list)
        and all(_is_name(name) for name in value)
        and all(earlier < later for earlier, later in itertools.pairwise(value))
    )


def _is_integer(value: object, low: int, high: int = INTEGER_LIMIT) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _is_name(value: object) -> bool:
    if not isinstance(value, str) or not value:
        return False
    # JSON can spell a lone surrogate, which no engine writes.
    return not any("\ud800" <= character <= "\udfff" for character in value)
