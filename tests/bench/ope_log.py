"""Logs of a policy over outcome files, written by the real engine, together with what every model would have made.

The study enters here once per log. A log holds what a store would give out, decision by decision; the outcomes that
were not drawn are kept beside it, for the true value alone.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from atp_grpc.app.identity import Draws
from atp_grpc.config import Settings, load
from atp_grpc.domain.clock import ManualClock
from atp_grpc.domain.decision import Candidate, Decision, Expectation, Lesson, Revisions, Target
from atp_grpc.domain.history import Logged, Place
from atp_grpc.domain.money import TokenPrices
from atp_grpc.domain.outcome import Attempt, AttemptError, Report
from atp_grpc.domain.request import FeatureVector, Weights
from atp_grpc.engine.contract import Choice, Engine, Outcome, Query
from atp_grpc.replay.aim import Aim
from atp_grpc.replay.order import order_of
from atp_grpc.replay.preparing import Prepared, Wanted, prepare
from atp_grpc.replay.pricing import Tariff
from atp_grpc.replay.rooms import replay_rooms
from atp_grpc.replay.sweep import Setting
from tests.bench.quality.direct import NANOS_PER_REQUEST
from tests.bench.quality.files import open_file

TENANT = "study"
REPLICA = "study"
SIMULATED = "simulated"
DEFAULT_EPSILON = Settings().policy.epsilon
_FREE = TokenPrices(input=0, output=0)


@dataclass(frozen=True, eq=False)
class World:
    """An outcome file under the default aim, with a share `epsilon` of exploration, and what each model made of it."""

    name: str
    epsilon: float
    prepared: Prepared
    setting: Setting
    quality: NDArray[np.float64]
    cost_nano_usd: NDArray[np.float64] | None

    @property
    def models(self) -> tuple[str, ...]:
        return self.prepared.run.track.models

    @property
    def best(self) -> str:
        return self.models[self.prepared.table.best]

    @property
    def cheapest(self) -> str:
        """By cost, or the worst where nothing costs anything."""
        figures = self.quality if self.cost_nano_usd is None else self.cost_nano_usd
        return self.models[int(figures.mean(0).argmin())]


class Served(NamedTuple):
    """A logged decision, and the row of the file that it was about."""

    logged: Logged
    row: int


@cache
def world(name: str, epsilon: float = DEFAULT_EPSILON, prompts: int = 2400) -> World:
    """A file by its name, or the simulated world."""
    prepared = _simulated(prompts) if name == SIMULATED else open_file(name)
    track, is_billed = prepared.run.track, bool(prepared.table.c_hi)
    tariff = prepared.run.settings[0].tariff
    weight = Settings().policy.cost_weight if is_billed else 0.0
    quality = np.where(track.failed, 0.0, track.quality)
    return World(
        name,
        epsilon,
        prepared,
        Setting(f"{weight:g}", Aim(weight), tariff),
        quality,
        track.cost_nano_usd if is_billed else None,
    )


def _simulated(prompts: int) -> Prepared:
    wanted = Wanted(
        files=[],
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
    [prepared] = prepare(wanted, Settings())
    return prepared


@cache
def engine_of(of: World, learner: str) -> tuple[Engine, bytes]:
    """An engine for a world, and its state before it has learned."""
    overrides = {"policy.learner": learner, "policy.epsilon": f"{of.epsilon}"}
    return _opened(load(None, {}, overrides), of.setting.tariff)


def _opened(settings: Settings, tariff: Tariff) -> tuple[Engine, bytes]:
    async def opened() -> Engine:
        async with replay_rooms(settings, tariff, ManualClock()) as rooms:
            return rooms.engine

    engine = asyncio.run(opened())
    return engine, engine.checkpoint()


class Learning:
    """An engine that serves decisions and learns what became of them; also a target that goes through a log."""

    def __init__(self, of: World, learner: str, cost_weight: float) -> None:
        self._world = of
        self._engine, blank = engine_of(of, learner)
        self._engine.restore(blank)
        self._cost_weight = cost_weight
        self._sequence = 0

    def choose(self, features: bytes, tokens: float, now_nanos: int, seed: int) -> Choice:
        everyone = tuple(range(len(self._world.models)))
        query = Query(
            self._engine.generation,
            everyone,
            seed,
            now_nanos,
            tokens,
            self._cost_weight,
            features=features,
            tenant=TENANT,
        )
        return self._engine.choose(query)

    def shares(self, decision: Decision) -> list[float]:
        lesson = decision.lesson
        seed = decision.seed ^ 1
        return list(self.choose(lesson.features.values, lesson.input_tokens, lesson.decided_nanos, seed).propensities)

    def learn(self, logged: Logged) -> None:
        lesson, [attempt] = logged.decision.lesson, logged.outcome.attempts
        tariff, failed = self._world.setting.tariff, attempt.error is not None
        tokens = None
        if tariff.is_billed and not failed:
            arm = self._world.models.index(lesson.model)
            tokens = tariff.output_tokens(arm, float(attempt.cost_nano_usd or 0), lesson.input_tokens)
        self._sequence += 1
        self._engine.learn(
            Outcome(
                lesson.model,
                REPLICA,
                self._sequence,
                lesson.decided_nanos,
                lesson.decided_nanos,
                lesson.features.values,
                None if failed else logged.outcome.quality,
                tokens,
                None,
                failed,
                None if failed else lesson.predicted_mean,
                None if failed else lesson.predicted_linear,
                TENANT,
            )
        )


def serve(of: World, order: int, rows: int | None = None) -> Iterator[Served]:
    """Serves a world in an order by the default policy, from nothing on."""
    track = of.prepared.run.track
    policy = Learning(of, "thompson", of.setting.cost_weight)
    draws = Draws(hashlib.sha256(f"ope {of.name} {order}".encode()).digest())
    now = ManualClock().now_nanos()
    for at, row in enumerate(order_of(len(track), order)[:rows]):
        seed = draws.seed()
        choice = policy.choose(track.features[row], float(track.input_tokens[row]), now, seed)
        logged = Logged(Place(0, at), _decision(of, row, choice, f"{order}-{at}", seed, now), _report(of, row, choice))
        yield Served(logged, row)
        policy.learn(logged)
        now += NANOS_PER_REQUEST


def _decision(of: World, row: int, choice: Choice, name: str, seed: int, now: int) -> Decision:
    track = of.prepared.run.track
    arm = _drawn(choice)
    figures = zip(
        of.models,
        choice.quality,
        choice.cost_nano_usd,
        choice.latency_seconds,
        choice.failure_rate,
        choice.utilities,
        choice.propensities,
        strict=True,
    )
    candidates = tuple(
        Candidate(Target(model, "", ""), Expectation(quality, round(cost), latency, failure), utility, propensity)
        for model, quality, cost, latency, failure, utility, propensity in figures
    )
    lesson = Lesson(
        tenant=TENANT,
        decision_id=name,
        decided_nanos=now,
        expires_nanos=now,
        model=of.models[arm],
        deployment="",
        features=FeatureVector("", track.features[row]),
        propensity=choice.propensities[arm],
        predicted_mean=choice.predicted_mean,
        predicted_linear=choice.predicted_linear,
        input_tokens=float(track.input_tokens[row]),
        prices=_FREE,
        revisions=Revisions("", 1, 1, 1),
    )
    return Decision(lesson, candidates, arm, seed, Weights(of.setting.cost_weight, 0.0), (), choice.engine)


def _report(of: World, row: int, choice: Choice) -> Report:
    track, arm = of.prepared.run.track, _drawn(choice)
    error = AttemptError.UNAVAILABLE if track.failed[row, arm] else None
    cost = None if of.cost_nano_usd is None else int(of.cost_nano_usd[row, arm])
    return Report(float(of.quality[row, arm]), (Attempt(of.models[arm], error=error, cost_nano_usd=cost),))


def _drawn(choice: Choice) -> int:
    if choice.chosen is None:
        raise AssertionError("a log without limits rules nobody out")
    return choice.chosen
