"""Microseconds of the native engine, called from Python as the server calls it, beside what one would write in numpy.

Both take turns in short rounds; figures are medians of the rounds' CPU time. `engine_world` says what they learned.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from atp_grpc.engine.contract import EngineParameters, Learner
from atp_grpc.engine.native import NativeEngine, NativeTextExtractor
from atp_grpc.engine.reference import ReferenceEngine
from atp_grpc.engine.reference.embedding import TEXT_SCHEMA, TextExtractor
from tests.bench.engine_world import Call, World

Row = dict[str, object]

OTHER_DIMENSIONS = (31, 63)
"""Less the leading 1; 48 coefficients an arm is what is served."""

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


def rows() -> list[Row]:
    """All figures named `engine.`; takes about a minute."""
    few, many, readers = World(8), World(64), World(8, schema=TEXT_SCHEMA)
    flags = EngineParameters("bench", "flags.v1", 15, 1e6, 1.0)
    native_flags, reference_flags = NativeEngine(flags), ReferenceEngine(flags)
    native_text, reference_text = NativeTextExtractor.load(), TextExtractor.load()
    duels = [
        _choosing("engine.choose8", few),
        _choosing("engine.choose64", many),
        *_variants(),
        Duel(
            "engine.features",
            "reference engine",
            lambda: native_flags.features(TEXT),
            lambda: reference_flags.features(TEXT),
            unit=f"us per {len(TEXT)} characters",
        ),
        Duel(
            "engine.embed",
            "reference embedding",
            lambda: native_text.embed(TEXT),
            lambda: reference_text.embed(TEXT),
            unit=f"us per {len(TEXT)} characters",
        ),
        Duel("engine.vs_reference", "reference engine, 8 arms", few.choices(few.native), few.choices(few.reference)),
        Duel(
            "engine.choose8_text",
            f"numpy LinUCB on ready features, 8 arms, {readers.dimension + 1} coefficients",
            readers.choices(readers.native, TEXT),
            readers.numpy_choices(),
            unit=f"us per {len(TEXT)} characters",
        ),
        Duel(
            "engine.vs_reference_text",
            f"reference engine, 8 arms, {len(TEXT)} characters",
            readers.choices(readers.native, TEXT),
            readers.choices(readers.reference, TEXT),
        ),
    ]
    after_lessons = [("", few), ("_linucb", World(8, learner=Learner.LINUCB))]
    after_lessons += [(f"_d{dimension + 1}", World(8, dimension)) for dimension in OTHER_DIMENSIONS]
    return [*map(_taking_turns, duels), *(row for suffix, world in after_lessons for row in _learning(suffix, world))]


def _choosing(name: str, world: World) -> Duel:
    baseline = f"numpy LinUCB, {world.arms} arms, {world.dimension + 1} coefficients"
    return Duel(name, baseline, world.choices(world.native), world.numpy_choices())


def _variants() -> Iterator[Duel]:
    """The other learner that has a baseline, and the other sizes."""
    for arms in (8, 64):
        yield _choosing(f"engine.choose{arms}_linucb", World(arms, learner=Learner.LINUCB))
        for dimension in OTHER_DIMENSIONS:
            for suffix, learner in (("", Learner.THOMPSON), ("_linucb", Learner.LINUCB)):
                yield _choosing(f"engine.choose{arms}{suffix}_d{dimension + 1}", World(arms, dimension, learner))


def _learning(suffix: str, world: World) -> Iterator[Row]:
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
        duel = Duel(f"{name}{suffix}", f"numpy LinUCB, 8 arms, {ours}", choose, choose_in_numpy)
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
