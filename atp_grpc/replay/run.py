"""A run over one file: every setting in every order, each pass from the prior that belongs to it.

The command enters here once per file. Which passes there are, what each one starts from and how its choices are called
is decided here; the passes themselves, and how many go on at once, are not.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from atp_grpc.config import Settings
from atp_grpc.replay.choices import ChoiceLine
from atp_grpc.replay.drift import Drift
from atp_grpc.replay.order import Halving, halves_of, order_of
from atp_grpc.replay.parallel import Crew, crew_of
from atp_grpc.replay.passes import Chosen, Pass, run_pass
from atp_grpc.replay.pool import Pool
from atp_grpc.replay.pricing import Tariff
from atp_grpc.replay.prior import teach
from atp_grpc.replay.sweep import Setting
from atp_grpc.replay.teaching import Teaching
from atp_grpc.replay.track import Track
from atp_grpc.replay.weighing import EITHER, Weighing, Weight, weigh


@dataclass(frozen=True)
class Run:
    """What is to be done with a file: `settings` x `seeds`, counted from `first_seed`, whole or in halves.

    `prior` is what every pass starts from, unless the file is cut in halves that are each other's prior. One row of a
    prior counts `prior_weight`; with None that is found on the rows of each prior. `base` says everything else about
    the router, and `drift` what changes in the middle of each pass.
    """

    name: str
    pool: Pool
    track: Track
    settings: tuple[Setting, ...]
    seeds: int
    base: Settings
    prior: Track | None = None
    halving: Halving | None = None
    prior_weight: float | None = None
    drift: Drift | None = None
    first_seed: int = 0

    @cached_property
    def legs(self) -> tuple[Leg, ...]:
        """The parts of the file that are served on their own, for each seed."""
        return tuple(leg for seed in range(self.first_seed, self.first_seed + self.seeds) for leg in self._legs(seed))

    def _legs(self, seed: int) -> Iterator[Leg]:
        if self.halving is None:
            rows = order_of(len(self.track), seed)
            taught = None if self.prior is None else (self.prior, range(len(self.prior)))
            yield Leg(self.name, seed, rows, taught)
            return
        first, second = halves_of(self.track.categories, seed, self.halving)
        yield Leg(f"{self.name}.1", seed, first, (self.track, second))
        yield Leg(f"{self.name}.2", seed, second, (self.track, first))


@dataclass(frozen=True, slots=True)
class Leg:
    """Rows to serve in an order, under the name by which choices call them, and the rows that are taught before."""

    dataset: str
    seed: int
    rows: Sequence[int]
    taught: tuple[Track, Sequence[int]] | None


@dataclass(frozen=True, slots=True)
class Served:
    """A run that was made. Iterating gives its choices, pass by pass in stream order, as often as it is asked for.

    `weights` are what a row of each prior counted, one prior after the other; none when nothing was known before.
    """

    run: Run
    chosen: tuple[Chosen, ...]
    weights: tuple[Weight, ...] = ()

    @property
    def passes(self) -> Iterator[tuple[Setting, Leg, Chosen]]:
        """What was served, and what was chosen."""
        pairs = ((setting, leg) for setting in self.run.settings for leg in self.run.legs)
        for (setting, leg), chosen in zip(pairs, self.chosen, strict=True):
            yield setting, leg, chosen

    def __iter__(self) -> Iterator[ChoiceLine]:
        ids, models = [row.prompt_id for row in self.run.pool.rows], self.run.track.models
        for setting, leg, chosen in self.passes:
            for row, arm, propensity in zip(leg.rows, *chosen, strict=True):
                yield ChoiceLine(leg.dataset, setting.text, leg.seed, ids[row], models[arm], propensity)


def serve(run: Run, *, jobs: int, on_pass: Callable[[], None], work: Callable[[Pass], Chosen] = run_pass) -> Served:
    """Makes every pass of a run, `jobs` at a time, each by `work`.

    `on_pass` hears of each pass that is done. The choices do not depend on `jobs`.

    Raises:
        WorkerLostError: a process ended in the middle of its work.
    """
    with crew_of(jobs) as crew:
        return serve_by(crew, run, on_pass=on_pass, work=work)


def serve_by(crew: Crew, run: Run, *, on_pass: Callable[[], None], work: Callable[[Pass], Chosen] = run_pass) -> Served:
    """`serve`, by processes that may do more beside it."""
    weights = _weights(run, crew)
    priors = _priors(run, weights, crew)
    passes = [
        Pass(
            name=f"{setting.text} {leg.seed} {leg.dataset.removeprefix(run.name)}",
            track=run.track,
            rows=leg.rows,
            setting=setting,
            settings=run.base,
            prior=priors.get((setting.tariff.is_billed, _prior_at(run, at))),
            drift=run.drift,
        )
        for setting in run.settings
        for at, leg in enumerate(run.legs)
    ]
    chosen = []
    for one in crew.do(work, passes):
        chosen.append(one)
        on_pass()
    return Served(run, tuple(chosen), tuple(weights.values()))


def _teachings(run: Run, tariff: Tariff) -> Iterator[tuple[int, Teaching]]:
    """What is taught before any pass, by the place of the first leg that begins with it."""
    for at, leg in enumerate(run.legs):
        if leg.taught is not None and at == _prior_at(run, at):
            yield at, Teaching(*leg.taught, tariff, run.base)


def _weights(run: Run, crew: Crew) -> dict[int, Weight]:
    """What a row of each prior counts, by the place of its first leg; no weight depends on what anything costs."""
    teachings = dict(_teachings(run, run.settings[0].tariff))
    if run.prior_weight is not None:
        return dict.fromkeys(teachings, Weight(run.prior_weight))
    # Who cuts a file in halves has said how what is served differs from what is known.
    halvings = EITHER if run.halving is None else (run.halving,)
    weighings = [Weighing(teaching, halvings) for teaching in teachings.values()]
    return dict(zip(teachings, crew.do(weigh, weighings), strict=True))


def _priors(run: Run, weights: dict[int, Weight], crew: Crew) -> dict[tuple[bool, int], bytes]:
    """What to start from, by whether the tariff teaches costs and by the place of the first leg."""
    # Settings differ in what a model is charged, which an engine is told and does not learn; a bill it does learn.
    tariffs: dict[bool, Tariff] = {setting.tariff.is_billed: setting.tariff for setting in run.settings}
    teachings = {
        (is_billed, at): dataclasses.replace(teaching, weight=weights[at].row_weight, trials=weights[at].trials)
        for is_billed, tariff in tariffs.items()
        for at, teaching in _teachings(run, tariff)
    }
    return dict(zip(teachings, crew.do(teach, list(teachings.values())), strict=True))


def _prior_at(run: Run, at: int) -> int:
    """The leg whose prior a leg starts from: its own with halves, else all share one."""
    return at if run.halving else 0
