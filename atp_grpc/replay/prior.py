"""A prior made of recorded outcomes: what an engine knows that has seen every one of them, as the bytes of a file.

`run` enters here once per prior, and all settings of a sweep share it; `atp prior build` writes the same bytes to a
file. It never sees a row that is served.
"""

from __future__ import annotations

import asyncio
import dataclasses

import numpy as np

from atp_grpc.domain.clock import ManualClock
from atp_grpc.engine.checkpoint import decode
from atp_grpc.engine.merging import scale
from atp_grpc.learning.prior import Prior, PriorHeader, encode_prior
from atp_grpc.replay.order import order_of
from atp_grpc.replay.rooms import replay_rooms
from atp_grpc.replay.spending import spending_of
from atp_grpc.replay.teaching import Teacher, Teaching, teach_all
from atp_grpc.replay.weighing import MOST_ROWS, ORDER


def teach(teaching: Teaching) -> bytes:
    """The prior of an engine that has learned the rows, each of them counting the teaching's weight."""
    return encode_prior(asyncio.run(_taught(teaching)))


async def _taught(teaching: Teaching) -> Prior:
    track, tariff = teaching.track, teaching.tariff
    async with replay_rooms(teaching.settings, tariff, ManualClock()) as rooms:
        state = scale(teach_all(rooms.engine, teaching, teaching.rows), teaching.weight)
        models = tuple(sorted(decode(state).arms))
        header = PriorHeader(models, len(teaching.rows), teaching.weight, teaching.trials)
        # Where every model seems free, no price on money would move a choice.
        is_priced = any(prices.input or prices.output for prices in tariff.prices)
        if not (tariff.is_billed and is_priced) or np.isnan(track.cost_nano_usd[list(teaching.rows)]).all():
            return Prior(header, state)
        rooms.engine.restore(state)
        some = [teaching.rows[at] for at in order_of(len(teaching.rows), ORDER)[:MOST_ROWS]]
        spending = spending_of(Teacher(rooms.engine, teaching, teaching.ends_nanos), teaching, some)
    scaled = dataclasses.replace(header, cost_scale_nano_usd=tariff.cost_scale_nano_usd, spending=spending)
    return Prior(scaled, state)
