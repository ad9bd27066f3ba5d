"""One pass: every prompt once through the real router, and the outcome of the chosen model through the real observer.

`run` hands passes to whatever process is free; a pass opens rooms of its own and leaves nothing behind. It never shows
the router an outcome that it did not choose, and its chance comes from its own name alone, so the same pass always ends
in the same choices.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from atp_grpc.app.identity import Draws
from atp_grpc.config import Settings
from atp_grpc.domain.call import Call
from atp_grpc.domain.clock import ManualClock
from atp_grpc.domain.outcome import Attempt, AttemptError, Report
from atp_grpc.domain.request import FeatureVector, RouteRequest
from atp_grpc.domain.tenant import Principal
from atp_grpc.learning.observer import Reference
from atp_grpc.replay.drift import Drift, World, after, before, favourite_of, turn_of
from atp_grpc.replay.rooms import SECONDS_PER_REQUEST, change_tariff, replay_rooms
from atp_grpc.replay.sweep import Setting
from atp_grpc.replay.track import Track

CALL: Final = Call("replay", Principal("replay", "replay", frozenset()), math.inf, "")


@dataclass(frozen=True, slots=True)
class Pass:
    """What is served: rows of a track in an order, under a setting, from a prior on.

    `name` seeds the chance of the pass. `prior` is one as a file holds it, and `drift` what changes in the middle.
    """

    name: str
    track: Track
    rows: Sequence[int]
    setting: Setting
    settings: Settings
    prior: bytes | None = None
    drift: Drift | None = None


class Chosen(NamedTuple):
    """What a pass chose: a model's position and the choice's propensity for each row, in the order of the pass."""

    arms: array[int]
    propensities: array[float]


def run_pass(one: Pass) -> Chosen:
    """Serves a pass from its first row to its last."""
    return asyncio.run(_serve(one))


async def _serve(one: Pass) -> Chosen:
    clock, setting = ManualClock(), one.setting
    world = World(one.track, setting.tariff)
    turn = None if one.drift is None else turn_of(len(one.rows))
    if one.drift is not None:
        world = before(one.drift, world)
    position = {model: arm for arm, model in enumerate(world.track.models)}
    chosen = Chosen(array("H"), array("d"))
    draws = Draws(hashlib.sha256(f"replay {one.name}".encode()).digest())
    async with replay_rooms(one.settings, world.tariff, clock, setting.aim, draws=draws) as rooms:
        if one.prior is not None:
            await rooms.learner.import_prior(one.prior)
        for at, row in enumerate(one.rows):
            if at == turn and one.drift is not None:
                world = after(one.drift, world, favourite_of(chosen.arms))
                await change_tariff(rooms, world.tariff)
            track = world.track
            features = FeatureVector(rooms.policy.schema_id, track.features[row])
            request = RouteRequest(features=features, input_tokens=track.input_tokens[row])
            routed = rooms.router.route(request, CALL)
            arm = position[routed.model]
            report = _report(track, row, arm, is_billed=setting.tariff.is_billed)
            lesson, _ = await rooms.observer.observe(Reference(token=routed.token), report, CALL)
            chosen.arms.append(arm)
            chosen.propensities.append(lesson.propensity)
            clock.advance(SECONDS_PER_REQUEST)
    return chosen


def _report(track: Track, row: int, arm: int, *, is_billed: bool) -> Report:
    """What a caller would report of the one call that it made."""
    latency = track.latency_seconds[row, arm]
    attempt = Attempt(
        track.models[arm],
        error=AttemptError.UNAVAILABLE if track.failed[row, arm] else None,
        cost_nano_usd=int(track.cost_nano_usd[row, arm]) if is_billed else None,
        latency_seconds=None if math.isnan(latency) else float(latency),
    )
    return Report(quality=float(track.quality[row, arm]), attempts=(attempt,))
