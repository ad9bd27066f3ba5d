"""`atp replay`: outcome files through the real router, engine and observer, in this process and without a server.

It says what the choices were worth and writes them down for any other scorer. What is wrong with the options or the
files is told before anything is served, and then nothing is written.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import sys
from argparse import ArgumentTypeError
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from atp_grpc.app.engines import EngineMissingError
from atp_grpc.catalog.loader import CatalogueFault
from atp_grpc.cli.answer import REFUSED, Answer, CommandFailed, Part, Record, Sheet, Verbatim, unusable
from atp_grpc.cli.quantities import read_count, read_pair, read_weight
from atp_grpc.cli.settings import settings_of
from atp_grpc.config import Settings
from atp_grpc.engine.contract import DamagedTextTableError
from atp_grpc.replay.choices import write_choices
from atp_grpc.replay.grading import Score, score
from atp_grpc.replay.grading.paper import FORMATS
from atp_grpc.replay.grading.plots import draw
from atp_grpc.replay.listprices import ListPriceError
from atp_grpc.replay.order import Halving
from atp_grpc.replay.outcomes import OutcomeFileFault
from atp_grpc.replay.parallel import WorkerLostError
from atp_grpc.replay.pool import PoolError
from atp_grpc.replay.preparing import Prepared, ReplayRefusedError, Wanted, prepare
from atp_grpc.replay.run import Served, serve

STANDARD_OUTPUT = "-"
OF_ONE_SETTING = ("q0", "q0_sd")
"""Metrics that need no sweep."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Describes the command's options."""
    data = parser.add_argument_group("what is served")
    data.add_argument("files", metavar="FILE", type=Path, nargs="*", help="outcome files; docs/data.md has the format")
    data.add_argument("--simulated", metavar="N", type=_at_least_one, help="N prompts of the simulated world instead")
    data.add_argument("--pool", metavar="NAME|A,B,...", help="models to choose among (default: those all rows have)")
    data.add_argument("--models", metavar="FILE", type=Path, help="pools and list prices (default: models.json beside)")
    data.add_argument("--limit", metavar="N", type=_at_least_one, help="only the first N rows of each file")
    data.add_argument("--seeds", metavar="N", type=_at_least_one, default=1, help="orders; 0 is the file's own (1)")
    prior = parser.add_argument_group("what is known before")
    prior.add_argument("--prior", metavar="FILE", type=Path, nargs="+", default=[], help="outcomes to begin with")
    prior.add_argument("--halves", choices=[str(way) for way in Halving], help="each half with the other one as prior")
    prior.add_argument("--prior-weight", metavar="X", type=_factor, help="what one outcome of the prior counts (1)")
    router = parser.add_argument_group("how it is routed")
    router.add_argument("--learner", metavar="NAME", help="how uncertainty turns into exploration")
    router.add_argument("--cost-weight", metavar="X", help="quality given up for the best model's mean cost")
    router.add_argument("--sweep", action="store_true", help="every cost weight that scorers expect, from 0 to 300")
    router.add_argument("--engine", choices=["native", "reference"], help="default: native where it is installed")
    router.add_argument(
        "--set", metavar="policy.FIELD=VALUE", type=read_pair, action="append", default=[], help="any other of a policy"
    )
    output = parser.add_argument_group("what comes out")
    output.add_argument("--json", metavar="OUT", dest="document", help="figures as JSON; - prints them")
    output.add_argument("--choices", metavar="OUT.jsonl[.gz]", type=Path, help="every choice, as JSON lines")
    output.add_argument("--plot", metavar="OUT.png|svg", type=Path, help="what quality cost, and how it was learned")
    output.add_argument("--jobs", metavar="N", type=_at_least_one, default=_cores(), help="processes (all cores)")


def run(options: argparse.Namespace) -> Answer:
    """Replays and scores."""
    settings = _settings(options)
    wanted = _wanted(options, settings)
    _check_outputs(options)
    with _refusals():
        prepared = prepare(wanted, settings)
    served = _served(prepared, options.jobs)
    scores = [score(one.table, choices) for one, choices in zip(prepared, served, strict=True)]
    document = {one.table.name: _figures(one, is_sweep=options.sweep) for one in scores}
    _write(options, document, served, scores)
    return _answer(options, document, scores)


def _settings(options: argparse.Namespace) -> Settings:
    overrides: dict[str, str] = dict(options.set)
    for name in overrides:
        if not name.startswith("policy."):
            raise unusable(f"--set {name}: a replay takes settings of the policy only, such as policy.scale=0.05")
    flags = {
        "policy.learner": options.learner,
        "policy.cost_weight": options.cost_weight,
        "engine.kind": options.engine,
    }
    return settings_of(None, overrides | {name: value for name, value in flags.items() if value is not None})


def _wanted(options: argparse.Namespace, settings: Settings) -> Wanted:
    """What is asked for, if the options go together."""
    if bool(options.files) == (options.simulated is not None):
        raise unusable("name outcome files, or --simulated N")
    if options.sweep and options.cost_weight is not None:
        raise unusable("--sweep has cost weights of its own; leave out --cost-weight")
    if options.halves and options.prior:
        raise unusable("with --halves each half has the other one as prior; leave out --prior")
    if options.prior_weight is not None and not (options.halves or options.prior):
        raise unusable("--prior-weight needs a prior: --prior FILE or --halves")
    return Wanted(
        files=options.files,
        simulated=options.simulated,
        prior=options.prior,
        prior_weight=options.prior_weight or 1.0,
        pool=options.pool,
        price_list=options.models,
        cost_weight=None if options.sweep else settings.policy.cost_weight,
        seeds=options.seeds,
        halving=Halving(options.halves) if options.halves else None,
        limit=options.limit,
    )


def _outputs(options: argparse.Namespace) -> list[Path]:
    document = Path(options.document) if options.document not in (None, STANDARD_OUTPUT) else None
    return [path for path in (document, options.choices, options.plot) if path is not None]


def _check_outputs(options: argparse.Namespace) -> None:
    """Finds before the work what would be found after it."""
    taken = {path.resolve() for path in (*options.files, *options.prior, *filter(None, [options.models]))}
    for path in _outputs(options):
        if not path.parent.is_dir():
            raise unusable(f"{path}: there is no folder {path.parent}")
        if path.is_dir():
            raise unusable(f"{path}: this is a folder")
        if path.resolve() in taken:
            raise unusable(f"{path}: this file is read, or written for something else")
        taken.add(path.resolve())
    if options.plot is not None:
        if options.plot.suffix not in FORMATS:
            raise unusable(f"{options.plot}: a plot is written as {' or '.join(FORMATS)}")
        if importlib.util.find_spec("matplotlib") is None:
            raise unusable("--plot needs matplotlib: pip install 'atp-grpc[plots]'")


_REFUSED = (
    OutcomeFileFault,
    ListPriceError,
    PoolError,
    ReplayRefusedError,
    EngineMissingError,
    DamagedTextTableError,
)


@contextmanager
def _refusals() -> Iterator[None]:
    """What a file or a pool is refused for, as the end of the command."""
    try:
        yield
    except CatalogueFault as fault:
        raise unusable("the models cannot be served", *fault.complaints) from None
    except _REFUSED as refusal:
        raise unusable(str(refusal)) from None


def _served(prepared: Sequence[Prepared], jobs: int) -> list[Served]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        served = []
        for one in prepared:
            task = progress.add_task(one.run.name, total=len(one.run.settings) * len(one.run.legs))
            on_pass: Callable[[], None] = lambda task=task: progress.advance(task)  # type: ignore[misc]  # noqa: E731
            try:
                served.append(serve(one.run, jobs=jobs, on_pass=on_pass))
            except WorkerLostError as lost:
                raise _failed(str(lost)) from None
        return served


def _write(
    options: argparse.Namespace, document: Mapping[str, object], served: Sequence[Served], scores: Sequence[Score]
) -> None:
    if options.choices is not None:
        with _writing(options.choices):
            write_choices(options.choices, chain.from_iterable(served))
    if options.plot is not None:
        with _writing(options.plot):
            draw(scores, options.plot)
    if options.document not in (None, STANDARD_OUTPUT):
        with _writing(Path(options.document)):
            Path(options.document).write_text(_as_json(document) + "\n", encoding="utf-8")


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _failed(f"{path}: cannot be written: {error.strerror}") from None


def _answer(
    options: argparse.Namespace, document: Mapping[str, Mapping[str, object]], scores: Sequence[Score]
) -> Answer:
    if options.document == STANDARD_OUTPUT:
        return Answer(document, [Verbatim(_as_json(document))])
    if sys.stdout.isatty():
        for one in scores:
            one.show(Console(highlight=False))
        return Answer(None)
    return Answer(document, [part for name, figures in document.items() for part in _parts(name, figures)])


def _figures(one: Score, *, is_sweep: bool) -> dict[str, object]:
    """The figures of a file. What compares a whole sweep with the oracle says nothing about one setting."""
    figures = one.as_json()
    if not is_sweep:
        metrics: Mapping[str, object] = figures["metrics"]  # type: ignore[assignment]
        figures["metrics"] = {name: value for name, value in metrics.items() if name in OF_ONE_SETTING}
    return figures


def _parts(name: str, figures: Mapping[str, object]) -> Iterator[Part]:
    """A file's figures as plain rows."""
    references: Mapping[str, Mapping[str, object]] = figures["references"]  # type: ignore[assignment]
    settings: Sequence[Mapping[str, object]] = figures["settings"]  # type: ignore[assignment]
    metrics: Mapping[str, object] = figures["metrics"]  # type: ignore[assignment]
    yield Record([("file", name), ("prompts", f"{figures['prompts']}"), ("seeds", f"{figures['seeds']}")])
    compared = [other for other in ("cheapest", "best_single", "random", "oracle") if other in references]
    yield Sheet(
        "",
        ("compare with", "model", "quality", "$ per 1k"),
        [(other, *_cells(references[other], ("model", "quality", "usd_per_1k"))) for other in compared],
    )
    yield Sheet(
        "",
        ("setting", "quality", "sd", "$ per 1k", "to hull"),
        [_cells(setting, ("setting", "quality", "quality_sd", "usd_per_1k", "gain")) for setting in settings],
    )
    if metrics:
        yield Record([(metric, _cell(value) or "not reached") for metric, value in metrics.items()])


def _cells(figures: Mapping[str, object], names: Sequence[str]) -> tuple[str, ...]:
    return tuple(_cell(figures.get(name)) for name in names)


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def _as_json(document: Mapping[str, object]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)


def _failed(sentence: str) -> CommandFailed:
    return CommandFailed(REFUSED, (sentence,), {"error": {"message": sentence}})


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _at_least_one(text: str) -> int:
    count = read_count(text)
    if not count:
        raise ArgumentTypeError("0 is too few")
    return count


def _factor(text: str) -> float:
    factor = read_weight(text)
    if not factor:
        raise ArgumentTypeError("a weight of 0 is no prior")
    return factor
