"""What the engine has learned: additive, decayed sums per arm, per tenant and for the context gate.

Entered by the engine, which hands in validated numbers only. Every figure is a plain weighted sum, so outcomes may come
late, doubled or in any order and sums of several replicas may be added; only what the arms have in common is kept as
it was last read. It never reads a clock: turning sums into estimates is the business of `reading`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from atp_grpc.engine.header import EPOCH_HALF_LIVES, READING_INTERVAL
from atp_grpc.engine.reference.common import CommonSlopes, read_common
from atp_grpc.engine.reference.lengths import LengthSums
from atp_grpc.engine.reference.tenants import TenantTable

TICKS_PER_HALF_LIFE: Final = 64
"""Estimates are read on a grid this fine, so that a factorisation is reused between ticks (decay error below 1.1 %)."""

EXPONENT_CAP: Final = 64.0
"""Largest exponent when statistics are read long before their epoch; keeps every estimate finite."""


@dataclass(slots=True)
class ArmStatistics:
    """Weighted sums of one arm (w = weight, x = features with a leading 1, q = quality).

    `moments` = sum of w x xT, `rewards` = sum of w q x, `squares` = sum of w q2; then the sums of the answer length,
    count, sum and sum of squares of the latency in seconds, and count and sum of failures.
    """

    moments: npt.NDArray[np.float64]
    rewards: npt.NDArray[np.float64]
    lengths: LengthSums
    squares: float = 0.0
    latency_count: float = 0.0
    latency_sum: float = 0.0
    latency_squares: float = 0.0
    failure_count: float = 0.0
    failure_sum: float = 0.0

    @classmethod
    def empty(cls, size: int) -> ArmStatistics:
        """No evidence. `size` is the feature dimension plus one."""
        return cls(np.zeros((size, size)), np.zeros(size), LengthSums.empty(size))

    def learn_quality(self, weight: float, vector: npt.NDArray[np.float64], quality: float) -> None:
        """Adds one graded answer."""
        self.moments += weight * (vector[:, None] * vector)
        self.rewards += (weight * quality) * vector
        self.squares += weight * quality * quality

    def learn_latency(self, weight: float, seconds: float) -> None:
        """Adds one latency, in seconds."""
        self.latency_count += weight
        self.latency_sum += weight * seconds
        self.latency_squares += weight * seconds * seconds

    def learn_failure(self, weight: float, *, failed: bool) -> None:
        """Adds one attempt that failed or did not."""
        self.failure_count += weight
        self.failure_sum += weight if failed else 0.0

    def rescale_quality(self, factor: float) -> None:
        """Multiplies every sum of graded answers."""
        self.moments *= factor
        self.rewards *= factor
        self.squares *= factor

    def rescale(self, factor: float) -> None:
        """Multiplies every sum, which moves them to another epoch."""
        self.rescale_quality(factor)
        self.lengths.rescale(factor)
        self.latency_count *= factor
        self.latency_sum *= factor
        self.latency_squares *= factor
        self.failure_count *= factor
        self.failure_sum *= factor


@dataclass(slots=True)
class ContextGate:
    """Progressive validation of the linear model against the plain mean.

    With d = (q - mean)^2 - (q - linear)^2 taken from predictions made before the outcome was known:
    `advantage` = sum of w d, `spread` = sum of w d^2, `weight` = sum of w. Open until shown otherwise, for shrinkage
    keeps a linear model that was taught little near the mean.
    """

    advantage: float = 0.0
    spread: float = 0.0
    weight: float = 0.0
    is_open: bool = True

    def learn(self, weight: float, quality: float, mean: float, linear: float) -> None:
        """Adds one prediction pair and its outcome."""
        difference = (quality - mean) * (quality - mean) - (quality - linear) * (quality - linear)
        self.advantage += weight * difference
        self.spread += weight * difference * difference
        self.weight += weight

    def z(self, scale: float) -> float:
        """Standard errors by which the linear model leads, with sums read at `scale` (see `PoolStatistics.scale`)."""
        return math.sqrt(scale) * self.advantage / math.sqrt(self.spread) if self.spread > 0.0 else 0.0

    def settle(self, scale: float, on_z: float, off_z: float, min_weight: float) -> None:
        """Once there is evidence enough, opens above `on_z` and closes below `off_z`, else stays (hysteresis)."""
        if self.weight * scale < min_weight:
            return
        z = self.z(scale)
        if z > on_z:
            self.is_open = True
        elif z < off_z:
            self.is_open = False

    def rescale(self, factor: float) -> None:
        """Multiplies every sum, which moves them to another epoch."""
        self.advantage *= factor
        self.spread *= factor
        self.weight *= factor


@dataclass(slots=True)
class PoolStatistics:
    """Everything learned by one pool, with forward decay (Cormode, Shkapenyuk, Srivastava, Xu, ICDE 2009).

    An outcome at time t weighs 2^((t - epoch) / half_life) for ever; only reading divides by today's weight. Times are
    Unix nanoseconds.
    """

    size: int
    half_life_nanos: int | None
    tenants: TenantTable
    common: CommonSlopes
    arms: dict[str, ArmStatistics] = field(default_factory=dict)
    gate: ContextGate = field(default_factory=ContextGate)
    learned: int = 0
    high_water: dict[str, int] = field(default_factory=dict)
    epoch_nanos: int = 0

    def arm(self, name: str) -> ArmStatistics:
        """The sums of an arm, begun when it is new."""
        statistics = self.arms.get(name)
        if statistics is None:
            statistics = self.arms[name] = ArmStatistics.empty(self.size)
        return statistics

    def weight(self, nanos: int) -> float:
        """Weight of an outcome at a moment, relative to the epoch."""
        if self.half_life_nanos is None:
            return 1.0
        return _power_of_two(float(nanos - self.epoch_nanos) / float(self.half_life_nanos))

    def tick(self, nanos: int) -> int:
        """The last moment of the reading grid that is not after `nanos`."""
        if self.half_life_nanos is None:
            return 0
        tick = max(1, self.half_life_nanos // TICKS_PER_HALF_LIFE)
        return nanos // tick * tick

    def scale(self, tick: int) -> float:
        """Factor that turns stored sums into sums as of a tick; 1 without decay."""
        if self.half_life_nanos is None:
            return 1.0
        return _power_of_two(min(EXPONENT_CAP, -float(tick - self.epoch_nanos) / float(self.half_life_nanos)))

    def judging_scale(self, nanos: int) -> float:
        """Factor for judging everything at the moment of an outcome, or at the epoch if it is older.

        Reading earlier than that would magnify all evidence since.
        """
        return self.scale(self.tick(max(nanos, self.epoch_nanos)))

    def age_common(self, nanos: int, precision: float) -> bool:
        """Counts a graded answer; the last of so many has read anew what the arms have in common. True if it has."""
        self.common.age += 1
        if self.common.age < READING_INTERVAL:
            return False
        in_order = ((arm.moments, arm.rewards) for _, arm in sorted(self.arms.items()))
        self.common = CommonSlopes(read_common(in_order, self.size, self.judging_scale(nanos), precision))
        return True

    def discount(self, name: str, keep: float) -> bool:
        """Keeps a share of the graded answers of an arm, for everybody and each tenant. False for an unknown arm."""
        arm = self.arms.get(name)
        if arm is None:
            return False
        arm.rescale_quality(keep)
        self.tenants.discount(name, keep)
        return True

    def rebase(self, nanos: int) -> bool:
        """Moves the epoch forward when `nanos` lies beyond it. True when the sums were rescaled.

        The new epoch is a whole number of epochs from zero, so replicas that learn the same outcomes in another order
        end at the same epoch, and the factor is an exact power of two (old evidence may underflow to zero).
        """
        if self.half_life_nanos is None:
            return False
        span = EPOCH_HALF_LIVES * self.half_life_nanos
        if nanos < self.epoch_nanos + span:
            return False
        epoch = nanos // span * span
        factor = math.ldexp(1.0, -min(4096, (epoch - self.epoch_nanos) // self.half_life_nanos))
        for statistics in self.arms.values():
            statistics.rescale(factor)
        self.tenants.rescale(factor)
        self.gate.rescale(factor)
        self.epoch_nanos = epoch
        return True


def _power_of_two(exponent: float) -> float:
    return math.pow(2.0, exponent)
