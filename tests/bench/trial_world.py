"""Made-up trials by the thousand: outcomes of several shapes, and the test of `atp_grpc.learning.trial` on arrays.

The arrays do what `Trial` does, outcome for outcome (`tests/unit/learning/trial` compares them), a hundred times as
fast. All measures of a request arrive together here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from atp_grpc.learning.trial.batches import CAP_MULTIPLE, batch_length
from atp_grpc.learning.trial.terms import Gates
from atp_grpc.learning.trial.wealth import MOST_STAKE, SHOWN, STAKES

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]

SHAPES: Final = ("even", "high", "continuous", "drift", "delayed", "users")
QUESTIONS: Final = ("not_worse", "better", "worse", "lower", "fails_no_more", "fails_more")
_FAILURE_RATE = 0.02
_DELAY_OUTCOMES = 2_000
_USERS, _USER_SPREAD = 50, 0.25


class Arrivals(NamedTuple):
    """Outcomes by trial and arrival: who decided (true for the challenger), grades, costs, failures."""

    sides: Flags
    grades: Numbers
    costs: Numbers
    failures: Numbers


class Verdicts(NamedTuple):
    """By trial: after how many outcomes it was promoted or rolled back, infinity for never, and what was ever shown."""

    promoted: Numbers
    rolled_back: Numbers
    shown_better_or_cheaper: Flags


@dataclass(frozen=True)
class World:
    """A shape of outcomes. The challenger's grade is higher by `difference`, its cost `cost_ratio` times as much."""

    shape: str
    share: float
    difference: float = 0.0
    cost_ratio: float = 1.0
    more_failures: float = 0.0

    def arrivals(self, trials: int, outcomes: int, chance: np.random.Generator) -> Arrivals:
        """Outcomes as they arrive."""
        size = (trials, outcomes)
        sides = chance.random(size) < self.share
        grades = self._grades(sides, np.full(outcomes, self._level), chance)
        if self.shape in {"drift", "delayed"}:
            # Three days and nights: as good as it gets at one moment, much harder prompts at another.
            level = 0.5 + 0.3 * np.sin(np.linspace(0.0, 6.0 * np.pi, outcomes))
            grades = self._grades(sides, level, chance)
        if self.shape == "users":
            # Few users, each with prompts that are alike in how hard they are, and each with hours of its own.
            user = (np.arange(outcomes) // 20 + chance.integers(0, 5, size)) % _USERS
            hardness = chance.normal(0.0, _USER_SPREAD, (trials, _USERS))
            grades = self._grades(sides, 0.5 + np.take_along_axis(hardness, user, axis=1), chance)
        costs = self._costs(sides, chance)
        failures = self._failures(sides, chance)
        if self.shape == "delayed":
            late = np.arange(outcomes) + chance.exponential(_DELAY_OUTCOMES, size)
            order = np.argsort(late, axis=1)
            sides = np.take_along_axis(sides, order, axis=1)
            grades = np.take_along_axis(grades, order, axis=1)
            costs = np.take_along_axis(costs, order, axis=1)
            failures = np.take_along_axis(failures, order, axis=1)
        return Arrivals(sides, grades, costs, failures)

    @property
    def _level(self) -> float:
        return 0.9 - max(self.difference, 0.0) if self.shape == "high" else 0.5

    def _grades(self, sides: Flags, level: Numbers, chance: np.random.Generator) -> Numbers:
        if self.shape == "continuous":
            return np.clip(0.9 * chance.beta(8.0, 3.0, sides.shape) + self.difference * sides, 0.0, 1.0)
        likely = np.clip(level + self.difference * sides, 0.0, 1.0)
        return (chance.random(sides.shape) < likely).astype(np.float64)

    def _costs(self, sides: Flags, chance: np.random.Generator) -> Numbers:
        costs: Numbers = chance.lognormal(0.0, 1.0, sides.shape) * np.where(sides, self.cost_ratio, 1.0)
        return costs

    def _failures(self, sides: Flags, chance: np.random.Generator) -> Numbers:
        return (chance.random(sides.shape) < _FAILURE_RATE + self.more_failures * sides).astype(np.float64)


@dataclass
class _Books:
    """Sums of the batch under way and the wealth of every question, by trial."""

    trials: int
    counts: Numbers = field(init=False)
    sums: Numbers = field(init=False)
    cut: Numbers = field(init=False)
    spent: Numbers = field(init=False)
    logs: Numbers = field(init=False)

    def __post_init__(self) -> None:
        self.counts = np.zeros((2, self.trials))
        self.sums = np.zeros((3, 2, self.trials))
        self.cut = np.full(self.trials, np.inf)
        self.spent = np.zeros(self.trials)
        self.logs = np.zeros((len(QUESTIONS), len(STAKES), self.trials))


def judged(arrivals: Arrivals, gates: Gates, *, share: float, hold: int) -> Verdicts:
    """What the trials come to."""
    trials, outcomes = arrivals.sides.shape
    length, books, margin = batch_length(share), _Books(trials), gates.failure_margin
    if margin is None:
        raise ValueError("the arrays know a margin of failures only")
    promoted, rolled_back = np.full(trials, np.inf), np.full(trials, np.inf)
    since, ever = np.full(trials, np.inf), np.zeros(trials, dtype=bool)
    for end in range(length, outcomes + 1, length):
        complete = _take_in(books, arrivals, slice(end - length, end))
        open_ones = np.isinf(promoted) & np.isinf(rolled_back)
        promoted[open_ones & (since + hold < end)] = (since + hold)[open_ones & (since + hold < end)]
        open_ones &= np.isinf(promoted)
        _bet(books, gates, margin, complete, seen=end)
        shown = _logs(books.logs)
        either = _either(shown[1], shown[3])
        ever |= either >= SHOWN
        harmful = (_either(shown[2], shown[5]) >= SHOWN) & open_ones
        rolled_back[harmful] = end
        passes = (shown[0] >= SHOWN) & (shown[4] >= SHOWN) & (either >= SHOWN)
        since = np.where(passes, np.minimum(since, end), np.inf)
        promoted[open_ones & ~harmful & (since + hold == end)] = end
    return Verdicts(promoted, rolled_back, ever)


def _take_in(books: _Books, arrivals: Arrivals, part: slice) -> Flags:
    """Adds a batch's length of outcomes; says of which trials the batch is complete."""
    costs = np.minimum(arrivals.costs[:, part], books.cut[:, None])
    books.spent += costs.sum(axis=1)
    for side, own in enumerate((~arrivals.sides[:, part], arrivals.sides[:, part])):
        books.counts[side] += own.sum(axis=1)
        for place, values in enumerate((arrivals.grades[:, part], costs, arrivals.failures[:, part])):
            books.sums[place, side] += (values * own).sum(axis=1)
    complete: Flags = np.all(books.counts > 0, axis=0)
    return complete


def _bet(books: _Books, gates: Gates, margin: float, complete: Flags, *, seen: int) -> None:
    counts = np.where(complete, books.counts, 1.0)
    means = books.sums / counts
    weight = np.where(complete, counts[0] * counts[1] / counts.sum(axis=0), 0.0)
    grades, failures = means[0], means[2]
    costs = np.where(np.isinf(books.cut), 0.0, means[1] / books.cut)
    gained = grades[1] - grades[0]
    more = failures[1] - failures[0]
    gains = (
        gained + gates.quality_margin,
        gained,
        (-gained - gates.quality_margin) / (1.0 + gates.quality_margin),
        (1.0 - gates.cost_saving) * costs[0] - costs[1],
        margin - more,
        (more - margin) / (1.0 + margin),
    )
    stakes = np.minimum(np.array(STAKES)[:, None] * weight, MOST_STAKE)
    for place, gain in enumerate(gains):
        books.logs[place] += np.log1p(stakes * np.where(complete, gain, 0.0))
    books.cut = np.where(complete, CAP_MULTIPLE * books.spent / seen, books.cut)
    books.counts[:, complete] = 0.0
    books.sums[:, :, complete] = 0.0


def _logs(parts: Numbers) -> Numbers:
    """The logarithm of each question's wealth, from those of its parts."""
    highest = parts.max(axis=1)
    logs: Numbers = highest + np.log(np.exp(parts - highest[:, None]).mean(axis=1))
    return logs


def _either(one: Numbers, other: Numbers) -> Numbers:
    both: Numbers = np.logaddexp(one, other) - np.log(2.0)
    return both
