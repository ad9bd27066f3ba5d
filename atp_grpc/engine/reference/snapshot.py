"""Between the reference engine's statistics and the engine-neutral checkpoint.

Entered by the engine when it writes or restores its state. It only rearranges numbers, so a round trip is exact; the
bytes themselves are the business of `engine/checkpoint`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from atp_grpc.engine.checkpoint import ArmRecord, Checkpoint, TenantRecord, leading_size
from atp_grpc.engine.contract import CONTRACT_VERSION
from atp_grpc.engine.reference.common import CommonSlopes
from atp_grpc.engine.reference.lengths import LengthSums
from atp_grpc.engine.reference.statistics import ArmStatistics, ContextGate, PoolStatistics
from atp_grpc.engine.reference.tenants import Differences, Tenant, TenantTable

if TYPE_CHECKING:
    from atp_grpc.engine.contract import EngineParameters
    from atp_grpc.engine.reference.factor import Vector


def to_checkpoint(parameters: EngineParameters, statistics: PoolStatistics) -> Checkpoint:
    """The statistics as a checkpoint of this pool."""
    lower, lower_leading = np.tril_indices(statistics.size), np.tril_indices(leading_size(statistics.size))
    gate = statistics.gate
    return Checkpoint(
        contract=CONTRACT_VERSION,
        pool=parameters.pool,
        schema=parameters.schema_id,
        dimension=parameters.dimension,
        half_life_nanos=parameters.half_life_nanos,
        epoch_nanos=statistics.epoch_nanos,
        learned=statistics.learned,
        high_water=dict(statistics.high_water),
        context_on=gate.is_open,
        gate=(gate.advantage, gate.spread, gate.weight),
        common_age=statistics.common.age,
        common=tuple(statistics.common.coefficients.tolist()),
        arms={
            name: ArmRecord(
                moments=tuple(arm.moments[lower].tolist()),
                rewards=tuple(arm.rewards.tolist()),
                length_moments=tuple(arm.lengths.moments[lower_leading].tolist()),
                length_totals=tuple(arm.lengths.totals.tolist()),
                figures=(
                    arm.squares,
                    arm.latency_count,
                    arm.latency_sum,
                    arm.latency_squares,
                    arm.failure_count,
                    arm.failure_sum,
                ),
            )
            for name, arm in statistics.arms.items()
        },
        tenants={
            name: TenantRecord(
                touched=tenant.touched,
                arms={arm: (sums.weight, sums.from_mean, sums.from_linear) for arm, sums in tenant.arms.items()},
            )
            for name, tenant in statistics.tenants.items()
        },
    )


def from_checkpoint(checkpoint: Checkpoint, tenant_limit: int) -> PoolStatistics:
    """New statistics holding what the checkpoint says, but for the tenants beyond the limit."""
    size = checkpoint.dimension + 1
    arms = {
        name: ArmStatistics(
            symmetric(record.moments),
            np.array(record.rewards),
            LengthSums(symmetric(record.length_moments), np.array(record.length_totals)),
            *record.figures,
        )
        for name, record in checkpoint.arms.items()
    }
    tenants = (
        (name, Tenant(record.touched, {arm: Differences(*sums) for arm, sums in record.arms.items()}))
        for name, record in checkpoint.tenants.items()
    )
    return PoolStatistics(
        size=size,
        half_life_nanos=checkpoint.half_life_nanos,
        tenants=TenantTable(tenant_limit, tenants),
        common=CommonSlopes(np.array(checkpoint.common), checkpoint.common_age),
        arms=arms,
        gate=ContextGate(*checkpoint.gate, checkpoint.context_on),
        learned=checkpoint.learned,
        high_water=dict(checkpoint.high_water),
        epoch_nanos=checkpoint.epoch_nanos,
    )


def symmetric(triangle: Sequence[float]) -> Vector:
    """The matrix of a lower triangle that is packed row by row."""
    size = (math.isqrt(8 * len(triangle) + 1) - 1) // 2
    rows, columns = np.tril_indices(size)
    matrix = np.zeros((size, size))
    matrix[rows, columns] = triangle
    matrix[columns, rows] = triangle
    return matrix
