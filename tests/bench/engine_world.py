"""What the engine is measured on: engines that have learned, and what one would write in numpy instead.

Entered by `engine_bench`. The baseline is the shortest honest router: disjoint LinUCB in plain numpy with cached
inverses, of the same number of arms and features, after the same lessons. It measures nothing itself.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from atp_grpc.engine.contract import Arm, ContextMode, Engine, EngineParameters, Learner, Offer, Outcome, Query
from atp_grpc.engine.native import NativeEngine, NativeTextExtractor
from atp_grpc.engine.reference import ReferenceEngine
from atp_grpc.engine.reference.embedding import TEXT_SCHEMA, TextExtractor

Call = Callable[[], object]

DIMENSION = 47
"""The served size less one: with the leading 1 there are 48 coefficients an arm."""

LESSONS = 100


class NumpyLinUcb:
    """Disjoint LinUCB: inverses and coefficients are kept up to date by Sherman and Morrison's formula."""

    def __init__(self, arms: int, dimension: int) -> None:
        self.inverses = np.repeat(np.eye(dimension + 1)[None], arms, axis=0)
        self.rewards = np.zeros((arms, dimension + 1))
        self.coefficients = np.zeros((arms, dimension + 1))

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
    """The engines under test and the baseline, after the same lessons; context is on."""

    def __init__(
        self, arms: int, dimension: int = DIMENSION, learner: Learner = Learner.THOMPSON, schema: str = "bench.v1"
    ) -> None:
        self.arms, self.dimension = arms, dimension
        parameters = EngineParameters("bench", schema, dimension, 1e6, 1.0, learner, context=ContextMode.ON)
        reads_table = schema == TEXT_SCHEMA
        self.native = NativeEngine(parameters, NativeTextExtractor.load() if reads_table else None)
        self.reference = ReferenceEngine(parameters, TextExtractor.load() if reads_table else None)
        self.numpy = NumpyLinUcb(arms, dimension)
        chance = np.random.default_rng(7)
        self.vectors = (chance.standard_normal((256, dimension)) / np.sqrt(dimension)).astype("<f4")
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
        # One tuple for all, as the server has one for all requests with the same constraints.
        everybody = tuple(range(arms))
        self.queries = [
            Query(1, everybody, seed, 1, 200.0, 0.1, features=self.packed[seed % 256]) for seed in range(1024)
        ]

    def quality(self, sequence: int) -> float:
        level, slope = (
            self.levels[sequence % self.arms],
            self.vectors[sequence % 256][sequence % self.arms % self.dimension],
        )
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

    def choices(self, engine: Engine, text: str | None = None) -> Call:
        """A choice by an engine, for another query and seed each time; or for one text, with another seed each time."""
        asked = self.queries if text is None else [one._replace(features=None, text=text) for one in self.queries]
        queries = itertools.cycle(asked)
        return lambda: engine.choose(next(queries)).chosen

    def numpy_choices(self) -> Call:
        rows = itertools.cycle(self.rows)
        return lambda: self.numpy.choose(next(rows))
