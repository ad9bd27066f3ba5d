"""How a router took a change in the middle of its passes: after how many requests it had found the new best way.

`atp replay --drift` and `atp eval` enter here with a run that was served. What is compared with is known only in
hindsight; nothing here reaches a router.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from atp_grpc.domain.money import NANO_PER_USD
from atp_grpc.replay.drift import LOOK_BACK, Drift, World, after, before, favourite_of, turn_of
from atp_grpc.replay.grading.hull import Floats
from atp_grpc.replay.grading.runs import Integers
from atp_grpc.replay.passes import Chosen
from atp_grpc.replay.run import Leg, Served
from atp_grpc.replay.sweep import Setting

WINDOW: Final = 50
"""Choices over which a share is taken."""
REGRET_WINDOW: Final = 100
"""Requests over which a regret is taken."""
PART: Final = 0.5
"""A favourite has been left when it gets this part of its former share."""
DUE: Final = 0.8
"""A newcomer has taken its share when it gets this part of what is due to it."""
TOLERANCE: Final = 1.5
"""Regret is back when it is at most so many times what it was."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """What a change came to, over the passes of a run.

    `requests` holds, for each pass, how many requests after the change the router was there, None when it was not:
    for a price, when the model gets half of its former share in the next 50 choices; for quality, when the mean regret
    of the next 100 requests (utility against the best answer to each) is at most 1.5 times that of the last 200 before;
    for a newcomer, when it gets 0.8 of the share of requests on which it is the best, in the next 50. `spent_usd` is
    what the newcomer's calls cost until then, for each pass; nothing for other changes and where nothing costs.
    """

    drift: Drift
    requests: tuple[int | None, ...]
    spent_usd: tuple[float, ...]

    @property
    def reached(self) -> int:
        """Passes in which the router was there at last."""
        return sum(count is not None for count in self.requests)

    @property
    def median(self) -> float | None:
        """Requests it took in the middle pass; None when most were never there."""
        counts = sorted(np.inf if count is None else count for count in self.requests)
        middle = float(np.median(counts)) if np.isfinite(counts[len(counts) // 2]) else None
        return None if middle is None or not np.isfinite(middle) else middle

    def as_json(self) -> dict[str, object]:
        """Plain values for `json.dumps`."""
        return {**asdict(self), "drift": str(self.drift), "median": self.median, "reached": self.reached}


def recovery_of(served: Served) -> Recovery:
    """Judges every pass of a run that changed in the middle.

    Raises:
        ValueError: nothing changed in it.
    """
    drift = served.run.drift
    if drift is None:
        raise ValueError("nothing changed in this run")
    found = [_pass_recovery(served, drift, setting, leg, chosen) for setting, leg, chosen in served.passes]
    spent = [usd for _, usd in found if usd is not None]
    return Recovery(drift, tuple(count for count, _ in found), tuple(spent))


def _pass_recovery(
    served: Served, drift: Drift, setting: Setting, leg: Leg, chosen: Chosen
) -> tuple[int | None, float | None]:
    turn = turn_of(len(leg.rows))
    old = before(drift, World(served.run.track, setting.tariff))
    favourite = favourite_of(chosen.arms[:turn])
    new = after(drift, old, favourite)
    rows, arms = np.array(leg.rows), np.array(chosen.arms, dtype=np.int64)
    if drift is Drift.PRICE:
        is_favourite = arms == favourite
        share = is_favourite[max(turn - LOOK_BACK, 0) : turn].mean()
        return _first(_window_means(is_favourite[turn:], WINDOW) <= PART * share), None
    if drift is Drift.QUALITY:
        former = _regret(old, setting, rows[:turn], arms[:turn])[-LOOK_BACK:].mean()
        regret = _regret(new, setting, rows[turn:], arms[turn:])
        return _first(_window_means(regret, REGRET_WINDOW) <= TOLERANCE * former + 1e-12), None
    newcomer = len(new.track.models) - 1
    utility = _utility(new, setting, rows[turn:])
    due = (utility.argmax(1) == newcomer).mean()
    is_newcomer = arms[turn:] == newcomer
    reached = _first(_window_means(is_newcomer, WINDOW) >= DUE * due)
    until = len(is_newcomer) if reached is None else reached
    costs = new.track.cost_nano_usd[rows[turn:], newcomer][:until][is_newcomer[:until]]
    return reached, None if np.isnan(costs).any() else float(costs.sum()) / NANO_PER_USD


def _utility(world: World, setting: Setting, rows: Integers) -> Floats:
    track, tariff = world
    cost = np.nan_to_num(track.cost_nano_usd[rows]) / tariff.cost_scale_nano_usd
    utility: Floats = track.quality[rows] - setting.cost_weight * cost
    return utility


def _regret(world: World, setting: Setting, rows: Integers, arms: Integers) -> Floats:
    utility = _utility(world, setting, rows)
    # A newcomer stands in the track before it is there; what is not there is no regret.
    utility = utility[:, : len(world.tariff.models)]
    regret: Floats = utility.max(1) - utility[np.arange(len(utility)), arms]
    return regret


def _window_means(values: npt.ArrayLike, length: int) -> Floats:
    """The mean of every window of this length, by where it begins; none when there are too few values."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    means: Floats = (sums[length:] - sums[:-length]) / length if len(sums) > length else np.zeros(0)
    return means


def _first(is_so: npt.ArrayLike) -> int | None:
    found = np.flatnonzero(is_so)
    return int(found[0]) if len(found) else None
