"""States of one pool added together, or weighed: the algebra of learned sums.

Entered by whoever holds checkpoints: replicas that learned apart, a prior learned from outcomes of another time. Pure
functions from bytes to bytes, the same for every engine; they never touch an engine, a prior or a price, and never
forget anything: the bound on tenants is kept where the state is restored.

`docs/selection.md` section 11 states the rules. That sums with forward decay may be added at all is shown by Cormode,
Shkapenyuk, Srivastava and Xu, "Forward decay", ICDE 2009.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeVar

import numpy as np

from atp_grpc.engine.checkpoint import MAGNITUDE_LIMIT, ArmRecord, Checkpoint, TenantRecord, decode, encode
from atp_grpc.engine.contract import CheckpointMismatchError, EngineError
from atp_grpc.engine.header import INTEGER_LIMIT
from atp_grpc.engine.parameters import COMMON_PRECISION
from atp_grpc.engine.reference.common import read_common
from atp_grpc.engine.reference.snapshot import symmetric

FACTOR_LIMIT: Final = 1e6
"""Largest factor by which a state is scaled."""

_Record = TypeVar("_Record")


def merge(parts: Sequence[bytes]) -> bytes:
    """The state of an engine that learned what all the parts learned; their order and grouping do not matter.

    Sums are added at the latest epoch, learned counts as well, and each replica keeps its mark. What the arms have in
    common is read anew from the sums of the whole, also of a whole of one part. The gate stands as it does in the part
    that compared most, and open when parts that disagree compared equally much.

    Raises:
        CorruptCheckpointError: a part is truncated, altered or foreign.
        CheckpointMismatchError: parts of different pools, schemas, dimensions, half-lives or contracts; or two parts
            with a mark of the same replica, which may hold the same outcomes.
        EngineError: there are no parts, or their sums are too large for a checkpoint.
    """
    states = [decode(part) for part in parts]
    if not states:
        raise EngineError("there is no state to merge")
    _require_one_pool(states)
    _require_different_replicas(states)
    epoch_nanos = max(state.epoch_nanos for state in states)
    return _encoded(_read_anew(_sum([_moved(state, epoch_nanos) for state in states])))


def scale(data: bytes, factor: float) -> bytes:
    """The same state with every sum multiplied: n outcomes become worth factor * n. Counts and marks stay.

    What the arms have in common is read anew from the multiplied sums.

    Raises:
        CorruptCheckpointError: the bytes are truncated, altered or foreign.
        CheckpointMismatchError: a checkpoint of another contract.
        EngineError: the factor is not above 0 and at most 1e6, or the sums become too large for a checkpoint.
    """
    if not 0.0 < factor <= FACTOR_LIMIT:
        raise EngineError("a state is scaled by a factor above 0 and at most 1e6")
    return _encoded(_read_anew(_multiplied(decode(data), factor)))


def _require_one_pool(states: Sequence[Checkpoint]) -> None:
    if len({(state.pool, state.schema, state.dimension, state.half_life_nanos) for state in states}) > 1:
        raise CheckpointMismatchError("states of different pools, schemas, dimensions or half-lives do not merge")


def _require_different_replicas(states: Sequence[Checkpoint]) -> None:
    marks = [replica for state in states for replica in state.high_water]
    if len(set(marks)) < len(marks):
        raise CheckpointMismatchError("two states carry a mark of the same replica and may hold the same outcomes")


def _moved(state: Checkpoint, epoch_nanos: int) -> Checkpoint:
    """The state at a later epoch. Its sums are multiplied by an exact power of two, or vanish."""
    if state.half_life_nanos is None or state.epoch_nanos == epoch_nanos:
        return state
    half_lives = (epoch_nanos - state.epoch_nanos) // state.half_life_nanos
    moved = _multiplied(state, math.ldexp(1.0, -min(half_lives, 4096)))
    return dataclasses.replace(moved, epoch_nanos=epoch_nanos)


def _multiplied(state: Checkpoint, factor: float) -> Checkpoint:
    def times(sums: Iterable[float]) -> tuple[float, ...]:
        return tuple(factor * number for number in sums)

    advantage, spread, weight = times(state.gate)
    return dataclasses.replace(
        state,
        gate=(advantage, spread, weight),
        arms={
            name: ArmRecord(*(times(getattr(arm, sums)) for sums in ArmRecord.__slots__))
            for name, arm in state.arms.items()
        },
        tenants={
            name: TenantRecord(tenant.touched, {arm: times(sums) for arm, sums in tenant.arms.items()})
            for name, tenant in state.tenants.items()
        },
    )


def _sum(states: Sequence[Checkpoint]) -> Checkpoint:
    """The sum of states at one epoch."""
    most_compared = max(state.gate[2] for state in states)
    advantage, spread, weight = _added(state.gate for state in states)
    return dataclasses.replace(
        states[0],
        learned=sum(state.learned for state in states),
        high_water={replica: mark for state in states for replica, mark in state.high_water.items()},
        context_on=any(state.context_on for state in states if state.gate[2] == most_compared),
        gate=(advantage, spread, weight),
        arms={
            name: ArmRecord(*(_added(getattr(arm, sums) for arm in arms) for sums in ArmRecord.__slots__))
            for name, arms in _by_name(state.arms for state in states)
        },
        tenants={
            name: TenantRecord(
                touched=max(tenant.touched for tenant in tenants),
                arms={arm: _added(sums) for arm, sums in _by_name(tenant.arms for tenant in tenants)},
            )
            for name, tenants in _by_name(state.tenants for state in states)
        },
    )


def _read_anew(state: Checkpoint) -> Checkpoint:
    """The state with what its arms have in common as of its epoch, the only moment that a state knows.

    With the precision that every routing policy has; an engine with another one soon reads it again for itself.
    """
    arms = [(symmetric(arm.moments), np.array(arm.rewards)) for _, arm in sorted(state.arms.items())]
    common = read_common(arms, state.dimension + 1, 1.0, COMMON_PRECISION)
    return dataclasses.replace(state, common_age=0, common=tuple(common.tolist()))


def _by_name(tables: Iterable[Mapping[str, _Record]]) -> Iterator[tuple[str, list[_Record]]]:
    """Each name with what the tables that know it hold."""
    known = list(tables)
    for name in sorted(set(itertools.chain.from_iterable(known))):
        yield name, [table[name] for table in known if name in table]


def _added(rows: Iterable[Iterable[float]]) -> tuple[float, ...]:
    """Rows added number by number, rounded once, so that their order does not show."""
    return tuple(map(math.fsum, zip(*rows, strict=True)))


def _encoded(state: Checkpoint) -> bytes:
    if state.learned > INTEGER_LIMIT or any(abs(number) > MAGNITUDE_LIMIT for number in state.numbers()):
        raise EngineError("the sums are too large for a checkpoint")
    return encode(state)
