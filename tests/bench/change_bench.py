"""How often the detector of change is wrong, how soon it is right, and how much of the evidence should stay.

`python -m tests.bench.change_bench` prints the tables of `docs/change.md`; the tests of the detector use the same
streams. An arm's prediction is its mean so far, as an engine without context makes it, and begins at quality 1.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from atp_grpc.learning.change import ChangeDetector

NEVER: Final = 1_000
"""A delay that stands for: not found within so many outcomes."""

BELIEVED: Final = 0.74
"""A prediction that never learns, for an arm of mean 0.7."""


@dataclass(frozen=True, slots=True)
class Stream:
    """Grades of one arm, drawn independently."""

    name: str
    draw: Callable[[random.Random], float]

    def __str__(self) -> str:
        return self.name


def yes_or_no(share: float) -> Stream:
    """Right or wrong."""
    return Stream(f"0 or 1, mean {share}", lambda chance: float(chance.random() < share))


def mixed(easy: float, hard: float) -> Stream:
    """Right or wrong, on two kinds of prompts in equal shares that the prediction cannot tell apart."""
    return Stream(
        f"0 or 1, easy {easy} and hard {hard}",
        lambda chance: float(chance.random() < (easy if chance.random() < 0.5 else hard)),
    )


def graded(mean: float, spread: float) -> Stream:
    """Grades around a mean, held within 0..1."""
    return Stream(f"graded, mean {mean} ± {spread}", lambda chance: min(1.0, max(0.0, chance.gauss(mean, spread))))


def extremes(shape: float) -> Stream:
    """Beta-distributed grades, mostly near 0 or 1."""
    return Stream(f"graded, Beta({shape}, {shape})", lambda chance: chance.betavariate(shape, shape))


UNCHANGED: Final = (
    *map(yes_or_no, (0.02, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95, 0.99)),
    mixed(0.9, 0.2),
    mixed(0.99, 0.6),
    extremes(0.3),
    graded(0.7, 0.2),
    graded(0.9, 0.02),
)
CHANGES: Final = (
    (yes_or_no(0.99), yes_or_no(0.69)),
    (yes_or_no(0.9), yes_or_no(0.6)),
    (yes_or_no(0.8), yes_or_no(0.5)),
    (yes_or_no(0.65), yes_or_no(0.35)),
    (yes_or_no(0.5), yes_or_no(0.2)),
    (yes_or_no(0.5), yes_or_no(0.8)),
    (graded(0.8, 0.1), graded(0.5, 0.1)),
)


class Mean:
    """An arm's evidence and its mean, one observation of quality 1 to begin with."""

    def __init__(self) -> None:
        self.evidence, self._sum = 0.0, 0.0

    @property
    def value(self) -> float:
        """The prediction."""
        return (self._sum + 1.0) / (self.evidence + 1.0)

    def learn(self, quality: float) -> None:
        """Adds one grade."""
        self.evidence += 1.0
        self._sum += quality

    def scale(self, share: float) -> None:
        """Keeps a share of the evidence."""
        self.evidence *= share
        self._sum *= share


def false_alarms(arm: Stream, *, seeds: int, outcomes: int, believed: float | None = None) -> int:
    """Alarms of an arm that never changes; each one costs it evidence, as it would in service."""
    count = 0
    for seed in range(seeds):
        chance, detector, mean = random.Random(seed), ChangeDetector(), Mean()
        for _ in range(outcomes):
            quality = arm.draw(chance)
            alarm = detector.learn("arm", quality - (mean.value if believed is None else believed))
            mean.learn(quality)
            if alarm is not None:
                count += 1
                mean.scale(alarm.keep(mean.evidence))
    return count


def delays(before: Stream, after: Stream, *, seeds: int, known: int) -> list[int]:
    """Outcomes after the change until it is found, sorted. `known` grades came before; false alarms among them count
    as nothing."""
    found = []
    for seed in range(seeds):
        chance, detector, mean = random.Random(seed), ChangeDetector(), Mean()
        for number in range(known + NEVER):
            quality = (before if number < known else after).draw(chance)
            alarm = detector.learn("arm", quality - mean.value)
            mean.learn(quality)
            if alarm is not None and number >= known:
                found.append(number - known + 1)
                break
        else:
            found.append(NEVER)
    return sorted(found)


def regret(keep: float | None, before: Sequence[float], after: Sequence[float], *, seeds: int, known: int) -> float:
    """Mean loss of quality over the 1,500 requests after a change, by a Thompson learner that never sees the prompt.

    `keep` is the share of evidence that stays at an alarm; 0 asks the alarm itself, None has no detector.
    """
    lost = 0.0
    for seed in range(seeds):
        chance, detector, means = random.Random(seed), ChangeDetector(), [Mean() for _ in before]
        for number in range(known + 1_500):
            truth = before if number < known else after
            arm = _drawn(means, chance)
            quality = float(chance.random() < truth[arm])
            alarm = detector.learn(str(arm), quality - means[arm].value)
            means[arm].learn(quality)
            if alarm is not None and keep is not None:
                means[arm].scale(keep or alarm.keep(means[arm].evidence))
            if number >= known:
                lost += max(truth) - truth[arm]
    return lost / seeds


def _drawn(means: Sequence[Mean], chance: random.Random) -> int:
    if chance.random() < 0.01:
        return chance.randrange(len(means))
    scores = [mean.value + 0.03 * chance.gauss(0.0, 1.0) / (mean.evidence + 1.0) ** 0.5 for mean in means]
    return scores.index(max(scores))


WORLDS: Final = {
    "three arms, 2,000 known": ((0.9, 0.8, 0.7), (0.6, 0.8, 0.7), 2_000),
    "three arms, 400 known": ((0.9, 0.8, 0.7), (0.6, 0.8, 0.7), 400),
    "eight arms, 2,000 known": ((0.85, *[0.75] * 3, *[0.7] * 4), (0.55, *[0.75] * 3, *[0.7] * 4), 2_000),
}
KEEPS: Final = {"no detector": None, "0.5": 0.5, "0.2": 0.2, "0.1": 0.1, "0.05": 0.05, "0.02": 0.02, "by alarm": 0.0}


def main() -> None:
    """Prints the tables in Markdown."""
    seeds, outcomes = 60, 10_000
    print(f"| unchanged arm | false alarms in {seeds * outcomes:,} outcomes | outcomes for one |\n| --- | --- | --- |")
    for arm in UNCHANGED:
        count = false_alarms(arm, seeds=seeds, outcomes=outcomes)
        print(f"| {arm} | {count} | {f'{seeds * outcomes // count:,}' if count else 'none seen'} |", flush=True)
    print("\n| change | known | median | 9 of 10 | not found |\n| --- | --- | --- | --- | --- |")
    for before, after in CHANGES:
        for known in (100, 300, 2_000):
            found = delays(before, after, seeds=101, known=known)
            ninth, missed = found[len(found) * 9 // 10], found.count(NEVER)
            columns = (f"{before} → {after}", known, statistics.median(found), ninth, missed)
            print(f"| {' | '.join(map(str, columns))} |", flush=True)
    print("\n| evidence kept | " + " | ".join(WORLDS) + " |\n" + "| --- " * (len(WORLDS) + 1) + "|")
    for name, keep in KEEPS.items():
        row = [regret(keep, before, after, seeds=200, known=known) for before, after, known in WORLDS.values()]
        print(f"| {name} | " + " | ".join(f"{lost:.0f}" for lost in row) + " |", flush=True)


if __name__ == "__main__":
    main()
