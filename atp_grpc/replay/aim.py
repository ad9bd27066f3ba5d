"""What a pass is asked to reach: how much money weighs, and what it must keep.

A setting carries one aim to its rooms, where it stands in for what the policy says. It judges nothing.
"""

from __future__ import annotations

import dataclasses
from typing import Final, NamedTuple

from atp_grpc.config import PolicySettings

USD_PER_1K: Final = 1000
"""Ceilings are stated in US dollars for so many requests."""


class Aim(NamedTuple):
    """A weight on cost, and limits; None is no limit.

    `ceiling_usd_per_1k` bounds the mean cost of 1,000 requests, `quality_floor` their mean quality, and
    `quality_floor_of_best` the same as a share of the best model's.
    """

    cost_weight: float = 0.0
    ceiling_usd_per_1k: float | None = None
    quality_floor: float | None = None
    quality_floor_of_best: float | None = None
    latency_slo_seconds: float | None = None

    def on(self, policy: PolicySettings) -> PolicySettings:
        """The policy with this aim; a limit that is not asked for stays as the policy has it."""
        ceiling = None if self.ceiling_usd_per_1k is None else self.ceiling_usd_per_1k / USD_PER_1K
        return dataclasses.replace(
            policy,
            cost_weight=self.cost_weight,
            cost_ceiling_usd=_or(ceiling, policy.cost_ceiling_usd),
            quality_floor=_or(self.quality_floor, policy.quality_floor),
            quality_floor_of_best=_or(self.quality_floor_of_best, policy.quality_floor_of_best),
            latency_slo_seconds=_or(self.latency_slo_seconds, policy.latency_slo_seconds),
        )


AIMLESS: Final = Aim()


def _or(limit: float | None, otherwise: float) -> float:
    return otherwise if limit is None else limit
