r"""The bytes of a learned state, the same for every engine.

Entered by the engines and by whoever inspects a checkpoint. A checkpoint never holds arms' priors, prices or anything
of a prompt, and decoding never trusts a byte: whatever is not exactly what `encode` would write is refused.

Layout (all numbers little-endian)::

    8 bytes    magic, b"ATPENG1\n"
    4 bytes    length of the header, unsigned
    header     canonical JSON: UTF-8, keys sorted, separators "," and ":", non-ASCII kept as it is
    payload    float64: the gate's three sums; what the arms have in common, [h0, g]; then per arm, in the header's
               order, the moment matrix (lower triangle, row by row), the reward vector, the moment matrix and the
               vector of the answer length, and six figures (sum of squares; count, sum and sum of squares of latency;
               count and sum of failures); then per tenant, in the header's order, per arm of that tenant N_T, D_mean,
               D_linear
    32 bytes   SHA-256 of everything before

Header keys: ``arms`` (names, ascending), ``common_age`` (graded answers since the arms' common part was read, 31 at
most), ``context_on``, ``contract``, ``dimension``, ``epoch_nanos`` (a multiple of 32 half-lives; 0 without decay),
``half_life_nanos`` (null without decay), ``high_water`` (sequence per replica), ``learned``, ``pool``, ``schema``,
``tenants`` (by name ascending, ``[name, touched, [arm names, ascending]]`` each). A tenant has one arm at least, and
none that is not among ``arms``; ``touched`` is the value of ``learned`` after the outcome that taught it last, so it is
1 at least and ``learned`` at most. Text is ordered by code points, which is the order of its UTF-8 bytes.

Counts and sums of what cannot be negative are not: the gate's last two sums, the diagonals, the sum of tokens, the six
figures and every N_T. No number of the payload is above 1e100, whatever its sign.
"""

from __future__ import annotations

import hashlib
import itertools
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from atp_grpc.engine.contract import CheckpointMismatchError, CorruptCheckpointError
from atp_grpc.engine.header import read_header, write_header

if TYPE_CHECKING:
    from atp_grpc.engine.contract import EngineParameters

MAGIC: Final = b"ATPENG1\n"
MAGNITUDE_LIMIT: Final = 1e100
"""No sum of valid outcomes comes near it; above it, reading could overflow."""

LEADING_FEATURES: Final = 15
"""Features that an answer's length may depend on, from the first."""

_LENGTH: Final = struct.Struct("<I")
_DIGEST_SIZE: Final = hashlib.sha256().digest_size
_GATE_SUMS: Final = 3
_ARM_FIGURES: Final = 6
_TENANT_SUMS: Final = 3


@dataclass(frozen=True, slots=True)
class ArmRecord:
    """Sums of one arm in payload order; the matrices are packed lower triangles."""

    moments: tuple[float, ...]
    rewards: tuple[float, ...]
    length_moments: tuple[float, ...]
    length_totals: tuple[float, ...]
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
    common_age: int
    common: tuple[float, ...]
    arms: Mapping[str, ArmRecord]
    tenants: Mapping[str, TenantRecord]

    def numbers(self) -> Iterator[float]:
        """Every number, in the order of the payload."""
        yield from self.gate
        yield from self.common
        for _, record in sorted(self.arms.items()):
            yield from itertools.chain(
                record.moments, record.rewards, record.length_moments, record.length_totals, record.figures
            )
        for _, tenant in sorted(self.tenants.items()):
            for _, sums in sorted(tenant.arms.items()):
                yield from sums

    def require(self, parameters: EngineParameters) -> None:
        """Raises CheckpointMismatchError unless this is a state of the engine with these parameters."""
        ours = (parameters.pool, parameters.schema_id, parameters.dimension, parameters.half_life_nanos)
        if (self.pool, self.schema, self.dimension, self.half_life_nanos) != ours:
            raise CheckpointMismatchError("the checkpoint belongs to another pool, schema, dimension or half-life")


def leading_size(size: int) -> int:
    """Coefficients of the answer length where an arm's quality has `size` of them."""
    return min(size - 1, LEADING_FEATURES) + 1


def encode(checkpoint: Checkpoint) -> bytes:
    """The bytes of a state. Equal states give equal bytes."""
    header = write_header(
        {
            "arms": sorted(checkpoint.arms),
            "common_age": checkpoint.common_age,
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
    header = read_header(body[start : start + length])
    return _read_payload(header, body[start + length :])


def _read_payload(header: dict[str, Any], payload: bytes) -> Checkpoint:
    size = header["dimension"] + 1
    leading = leading_size(size)
    shape = (_triangle(size), size, _triangle(leading), leading, _ARM_FIGURES)
    pairs = sum(len(arms) for _, _, arms in header["tenants"])
    count = _GATE_SUMS + size + len(header["arms"]) * sum(shape) + pairs * _TENANT_SUMS
    if len(payload) != 8 * count:
        raise CorruptCheckpointError("the payload does not fit the header")
    numbers = struct.unpack(f"<{count}d", payload)
    # Comparing from this side also refuses NaN, which is below nothing.
    if not all(abs(number) <= MAGNITUDE_LIMIT for number in numbers):
        raise CorruptCheckpointError("a number is not finite or too large")
    rest = iter(numbers)
    gate = next(rest), next(rest), next(rest)
    common = _take(rest, size)
    arms = {name: ArmRecord(*(_take(rest, length) for length in shape)) for name in header["arms"]}
    tenants = {
        name: TenantRecord(touched, {arm: _take(rest, _TENANT_SUMS) for arm in names})
        for name, touched, names in header["tenants"]
    }
    counts = (sums[0] for tenant in tenants.values() for sums in tenant.arms.values())
    if min(*gate[1:], *counts) < 0.0 or any(_is_negative(record) for record in arms.values()):
        raise CorruptCheckpointError("a count or a sum of what is not negative is negative")
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
        common_age=header["common_age"],
        common=common,
        arms=arms,
        tenants=tenants,
    )


def _take(numbers: Iterator[float], count: int) -> tuple[float, ...]:
    return tuple(itertools.islice(numbers, count))


def _triangle(size: int) -> int:
    """Numbers in the lower triangle of a square matrix."""
    return size * (size + 1) // 2


def _diagonal(triangle: tuple[float, ...], size: int) -> Iterator[float]:
    return (triangle[_triangle(row + 1) - 1] for row in range(size))


def _is_negative(record: ArmRecord) -> bool:
    counts = itertools.chain(
        _diagonal(record.moments, len(record.rewards)),
        _diagonal(record.length_moments, len(record.length_totals)),
        record.length_totals[:1],
        record.figures,
    )
    return min(counts) < 0.0
