"""Between the reference engine's statistics and the engine-neutral checkpoint.

Entered by the engine when it writes or restores its state. It only rearranges numbers, so a round trip is exact; the
bytes themselves are the business of `engine/checkpoint`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from atp_grpc.engine.checkpoint import ArmRecord, Checkpoint, TenantRecord
from atp_grpc.engine.contract import CONTRACT_VERSION
from atp_grpc.engine.reference.statistics import ArmStatistics, ContextGate, PoolStatistics
from atp_grpc.engine.reference.tenants import Differences, Tenant, TenantTable

if TYPE_CHECKING:
    from atp_grpc.engine.contract import EngineParameters


def to_checkpoint(parameters: EngineParameters, statistics: PoolStatistics) -> Checkpoint:
    """The statistics as a checkpoint of this pool."""
    lower = np.tril_indices(statistics.size)
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
        arms={
            name: ArmRecord(
                moments=tuple(arm.moments[lower].tolist()),
                rewards=tuple(arm.rewards.tolist()),
                figures=(
                    arm.squares,
                    arm.token_count,
                    arm.token_sum,
                    arm.latency_count,
                    arm.latency_sum,
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
    rows, columns = np.tril_indices(size)
    arms = {}
    for name, record in checkpoint.arms.items():
        moments = np.zeros((size, size))
        moments[rows, columns] = record.moments
        moments[columns, rows] = record.moments
        arms[name] = ArmStatistics(moments, np.array(record.rewards), *record.figures)
    tenants = (
        (name, Tenant(record.touched, {arm: Differences(*sums) for arm, sums in record.arms.items()}))
        for name, record in checkpoint.tenants.items()
    )
    return PoolStatistics(
        size=size,
        half_life_nanos=checkpoint.half_life_nanos,
        tenants=TenantTable(tenant_limit, tenants),
        arms=arms,
        gate=ContextGate(*checkpoint.gate, checkpoint.context_on),
        learned=checkpoint.learned,
        high_water=dict(checkpoint.high_water),
        epoch_nanos=checkpoint.epoch_nanos,
    )
