"""Microseconds of the native engine, called from Python as the server calls it, beside what one would write in numpy.

The baseline is the shortest honest router: disjoint LinUCB in plain numpy with cached inverses, of the same number of
arms and features. Both take turns in short rounds; figures are medians of the rounds' CPU time.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from atp_grpc.engine.contract import Arm, ContextMode, Engine, EngineParameters, Offer, Outcome, Query
from atp_grpc.engine.native import NativeEngine
from atp_grpc.engine.reference import ReferenceEngine

Call = Callable[[], object]
Row = dict[str, object]

DIMENSION = 47
"""The served size less one: with the leading 1 there are 48 coefficients an arm."""

LESSONS = 100
ROUNDS = 15
ROUND_SECONDS = 0.035
COMMAND = "make bench ONLY=engine."
TEXT = (
    "A shop sells pens at 3 dollars each and notebooks at 4.50 dollars each. Ann buys 12 pens and 7 notebooks and has "
    "a voucher for 15% off. How much does she pay in total? Explain each step, then write a Python function "
    "`price(pens, notebooks)` that returns the result.\n(A) 57.38 (B) 67.50 (C) something else\nThank you!"
)[:300]


@dataclass(frozen=True, slots=True)
class Duel:
    """What one call costs, ours and theirs."""

    name: str
    baseline: str
    ours: Call
    theirs: Call
    unit: str = "us"


class NumpyLinUcb:
    """Disjoint LinUCB: inverses and coefficients are kept up to date by Sherman and Morrison's formula."""

    def __init__(self, arms: int) -> None:
        self.inverses = np.repeat(np.eye(DIMENSION + 1)[None], arms, axis=0)
        self.rewards = np.zeros((arms, DIMENSION + 1))
        self.coefficients = np.zeros((arms, DIMENSION + 1))

    def choose(self, features: npt.NDArray[np.float64]) -> int:
        widths = np.sqrt((self.inverses @ features) @ features)
        return int(np.argmax(self.coefficients @ features + 0.05 * widths))

    def learn(self, arm: int, features: npt.NDArray[np.float64], quality: float) -> None:
        inverse = self.inverses[arm]
        turned = inverse @ features
        inverse -= np.outer(turned, turned) / (1.0 + features @ turned)
        self.rewards[arm] += quality * features
        self.coefficients[arm] = inverse @ self.rewards[arm]


class World:
    """The engines under test and the baseline, after the same lessons; Thompson sampling with context."""

    def __init__(self, arms: int) -> None:
        self.arms = arms
        parameters = EngineParameters("bench", "bench.v1", DIMENSION, 1e6, 1.0, context=ContextMode.ON)
        self.native, self.reference = NativeEngine(parameters), ReferenceEngine(parameters)
        self.numpy = NumpyLinUcb(arms)
        chance = np.random.default_rng(7)
        self.vectors = (chance.standard_normal((256, DIMENSION)) / np.sqrt(DIMENSION)).astype("<f4")
        self.levels = chance.uniform(0.3, 0.9, arms)
        self.rows = np.hstack([np.ones((256, 1)), self.vectors]).astype(np.float64)
        self.packed = [row.tobytes() for row in self.vectors]
        engines: list[Engine] = [self.native, self.reference]
        for engine in engines:
            # Prices grow with the position, as they do from a small model to a large one.
            offers = [Offer(arm, 10**8 * (arm + 1), 4 * 10**8 * (arm + 1)) for arm in range(arms)]
            engine.load([Arm(f"arm-{arm}") for arm in range(arms)], offers, 1)
        self.sequence = itertools.count()
        for outcome in (self.outcome(next(self.sequence)) for _ in range(arms * LESSONS)):
            for engine in engines:
                engine.learn(outcome)
            self.learn_in_numpy(outcome.sequence)
        self.queries = [
            Query(1, tuple(range(arms)), seed, 1, 200.0, 0.1, features=self.packed[seed % 256]) for seed in range(1024)
        ]

    def quality(self, sequence: int) -> float:
        level, slope = self.levels[sequence % self.arms], self.vectors[sequence % 256][sequence % self.arms % DIMENSION]
        return float(np.clip(level + 0.2 * slope + 0.2 * np.sin(sequence * 12.9898), 0.0, 1.0))

    def outcome(self, sequence: int) -> Outcome:
        """The lesson with this number: everything about an answer is known."""
        return Outcome(
            arm=f"arm-{sequence % self.arms}",
            replica="bench",
            sequence=sequence,
            decided_nanos=1,
            now_nanos=1,
            features=self.packed[sequence % 256],
            quality=self.quality(sequence),
            output_tokens=300.0,
            latency_seconds=1.5,
            failed=False,
            predicted_mean=0.5,
            predicted_linear=0.6,
        )

    def learn_in_numpy(self, sequence: int) -> None:
        self.numpy.learn(sequence % self.arms, self.rows[sequence % 256], self.quality(sequence))

    def choices(self, engine: Engine) -> Call:
        """A choice by an engine, for another query and seed each time."""
        queries = itertools.cycle(self.queries)
        return lambda: engine.choose(next(queries)).chosen

    def numpy_choices(self) -> Call:
        rows = itertools.cycle(self.rows)
        return lambda: self.numpy.choose(next(rows))


def rows() -> list[Row]:
    """All figures named `engine.`; takes some five seconds."""
    few, many = World(8), World(64)
    flags = EngineParameters("bench", "flags.v1", 15, 1e6, 1.0)
    native_flags, reference_flags = NativeEngine(flags), ReferenceEngine(flags)
    duels = [
        Duel("engine.choose8", "numpy LinUCB, 8 arms", few.choices(few.native), few.numpy_choices()),
        Duel("engine.choose64", "numpy LinUCB, 64 arms", many.choices(many.native), many.numpy_choices()),
        Duel(
            "engine.features",
            "reference engine",
            lambda: native_flags.features(TEXT),
            lambda: reference_flags.features(TEXT),
            unit=f"us per {len(TEXT)} characters",
        ),
        Duel("engine.vs_reference", "reference engine, 8 arms", few.choices(few.native), few.choices(few.reference)),
    ]
    return [*map(_taking_turns, duels), *_learning(few)]


def _learning(world: World) -> Iterator[Row]:
    """A lesson, and the choice straight after it, which finds the lesson's arm out of date."""
    lessons = [world.outcome(next(world.sequence)) for _ in range(6_000)]
    choose, choose_in_numpy = world.choices(world.native), world.numpy_choices()
    spent: dict[str, list[float]] = {"learn": [], "choose": [], "numpy learn": [], "numpy choose": []}
    for lesson in lessons:
        arm, vector, quality = lesson.sequence % world.arms, world.rows[lesson.sequence % 256], lesson.quality or 0.0
        spent["learn"].append(_once(partial(world.native.learn, lesson)))
        spent["choose"].append(_once(choose))
        spent["numpy learn"].append(_once(partial(world.numpy.learn, arm, vector, quality)))
        spent["numpy choose"].append(_once(choose_in_numpy))
    for name, ours, baseline in [
        ("engine.learn", "learn", "numpy learn"),
        ("engine.choose8_after_learn", "choose", "numpy choose"),
    ]:
        duel = Duel(name, f"numpy LinUCB, 8 arms, {ours}", choose, choose_in_numpy)
        yield _row(duel, spent[ours], spent[baseline], calls=len(lessons))


def _once(call: Call) -> float:
    """Microseconds of one call; the clock itself takes about a twentieth of one."""
    before = time.perf_counter_ns()
    call()
    return (time.perf_counter_ns() - before) / 1e3


def _taking_turns(duel: Duel) -> Row:
    """Both sides in turn, with microseconds of CPU per call as one figure a round."""
    counts = {call: _calls_per_round(call) for call in (duel.ours, duel.theirs)}
    spent: dict[Call, list[float]] = {duel.ours: [], duel.theirs: []}
    for _ in range(ROUNDS):
        for call, count in counts.items():
            before = time.process_time_ns()
            for _ in range(count):
                call()
            spent[call].append((time.process_time_ns() - before) / count / 1e3)
    return _row(duel, spent[duel.ours], spent[duel.theirs], calls=ROUNDS * counts[duel.ours])


def _calls_per_round(call: Call) -> int:
    before, count = time.perf_counter(), 0
    while time.perf_counter() - before < ROUND_SECONDS:
        call()
        count += 1
    return count


def _row(duel: Duel, ours: list[float], theirs: list[float], *, calls: int) -> Row:
    value, baseline = statistics.median(ours), statistics.median(theirs)
    return {
        "name": duel.name,
        "value": value,
        "unit": duel.unit,
        "baseline": duel.baseline,
        "baseline_value": baseline,
        "ratio": value / baseline,
        "n": calls,
        "command": COMMAND,
    }


if __name__ == "__main__":
    for figure in rows():
        print(figure)
