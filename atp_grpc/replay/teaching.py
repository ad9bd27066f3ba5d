"""Outcomes of recorded rows shown to an engine, one after the other: the steps that priors and their weighing share.

`prior` teaches everything that way, `weighing` half of it. Each row's predictions are taken before the row is learned,
so the context gate is fed by progressive validation just as it is by traffic. It never chooses among models.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from atp_grpc.config import Settings
from atp_grpc.domain.clock import NANOS_PER_SECOND, ManualClock
from atp_grpc.engine.contract import Choice, Engine, EngineError, Outcome, Query
from atp_grpc.learning.prior import Trial
from atp_grpc.replay.passes import CALL
from atp_grpc.replay.pricing import Tariff
from atp_grpc.replay.rooms import SECONDS_PER_REQUEST
from atp_grpc.replay.track import Track

REPLICA: Final = "prior"
NANOS_PER_ROW: Final = round(SECONDS_PER_REQUEST * NANOS_PER_SECOND)


@dataclass(frozen=True, slots=True)
class Teaching:
    """What is taught: rows of a track in an order, priced by a tariff.

    `weight` is what one row counts, and `trials` how that was found. The rows end just before `ends_nanos`, one a
    second like the requests. They are outcomes of `tenant`, by default of the one that a replay has, so that nothing
    sets it apart from everybody; None teaches of nobody in particular.
    """

    track: Track
    rows: Sequence[int]
    tariff: Tariff
    settings: Settings
    weight: float = 1.0
    trials: tuple[Trial, ...] = ()
    tenant: str | None = CALL.tenant
    ends_nanos: int = ManualClock().now_nanos()


class Teacher:
    """Shows an engine outcomes of a teaching's track, one row a second."""

    def __init__(self, engine: Engine, teaching: Teaching, now_nanos: int, *, replica: str = REPLICA) -> None:
        """The first row is decided and reported at `now_nanos`; an engine hears every outcome of a replica once."""
        self._engine = engine
        self._teaching = teaching
        self._now = now_nanos
        self._replica = replica
        self._sequence = 0

    def predict(self, row: int) -> Choice:
        """What the engine expects of every model on a row: without a weight on cost, its utilities are qualities."""
        everyone = tuple(range(len(self._teaching.track.models)))
        return self._choices(row, [everyone])[0]

    def teach(self, row: int, arms: Sequence[int]) -> None:
        """Lets the engine learn what these models did with a row."""
        # One candidate a query: a choice tells what was predicted of the chosen one alone.
        predicted = self._choices(row, [(arm,) for arm in arms])
        for arm, choice in zip(arms, predicted, strict=True):
            self._sequence += 1
            self._engine.learn(self._outcome(row, arm, choice))
        self._now += NANOS_PER_ROW

    def _choices(self, row: int, candidates: Sequence[tuple[int, ...]]) -> list[Choice]:
        features, tokens = self._teaching.track.features[row], float(self._teaching.track.input_tokens[row])
        queries = [
            Query(self._engine.generation, arms, 0, self._now, tokens, 0.0, features=features) for arms in candidates
        ]
        return [_predicted(choice) for choice in self._engine.choose_batch(queries)]

    def _outcome(self, row: int, arm: int, predicted: Choice) -> Outcome:
        track = self._teaching.track
        failed, latency = bool(track.failed[row, arm]), float(track.latency_seconds[row, arm])
        return Outcome(
            arm=track.models[arm],
            replica=self._replica,
            sequence=self._sequence,
            decided_nanos=self._now,
            now_nanos=self._now,
            features=track.features[row],
            quality=None if failed else float(track.quality[row, arm]),
            output_tokens=None if failed else self._output_tokens(row, arm),
            latency_seconds=None if failed or math.isnan(latency) else latency,
            failed=failed,
            predicted_mean=None if failed else predicted.predicted_mean,
            predicted_linear=None if failed else predicted.predicted_linear,
            tenant=self._teaching.tenant,
        )

    def _output_tokens(self, row: int, arm: int) -> float | None:
        track, tariff = self._teaching.track, self._teaching.tariff
        recorded, cost = float(track.output_tokens[row, arm]), float(track.cost_nano_usd[row, arm])
        if tariff.counts_tokens and not math.isnan(recorded):
            return recorded
        if not tariff.is_billed or math.isnan(cost):
            return None
        return tariff.output_tokens(arm, cost, track.input_tokens[row])


def teach_all(engine: Engine, teaching: Teaching, rows: Sequence[int]) -> bytes:
    """What the engine knows when it has learned every outcome of rows of a teaching, each of them counting one."""
    teacher = Teacher(engine, teaching, teaching.ends_nanos - len(rows) * NANOS_PER_ROW)
    for row in rows:
        teacher.teach(row, teaching.track.known(row))
    return engine.checkpoint()


def _predicted(choice: Choice | EngineError) -> Choice:
    if isinstance(choice, EngineError):
        raise choice
    return choice
