r"""The bytes of a learned state, the same for every engine.

Entered by the engines and by whoever inspects a checkpoint. A checkpoint never holds arms' priors, prices or anything
of a prompt, and decoding never trusts a byte: whatever is not exactly what `encode` would write is refused.

Layout (all numbers little-endian)::

    8 bytes    magic, b"ATPENG1\n"
    4 bytes    length of the header, unsigned
    header     canonical JSON: UTF-8, keys sorted, separators "," and ":", non-ASCII kept as it is
    payload    float64: the gate's three sums; then per arm, in the header's order, the moment matrix (lower
               triangle, row by row), the reward vector and seven figures (sum of squares; count and sum of tokens,
               latency, failures); then per tenant, in the header's order, per arm of that tenant N_T, D_mean, D_linear
    32 bytes   SHA-256 of everything before

Header keys: ``arms`` (names, ascending), ``context_on``, ``contract``, ``dimension``, ``epoch_nanos`` (a multiple of
32 half-lives; 0 without decay), ``half_life_nanos`` (null without decay), ``high_water`` (sequence per replica),
``learned``, ``pool``, ``schema``, ``tenants`` (by name ascending, ``[name, touched, [arm names, ascending]]`` each). A
tenant has one arm at least, and none that is not among ``arms``; ``touched`` is the value of ``learned`` after the
outcome that taught it last, so it is 1 at least and ``learned`` at most. Text is ordered by code points, which is the
order of its UTF-8 bytes.

Counts and sums of squares are not negative: the gate's last two sums, the diagonals, the seven figures and every N_T.
No number of the payload is above 1e100, whatever its sign.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from atp_grpc.engine.contract import CONTRACT_VERSION, CheckpointMismatchError, CorruptCheckpointError

if TYPE_CHECKING:
    from atp_grpc.engine.contract import EngineParameters

MAGIC: Final = b"ATPENG1\n"
MAGNITUDE_LIMIT: Final = 1e100
"""No sum of valid outcomes comes near it; above it, reading could overflow."""

INTEGER_LIMIT: Final = 2**63 - 1
"""Largest count, sequence and moment of a header."""

EPOCH_HALF_LIVES: Final = 32
"""Half-lives in one epoch. Weights stay below 2^32, and moving sums to another epoch is an exact power of two."""

_LENGTH: Final = struct.Struct("<I")
_DIGEST_SIZE: Final = hashlib.sha256().digest_size
_GATE_SUMS: Final = 3
_ARM_FIGURES: Final = 7
_TENANT_SUMS: Final = 3
_DIMENSION_LIMIT: Final = 512
_KEYS: Final = frozenset(
    {
        "arms",
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


@dataclass(frozen=True, slots=True)
class ArmRecord:
    """Sums of one arm: packed lower triangle, reward vector, and the seven figures in payload order."""

    moments: tuple[float, ...]
    rewards: tuple[float, ...]
    figures: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class TenantRecord:
    """Sums of one tenant, per arm: N_T, D_mean and D_linear; and the learned count when it was last taught."""

    touched: int
    arms: Mapping[str, tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A learned state as plain values."""

    contract: int
    pool: str
    schema: str
    dimension: int
    half_life_nanos: int | None
    epoch_nanos: int
    learned: int
    high_water: Mapping[str, int]
    context_on: bool
    gate: tuple[float, float, float]
    arms: Mapping[str, ArmRecord]
    tenants: Mapping[str, TenantRecord]

    def numbers(self) -> Iterator[float]:
        """Every sum, in the order of the payload."""
        yield from self.gate
        for _, record in sorted(self.arms.items()):
            yield from (*record.moments, *record.rewards, *record.figures)
        for _, tenant in sorted(self.tenants.items()):
            for _, sums in sorted(tenant.arms.items()):
                yield from sums

    def require(self, parameters: EngineParameters) -> None:
        """Raises CheckpointMismatchError unless this is a state of the engine with these parameters."""
        ours = (parameters.pool, parameters.schema_id, parameters.dimension, parameters.half_life_nanos)
        if (self.pool, self.schema, self.dimension, self.half_life_nanos) != ours:
            raise CheckpointMismatchError("the checkpoint belongs to another pool, schema, dimension or half-life")


def encode(checkpoint: Checkpoint) -> bytes:
    """The bytes of a state. Equal states give equal bytes."""
    header = _canonical(
        {
            "arms": sorted(checkpoint.arms),
            "context_on": checkpoint.context_on,
            "contract": checkpoint.contract,
            "dimension": checkpoint.dimension,
            "epoch_nanos": checkpoint.epoch_nanos,
            "half_life_nanos": checkpoint.half_life_nanos,
            "high_water": dict(checkpoint.high_water),
            "learned": checkpoint.learned,
            "pool": checkpoint.pool,
            "schema": checkpoint.schema,
            "tenants": [
                [name, tenant.touched, sorted(tenant.arms)] for name, tenant in sorted(checkpoint.tenants.items())
            ],
        }
    )
    numbers = tuple(checkpoint.numbers())
    body = MAGIC + _LENGTH.pack(len(header)) + header + struct.pack(f"<{len(numbers)}d", *numbers)
    return body + hashlib.sha256(body).digest()


def decode(data: bytes) -> Checkpoint:
    """The state in the bytes.

    Raises:
        CorruptCheckpointError: the bytes are truncated, altered, or hold what no engine writes.
        CheckpointMismatchError: a sound checkpoint of another contract version.
    """
    start = len(MAGIC) + _LENGTH.size
    if len(data) < start + _DIGEST_SIZE or not data.startswith(MAGIC):
        raise CorruptCheckpointError("not a checkpoint")
    body, digest = data[:-_DIGEST_SIZE], data[-_DIGEST_SIZE:]
    if hashlib.sha256(body).digest() != digest:
        raise CorruptCheckpointError("the digest does not match")
    (length,) = _LENGTH.unpack_from(body, len(MAGIC))
    if length > len(body) - start:
        raise CorruptCheckpointError("the header is longer than the checkpoint")
    header = _read_header(body[start : start + length])
    return _read_payload(header, body[start + length :])


def _canonical(header: Mapping[str, Any]) -> bytes:
    return json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def _read_header(data: bytes) -> dict[str, Any]:
    try:
        header = json.loads(data)
    except (ValueError, RecursionError):
        raise CorruptCheckpointError("the header is not JSON") from None
    if not isinstance(header, dict) or not _is_integer(header.get("contract"), 0):
        raise CorruptCheckpointError("the header is not that of a checkpoint")
    if header["contract"] != CONTRACT_VERSION:
        raise CheckpointMismatchError("the checkpoint was written for another contract version")
    if not _is_sound(header) or _canonical(header) != data:
        raise CorruptCheckpointError("the header holds what no engine writes")
    return header


def _is_sound(header: dict[str, Any]) -> bool:
    """Whether keys, types and ranges are those of a state."""
    return (
        header.keys() == _KEYS
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


def _read_payload(header: dict[str, Any], payload: bytes) -> Checkpoint:
    size = header["dimension"] + 1
    triangle = size * (size + 1) // 2
    pairs = sum(len(arms) for _, _, arms in header["tenants"])
    count = _GATE_SUMS + len(header["arms"]) * (triangle + size + _ARM_FIGURES) + pairs * _TENANT_SUMS
    if len(payload) != 8 * count:
        raise CorruptCheckpointError("the payload does not fit the header")
    numbers = struct.unpack(f"<{count}d", payload)
    # Comparing from this side also refuses NaN, which is below nothing.
    if not all(abs(number) <= MAGNITUDE_LIMIT for number in numbers):
        raise CorruptCheckpointError("a number is not finite or too large")
    rest = iter(numbers)
    gate = next(rest), next(rest), next(rest)
    arms = {
        name: ArmRecord(_take(rest, triangle), _take(rest, size), _take(rest, _ARM_FIGURES)) for name in header["arms"]
    }
    tenants = {
        name: TenantRecord(touched, {arm: _take(rest, _TENANT_SUMS) for arm in names})
        for name, touched, names in header["tenants"]
    }
    counts = (sums[0] for tenant in tenants.values() for sums in tenant.arms.values())
    if min(*gate[1:], *counts) < 0.0 or any(_is_negative(record, size) for record in arms.values()):
        raise CorruptCheckpointError("a count or a sum of squares is negative")
    return Checkpoint(
        contract=header["contract"],
        pool=header["pool"],
        schema=header["schema"],
        dimension=header["dimension"],
        half_life_nanos=header["half_life_nanos"],
        epoch_nanos=header["epoch_nanos"],
        learned=header["learned"],
        high_water=header["high_water"],
        context_on=header["context_on"],
        gate=gate,
        arms=arms,
        tenants=tenants,
    )


def _take(numbers: Iterator[float], count: int) -> tuple[float, ...]:
    return tuple(itertools.islice(numbers, count))


def _is_negative(record: ArmRecord, size: int) -> bool:
    diagonal = (record.moments[row * (row + 3) // 2] for row in range(size))
    return min(diagonal) < 0.0 or min(record.figures) < 0.0


def _is_integer(value: object, low: int, high: int = INTEGER_LIMIT) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _is_name(value: object) -> bool:
    if not isinstance(value, str) or not value:
        return False
    # JSON can spell a lone surrogate, which no engine writes.
    return not any("\ud800" <= character <= "\udfff" for character in value)
