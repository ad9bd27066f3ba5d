"""Tenants that share one pool, one of whom may lie: recorded outcomes served to all of them, and what each one lost.

Entered by `pooling_bench`. An engine of the server's own rooms is asked and taught as router and observer do it; what
is told of the one liar's answers is false, what is counted is always what the answers were worth.
"""

from __future__ import annotations

import asyncio
import enum
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from atp_grpc.app.identity import Draws
from atp_grpc.config import Settings, load
from atp_grpc.domain.clock import NANOS_PER_SECOND, ManualClock
from atp_grpc.engine.contract import Engine, Outcome, Query
from atp_grpc.replay.order import order_of
from atp_grpc.replay.preparing import Wanted, prepare
from atp_grpc.replay.pricing import Tariff
from atp_grpc.replay.rooms import SECONDS_PER_REQUEST, replay_rooms
from atp_grpc.replay.run import Run
from atp_grpc.replay.track import Track
from tests.bench.quality.files import open_file

Floats = NDArray[np.float64]

Overrides = tuple[tuple[str, str], ...]
"""Settings by key, on top of the defaults."""

SIMULATED: Final = "simulated"
LIAR: Final = 0
"""The tenant, by position, who may lie."""
NANOS_PER_REQUEST: Final = round(SECONDS_PER_REQUEST * NANOS_PER_SECOND)


class Lie(enum.StrEnum):
    """What the liar tells of an answer; `best` and `worst` are models by mean utility, which the liar knows."""

    NONE = "honest"
    """The truth."""
    SILENT = "silent"
    """Nothing: the liar asks and never grades."""
    INVERTED = "inverted"
    """One less the truth."""
    SINKS_BEST = "sinks_best"
    """Nought for the best model, else the truth."""
    LIFTS_WORST = "lifts_worst"
    """One for the worst model, else the truth."""
    RANDOM = "random"
    """Any number at all."""


class Crowd(NamedTuple):
    """How many tenants there are, and which share of the requests is the liar's; the others have equal shares.

    With `by_category` every tenant asks its own kinds of prompts, so that each has a truth of its own.
    """

    tenants: int
    liars_share: float
    by_category: bool = False

    def drawn(self, categories: Sequence[str], seed: int) -> list[int]:
        """Whose each request is, by position, for requests of these categories."""
        if self.by_category:
            kinds = {name: place % self.tenants for place, name in enumerate(sorted(set(categories)))}
            return [kinds[name] for name in categories]
        chance = np.random.default_rng([seed, self.tenants])
        honest = (1.0 - self.liars_share) / (self.tenants - 1)
        shares = [self.liars_share, *[honest] * (self.tenants - 1)]
        whose: list[int] = chance.choice(self.tenants, size=len(categories), p=shares).tolist()
        return whose


def equal(tenants: int) -> Crowd:
    """Everybody has the same share."""
    return Crowd(tenants, 1.0 / tenants)


@dataclass(frozen=True, slots=True)
class World:
    """Recorded outcomes, what they cost, and what a scale of money weighs. `most` requests of an order are served."""

    name: str
    track: Track
    tariff: Tariff
    cost_weight: float
    most: int

    def utility(self) -> Floats:
        """What each answer was worth, rows by models, in quality."""
        utility: Floats = (
            self.track.quality - self.cost_weight * self.track.cost_nano_usd / self.tariff.cost_scale_nano_usd
        )
        return utility


def world_of(name: str, cost_weight: float, most: int) -> World:
    """The world of an outcome file, or the simulated one.

    Raises:
        NoDataError: there is no outcome data.
    """
    run = open_file(name).run if name != SIMULATED else _simulated(most)
    return World(name, run.track, run.settings[0].tariff, cost_weight, most)


@cache
def _simulated(prompts: int) -> Run:
    wanted = Wanted(
        files=(),
        simulated=prompts,
        prior=(),
        prior_weight=None,
        pool=None,
        price_list=None,
        cost_weight=None,
        seeds=1,
        halving=None,
        limit=None,
    )
    [prepared] = prepare(wanted, load(None, {}, {}))
    return prepared.run


class Loss(NamedTuple):
    """Regret of each request, in quality, against the best model of its prompt; and whose request it was."""

    regret: Floats
    whose: NDArray[np.intp]

    def of_the_others(self) -> float:
        """Mean regret of everybody but the one who may lie."""
        return float(self.regret[self.whose != LIAR].mean())


def served(world: World, crowd: Crowd, lie: Lie, order: int, overrides: Overrides = ()) -> Loss:
    """One order served to a crowd, one of whom lies; whose turn it is and how choices are drawn depend on no lie."""
    rows = order_of(len(world.track), order)[: world.most]
    whose = crowd.drawn([world.track.categories[row] for row in rows], order)
    utility = world.utility()
    means = utility.mean(0)
    chosen = _serve(world, rows, whose, _Liar(lie, int(means.argmax()), int(means.argmin()), order), overrides)
    regret: Floats = utility[rows].max(1) - utility[rows, chosen]
    return Loss(regret, np.array(whose))


class _Liar:
    """What the liar tells."""

    def __init__(self, lie: Lie, best: int, worst: int, seed: int) -> None:
        self._lie, self._best, self._worst = lie, best, worst
        self._chance = np.random.default_rng([seed, 99])

    def tells(self, arm: int, quality: float) -> float | None:
        """The grade of an answer."""
        if self._lie is Lie.SILENT:
            return None
        if self._lie is Lie.INVERTED:
            return 1.0 - quality
        if self._lie is Lie.SINKS_BEST and arm == self._best:
            return 0.0
        if self._lie is Lie.LIFTS_WORST and arm == self._worst:
            return 1.0
        return float(self._chance.random()) if self._lie is Lie.RANDOM else quality


def _serve(world: World, rows: Sequence[int], whose: Sequence[int], liar: _Liar, overrides: Overrides) -> list[int]:
    engine, blank = _engine(world.name, world.cost_weight, world.most, overrides)
    engine.restore(blank)
    draws = Draws(hashlib.sha256(f"pooling {world.name}".encode()).digest())
    track, now = world.track, ManualClock().now_nanos()
    everyone = tuple(range(len(track.models)))
    chosen = []
    for sequence, (row, tenant) in enumerate(zip(rows, whose, strict=True), start=1):
        name, features = f"tenant-{tenant}", track.features[row]
        query = Query(
            engine.generation,
            everyone,
            draws.seed(),
            now,
            float(track.input_tokens[row]),
            world.cost_weight,
            features=features,
            tenant=name,
        )
        choice = engine.choose(query)
        arm = choice.chosen
        if arm is None:
            raise AssertionError("nothing here could rule everybody out")
        quality: float | None = float(track.quality[row, arm])
        if tenant == LIAR:
            quality = liar.tells(arm, float(track.quality[row, arm]))
        tokens = world.tariff.output_tokens(arm, float(track.cost_nano_usd[row, arm]), track.input_tokens[row])
        engine.learn(
            Outcome(
                track.models[arm],
                "pooling",
                sequence,
                now,
                now,
                features,
                quality,
                tokens,
                None,
                False,
                None if quality is None else choice.predicted_mean,
                None if quality is None else choice.predicted_linear,
                name,
            )
        )
        chosen.append(arm)
        now += NANOS_PER_REQUEST
    return chosen


@cache
def _engine(name: str, cost_weight: float, most: int, overrides: Overrides) -> tuple[Engine, bytes]:
    tariff = world_of(name, cost_weight, most).tariff

    async def opened() -> Engine:
        async with replay_rooms(_settings(overrides), tariff, ManualClock()) as rooms:
            return rooms.engine

    engine = asyncio.run(opened())
    return engine, engine.checkpoint()


def _settings(overrides: Overrides) -> Settings:
    return load(None, {}, dict(overrides))
