"""A prior: what an engine knows that has seen every outcome of other rows, as the checkpoint a pass begins with.

`run` enters here once per prior; all settings of a sweep share it. Each row's predictions are taken before the row is
learned, so the context gate is fed by progressive validation just as it is by traffic. Its rows are those of the one
tenant that a replay has. It never sees a row that is served.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from atp_grpc.config import Settings
from atp_grpc.domain.clock import NANOS_PER_SECOND, ManualClock
from atp_grpc.engine.contract import Choice, Engine, EngineError, Outcome, Query
from atp_grpc.engine.merging import scale
from atp_grpc.replay.passes import CALL
from atp_grpc.replay.pricing import Tariff
from atp_grpc.replay.rooms import SECONDS_PER_REQUEST, replay_rooms
from atp_grpc.replay.track import Track

REPLICA: Final = "prior"


@dataclass(frozen=True, slots=True)
class Teaching:
    """What is taught: rows of a track in an order, priced by a tariff; `weight` is what one row counts."""

    track: Track
    rows: Sequence[int]
    tariff: Tariff
    settings: Settings
    weight: float


def teach(teaching: Teaching) -> bytes:
    """The checkpoint of an engine that has learned the rows."""
    return asyncio.run(_teach(teaching))


async def _teach(teaching: Teaching) -> bytes:
    clock = ManualClock()
    async with replay_rooms(teaching.settings, teaching.tariff, clock) as rooms:
        # The rows end just before the first request, one a second like the requests.
        start = clock.now_nanos() - round(len(teaching.rows) * SECONDS_PER_REQUEST * NANOS_PER_SECOND)
        sequence = 0
        for second, row in enumerate(teaching.rows):
            now = start + round(second * SECONDS_PER_REQUEST * NANOS_PER_SECOND)
            sequence = _learn_row(rooms.engine, teaching, row, now, sequence)
        learned = rooms.engine.checkpoint()
    return learned if teaching.weight == 1 else scale(learned, teaching.weight)


def _learn_row(engine: Engine, teaching: Teaching, row: int, now: int, sequence: int) -> int:
    """Teaches each outcome of a row; returns the last sequence used."""
    track = teaching.track
    features = track.features[row]
    known = [arm for arm in range(len(track.models)) if not math.isnan(track.quality[row, arm])]
    # One candidate a query: a choice tells what was predicted of the chosen one alone.
    queries = [Query(engine.generation, (arm,), 0, now, 0.0, 0.0, features=features) for arm in known]
    for arm, choice in zip(known, engine.choose_batch(queries), strict=True):
        sequence += 1
        engine.learn(_outcome(teaching, row, arm, now, sequence, _predicted(choice)))
    return sequence


def _predicted(choice: Choice | EngineError) -> Choice:
    if isinstance(choice, EngineError):
        raise choice
    return choice


def _outcome(teaching: Teaching, row: int, arm: int, now: int, sequence: int, predicted: Choice) -> Outcome:
    track = teaching.track
    failed = bool(track.failed[row, arm])
    cost, latency = float(track.cost_nano_usd[row, arm]), float(track.latency_seconds[row, arm])
    is_billed = teaching.tariff.is_billed and not failed and not math.isnan(cost)
    return Outcome(
        arm=track.models[arm],
        replica=REPLICA,
        sequence=sequence,
        decided_nanos=now,
        now_nanos=now,
        features=track.features[row],
        quality=None if failed else float(track.quality[row, arm]),
        output_tokens=teaching.tariff.output_tokens(arm, cost, track.input_tokens[row]) if is_billed else None,
        latency_seconds=None if failed or math.isnan(latency) else latency,
        failed=failed,
        predicted_mean=None if failed else predicted.predicted_mean,
        predicted_linear=None if failed else predicted.predicted_linear,
        tenant=CALL.tenant,
    )
