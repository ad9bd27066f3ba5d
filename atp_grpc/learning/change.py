"""Notices that an arm's answers have become better or worse than was predicted, so that old evidence can give way.

The learner enters here with each graded outcome of a drawn arm: what the grade was, less what had been predicted when
the decision was made. It never looks at a clock, never touches an engine and never says what the quality is now.

Two one-sided cumulative sums per arm (Page, *Continuous inspection schemes*, Biometrika 41, 1954), one for a fall and
one for a rise. Each adds the logarithm of what a bet on the change would have won, 1 + b (surprise - slack), so that
its exponential can only shrink on average while the predictions are right within the slack, whatever the distribution
of grades (Shin, Ramdas and Rinaldo, *E-detectors: a nonparametric framework for sequential change detection*, New
England Journal of Statistics in Data Science, 2024). `docs/change.md` derives the numbers and measures them.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

LEAST_CHANGE: Final = 0.3
"""The change of quality that the bets are made for; larger ones are found sooner, much smaller ones late."""

SLACK: Final = 0.05
"""By how much a prediction may be wrong for ever without being taken for a change, in quality."""

THRESHOLD: Final = 6.0
"""Logarithm of the winnings at which an alarm is raised."""

WARM_UP: Final = 30
"""First outcomes of an arm, which show its scale only: its predictions still come from a prior."""

_MEMORY: Final = 200.0
"""Outcomes over which the scale of the residuals is averaged, with exponential decay."""

_FIRST_SCALE, _FIRST_WEIGHT = 0.3, 10.0
"""The scale that is assumed before there are residuals, and how many outcomes it counts for."""

_WIDTH: Final = 3.0
"""Scales beyond which a surprise against a change counts no more; it bounds what a bet can lose."""

_MOST_LOST: Final = 0.9
"""Share of its winnings that a bet may lose on one outcome."""

_KEPT: Final = 0.5
"""Outcomes kept at an alarm for each that was seen since the change seems to have begun."""


class Direction(enum.StrEnum):
    """Which way the quality went."""

    FELL = "fell"
    ROSE = "rose"


class Alarm(NamedTuple):
    """An arm that is not what it was. `outcomes` of it were seen since the change seems to have begun."""

    arm: str
    direction: Direction
    outcomes: int

    def keep(self, evidence: float) -> float:
        """Which share of the arm's evidence should stay, above 0 and at most 1.

        Half as many outcomes stay as were seen since the change seems to have begun: most of what is kept is older than
        the change, so it has to be outvoted soon. `docs/change.md` compares this with fixed shares.

        Args:
            evidence: the outcomes that the arm's statistics stand for now, decay included, its prior left out.
        """
        kept = _KEPT * self.outcomes
        return kept / evidence if evidence > kept else 1.0


class ChangeStateError(ValueError):
    """A state that no `ChangeDetector` wrote."""


@dataclass(slots=True)
class _Sum:
    """One side: the logarithm of the winnings since they were last nothing, and over how many outcomes."""

    winnings: float = 0.0
    outcomes: int = 0

    def add(self, gain: float) -> bool:
        """Whether the winnings have reached the threshold."""
        self.winnings += gain
        self.outcomes += 1
        if self.winnings <= 0.0:
            self.winnings, self.outcomes = 0.0, 0
        return self.winnings >= THRESHOLD


@dataclass(slots=True)
class _Watch:
    """What is kept of one arm."""

    outcomes: int
    weight: float
    squares: float
    fall: _Sum
    rise: _Sum

    def figures(self) -> list[float]:
        """Everything, in the order in which `_watch` reads it."""
        fall, rise = self.fall, self.rise
        sums = [fall.winnings, fall.outcomes, rise.winnings, rise.outcomes]
        return [self.outcomes, self.weight, self.squares, *sums]

    def learn(self, residual: float) -> tuple[Direction, int] | None:
        """Bets by the scale known so far, then adds the residual to the scale."""
        found = None
        if self.outcomes >= WARM_UP:
            found = self._bet(residual)
        self.outcomes += 1
        fade = 1.0 - 1.0 / _MEMORY
        self.weight = fade * self.weight + 1.0
        self.squares = fade * self.squares + residual * residual
        if found is not None:
            self.fall, self.rise = _Sum(), _Sum()
        return found

    def _bet(self, residual: float) -> tuple[Direction, int] | None:
        variance = self.squares / self.weight
        width = min(1.0, _WIDTH * math.sqrt(variance))
        stake = min(LEAST_CHANGE / (variance + LEAST_CHANGE**2), _MOST_LOST / (width + SLACK))
        fell = self.fall.add(math.log1p(stake * (max(-residual, -width) - SLACK)))
        rose = self.rise.add(math.log1p(stake * (max(residual, -width) - SLACK)))
        if fell:
            return Direction.FELL, self.fall.outcomes
        return (Direction.ROSE, self.rise.outcomes) if rose else None


class ChangeDetector:
    """Watches every arm it hears of. The same residuals in the same order give the same alarms."""

    def __init__(self) -> None:
        self._watches: dict[str, _Watch] = {}

    def state(self) -> dict[str, list[float]]:
        """What is kept of each arm, as JSON can hold it without loss."""
        return {arm: watch.figures() for arm, watch in self._watches.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes on where `state` was taken; what was known before is gone.

        Raises:
            ChangeStateError: the state was not made by `state`; nothing is changed.
        """
        self._watches = {_name(arm): _watch(arm, figures) for arm, figures in state.items()}

    def outcomes(self, arm: str) -> int:
        """How many graded outcomes of an arm it has taken in."""
        watch = self._watches.get(arm)
        return 0 if watch is None else watch.outcomes

    def learn(self, arm: str, residual: float) -> Alarm | None:
        """Takes in one graded outcome; an alarm begins the arm's sums anew and keeps its scale.

        Args:
            arm: the arm that was drawn.
            residual: its quality less the prediction in force when it was drawn. Predictions are not clamped to 0..1,
                so what lies beyond -1..1 counts as -1 or 1.

        Raises:
            ValueError: the residual is not finite; nothing is learned.
        """
        if not math.isfinite(residual):
            raise ValueError(f"the residual of {arm} is {residual}")
        watch = self._watches.get(arm)
        if watch is None:
            watch = _Watch(0, _FIRST_WEIGHT, _FIRST_WEIGHT * _FIRST_SCALE**2, _Sum(), _Sum())
            self._watches[arm] = watch
        found = watch.learn(max(-1.0, min(1.0, residual)))
        return None if found is None else Alarm(arm, *found)


def _name(arm: object) -> str:
    if not isinstance(arm, str):
        raise ChangeStateError(f"the name of an arm is text, not {arm!r}")
    return arm


def _watch(arm: str, figures: object) -> _Watch:
    match figures:
        case [int(seen), float(weight), float(squares), float(fallen), int(falling), float(risen), int(rising)]:
            whole = (seen, falling, rising)
        case _:
            raise ChangeStateError(f"{arm}: not the seven figures of a watch")
    if min(whole) < 0 or not (weight > 0.0 and squares >= 0.0 and math.isfinite(weight + squares)):
        raise ChangeStateError(f"{arm}: a count or a scale that no outcomes give")
    if not all(0.0 <= winnings < THRESHOLD for winnings in (fallen, risen)):
        raise ChangeStateError(f"{arm}: winnings that would have raised an alarm")
    return _Watch(seen, weight, squares, _Sum(fallen, falling), _Sum(risen, rising))
