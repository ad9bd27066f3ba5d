"""A pass of the replay without its door: the same engine, asked and taught what router and observer ask and teach.

Blocks enter here because the table holds millions of decisions. A test holds this pass and the replay's to the same
choices, one by one; it never builds an engine, a price or a prior of its own.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
from array import array
from functools import lru_cache

from atp_grpc.app.identity import Draws
from atp_grpc.config import Settings
from atp_grpc.domain.clock import NANOS_PER_SECOND, ManualClock
from atp_grpc.engine.contract import Engine, EngineParameters, Outcome, Query
from atp_grpc.learning.prior import decode_prior, digest_of, fitted
from atp_grpc.replay.passes import CALL, Chosen, Pass
from atp_grpc.replay.pricing import Tariff
from atp_grpc.replay.rooms import SECONDS_PER_REQUEST, replay_rooms

REPLICA = "direct"
NANOS_PER_REQUEST = round(SECONDS_PER_REQUEST * NANOS_PER_SECOND)


def run_direct(one: Pass) -> Chosen:
    """Serves a pass from its first row to its last, with the very choices of the replay's `run_pass`."""
    engine, blank = _engine(one.settings, one.setting.tariff)
    engine.restore(blank if one.prior is None else _state(one.prior, engine.parameters))
    draws = Draws(hashlib.sha256(f"replay {one.name}".encode()).digest())
    return _serve(one, engine, draws, ManualClock().now_nanos())


@lru_cache(maxsize=8)
def _engine(settings: Settings, tariff: Tariff) -> tuple[Engine, bytes]:
    """The engine of a replay's rooms, and its state before it has learned; all cost weights share it.

    Rooms take their time to open, and an engine works on after they have closed.
    """

    async def opened() -> Engine:
        async with replay_rooms(settings, tariff, ManualClock()) as rooms:
            return rooms.engine

    engine = asyncio.run(opened())
    return engine, engine.checkpoint()


@lru_cache(maxsize=4)
def _state(prior: bytes, parameters: EngineParameters) -> bytes:
    """What an engine is to know that a learner has shown a prior; all settings of a leg share it."""
    return fitted(decode_prior(prior), digest_of(prior), parameters)


def _serve(one: Pass, engine: Engine, draws: Draws, now: int) -> Chosen:
    track, cost_weight, latency_weight = one.track, one.setting.cost_weight, one.settings.policy.latency_weight
    everyone = tuple(range(len(track.models)))
    chosen = Chosen(array("H"), array("d"))
    for sequence, row in enumerate(one.rows, start=1):
        seed, features = draws.seed(), track.features[row]
        # The router names a decision after it has drawn; the next draw follows from both.
        draws.decision_id(now, is_dealt=True)
        query = Query(
            engine.generation,
            everyone,
            seed,
            now,
            float(track.input_tokens[row]),
            cost_weight,
            latency_weight,
            features=features,
            tenant=CALL.tenant,
        )
        choice = engine.choose(query)
        arm = choice.chosen
        if arm is None:
            raise AssertionError("a replay sets no limit that could rule everybody out")
        quality, tokens, latency = _seen(one, row, arm)
        engine.learn(
            Outcome(
                track.models[arm],
                REPLICA,
                sequence,
                now,
                now,
                features,
                quality,
                tokens,
                latency,
                quality is None,
                None if quality is None else choice.predicted_mean,
                None if quality is None else choice.predicted_linear,
                CALL.tenant,
            )
        )
        chosen.arms.append(arm)
        chosen.propensities.append(choice.propensities[arm])
        now += NANOS_PER_REQUEST
    return chosen


def _seen(one: Pass, row: int, arm: int) -> tuple[float | None, float | None, float | None]:
    """Quality, output tokens and seconds of the one call that was made; a failed call has none."""
    track, tariff = one.track, one.setting.tariff
    if track.failed[row, arm]:
        return None, None, None
    cost, latency = float(track.cost_nano_usd[row, arm]), float(track.latency_seconds[row, arm])
    tokens = tariff.output_tokens(arm, cost, track.input_tokens[row]) if tariff.is_billed else None
    return float(track.quality[row, arm]), tokens, None if math.isnan(latency) else latency
