"""A run over one file: every setting in every order, each pass from the prior that belongs to it.

The command enters here once per file. Which passes there are, what each one starts from and how its choices are called
is decided here; the passes themselves, and how many go on at once, are not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from atp_grpc.config import Settings
from atp_grpc.replay.choices import ChoiceLine
from atp_grpc.replay.order import Halving, halves_of, order_of
from atp_grpc.replay.parallel import run_all
from atp_grpc.replay.passes import Chosen, Pass, run_pass
from atp_grpc.replay.pool import Pool
from atp_grpc.replay.pricing import Tariff
from atp_grpc.replay.prior import Teaching, teach
from atp_grpc.replay.sweep import Setting
from atp_grpc.replay.track import Track


@dataclass(frozen=True)
class Run:
    """What is to be done with a file: `settings` x `seeds`, counted from `first_seed`, whole or in halves.

    `prior` is what every pass starts from, unless the file is cut in halves that are each other's prior. One row of a
    prior counts `prior_weight`. `base` says everything else about the router.
    """

    name: str
    pool: Pool
    track: Track
    settings: tuple[Setting, ...]
    seeds: int
    base: Settings
    prior: Track | None = None
    halving: Halving | None = None
    prior_weight: float = 1.0
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
        categories = [row.category for row in self.pool.rows]
        first, second = halves_of(categories, seed, self.halving)
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
    """A run that was made. Iterating gives its choices, pass by pass in stream order, as often as it is asked for."""

    run: Run
    chosen: tuple[Chosen, ...]

    def __iter__(self) -> Iterator[ChoiceLine]:
        passes = ((setting, leg) for setting in self.run.settings for leg in self.run.legs)
        ids, models = [row.prompt_id for row in self.run.pool.rows], self.run.track.models
        for (setting, leg), chosen in zip(passes, self.chosen, strict=True):
            for row, arm, propensity in zip(leg.rows, *chosen, strict=True):
                yield ChoiceLine(leg.dataset, setting.text, leg.seed, ids[row], models[arm], propensity)


def serve(run: Run, *, jobs: int, on_pass: Callable[[], None], work: Callable[[Pass], Chosen] = run_pass) -> Served:
    """Makes every pass of a run, `jobs` at a time, each by `work`.

    `on_pass` hears of each pass that is done. The choices do not depend on `jobs`.

    Raises:
        WorkerLostError: a process ended in the middle of its work.
    """
    priors = _priors(run, jobs)
    passes = [
        Pass(
            name=f"{setting.text} {leg.seed} {leg.dataset.removeprefix(run.name)}",
            track=run.track,
            rows=leg.rows,
            setting=setting,
            settings=run.base,
            prior=priors.get((setting.tariff.is_billed, _prior_at(run, at))),
        )
        for setting in run.settings
        for at, leg in enumerate(run.legs)
    ]
    chosen = []
    for one in run_all(work, passes, jobs=jobs):
        chosen.append(one)
        on_pass()
    return Served(run, tuple(chosen))


def _priors(run: Run, jobs: int) -> dict[tuple[bool, int], bytes]:
    """The checkpoints to start from, by whether the tariff teaches costs and by the place of the first leg."""
    # Settings differ in what a model is charged, which an engine is told and does not learn; a bill it does learn.
    tariffs: dict[bool, Tariff] = {setting.tariff.is_billed: setting.tariff for setting in run.settings}
    keys, teachings = [], []
    for is_billed, tariff in tariffs.items():
        for at, leg in enumerate(run.legs):
            if leg.taught is not None and at == _prior_at(run, at):
                track, rows = leg.taught
                keys.append((is_billed, at))
                teachings.append(Teaching(track, rows, tariff, run.base, run.prior_weight))
    return dict(zip(keys, run_all(teach, teachings, jobs=jobs), strict=True))


def _prior_at(run: Run, at: int) -> int:
    """The leg whose prior a leg starts from: its own with halves, else all share one."""
    return at if run.halving else 0
