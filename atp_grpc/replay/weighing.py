"""What one row of a prior should count, found on the prior itself: by cross-validation, before anything is served.

A run enters here once per prior, and `atp prior build`. The rows are halved; each half is taught at every weight that
stands to choose, and the other half is then served, prompt after prompt, with the outcome of one model drawn at random
to learn from. What counts is how well the *differences* between the models were predicted before each outcome, because
a choice depends on nothing else. It never sees a row that is served, and the same rows always weigh the same.

Whether traffic is like the prior is what decides the weight (Stone, *Cross-validatory choice*, 1974, on choosing by
held-out rows). Halves by rows are alike, halves by category are not. Who knows how traffic will differ says so; else
both count equally.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from atp_grpc.domain.clock import ManualClock
from atp_grpc.engine.contract import Engine
from atp_grpc.engine.merging import scale
from atp_grpc.learning.prior import Trial
from atp_grpc.replay.order import Halving, halves_of, order_of
from atp_grpc.replay.rooms import replay_rooms
from atp_grpc.replay.teaching import Teacher, Teaching, teach_all

CANDIDATES: Final = (0.05, 0.1, 0.2, 0.5, 1.0)
FEWEST_ROWS: Final = 40
"""Below it nothing can be told, and a row counts as one."""
MOST_ROWS: Final = 4_000
"""As many are enough to tell weights apart, and take a second or two."""
EITHER: Final = tuple(Halving)
"""How traffic differs from the prior is not known."""
TRAFFIC: Final = "traffic"
ORDER: Final = 1
"""The order in which rows are taken when there are more than enough."""
_CHANCE: Final = 7

_Losses = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Weighing:
    """A question: what should a row of `teaching` count, if traffic differs from it as these halves from each other?"""

    teaching: Teaching
    halvings: Sequence[Halving] = EITHER


class Weight(NamedTuple):
    """What a row should count, and how far predictions were off at every weight that was tried; none if none was."""

    row_weight: float
    trials: tuple[Trial, ...] = ()


def weigh(weighing: Weighing) -> Weight:
    """Finds the weight: the largest that is not worse than the best by more than a standard error of the difference."""
    folds = list(_folds(weighing))
    if not folds:
        return Weight(1.0)
    losses = asyncio.run(_tried(weighing.teaching, folds))
    means = losses.mean(1)
    behind = losses - losses[int(means.argmin())]
    doubt = behind.std(1) / np.sqrt(behind.shape[1])
    chosen = int(np.flatnonzero(behind.mean(1) <= doubt).max())
    return Weight(CANDIDATES[chosen], tuple(map(Trial, CANDIDATES, means.tolist())))


def _folds(weighing: Weighing) -> Iterator[tuple[list[int], list[int]]]:
    """Rows to teach and rows to hold back; none when there are too few to tell."""
    rows, track = weighing.teaching.rows, weighing.teaching.track
    comparable = [row for row in rows if len(track.known(row)) > 1]
    if len(comparable) < FEWEST_ROWS:
        return
    some = [comparable[at] for at in order_of(len(comparable), ORDER)[:MOST_ROWS]]
    categories = [track.categories[row] for row in some]
    for halving in weighing.halvings:
        try:
            halves = halves_of(categories, 0, halving)
        except ValueError:
            # All of one category; without another, nothing is known of how categories differ.
            halves = halves_of(categories, 0, Halving.ROWS)
        first, second = ([some[at] for at in half] for half in halves)
        yield first, second
        yield second, first


async def _tried(teaching: Teaching, folds: Sequence[tuple[list[int], list[int]]]) -> _Losses:
    """The loss of each candidate on each row that was held back."""
    losses: list[list[float]] = [[] for _ in CANDIDATES]
    async with replay_rooms(teaching.settings, teaching.tariff, ManualClock()) as rooms:
        nothing = rooms.engine.checkpoint()
        for taught, held in folds:
            rooms.engine.restore(nothing)
            learned = teach_all(rooms.engine, teaching, taught)
            for weight, found in zip(CANDIDATES, losses, strict=True):
                rooms.engine.restore(scale(learned, weight))
                found.extend(_served(rooms.engine, teaching, held))
    return np.array(losses)


def _served(engine: Engine, teaching: Teaching, rows: Sequence[int]) -> Iterator[float]:
    """Serves rows that were held back, and tells of each how far the predicted differences were off."""
    teacher = Teacher(engine, teaching, teaching.ends_nanos, replica=TRAFFIC)
    chance = np.random.default_rng(_CHANCE)
    for row in rows:
        known = teaching.track.known(row)
        error = np.asarray(teacher.predict(row).utilities)[known] - teaching.track.quality[row, known]
        yield float(error.var())
        teacher.teach(row, [known[int(chance.integers(len(known)))]])
