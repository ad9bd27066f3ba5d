"""What the commands that replay outcome files have in common: their options, their refusals, their progress.

`replay`, `prior` and `eval` enter here. It serves nothing itself and prints no figure.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
from argparse import ArgumentTypeError
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from atp_grpc.app.engines import EngineMissingError
from atp_grpc.catalog.loader import CatalogueFault
from atp_grpc.cli.answer import REFUSED, CommandFailed, unusable
from atp_grpc.cli.quantities import read_count, read_pair, read_weight
from atp_grpc.cli.settings import settings_of
from atp_grpc.config import Settings
from atp_grpc.domain.policy import TEXT_SCHEMAS
from atp_grpc.engine.contract import DamagedTextTableError
from atp_grpc.replay.grading.paper import FORMATS
from atp_grpc.replay.listprices import ListPriceError
from atp_grpc.replay.outcomes import OutcomeFileFault
from atp_grpc.replay.parallel import WorkerLostError, crew_of
from atp_grpc.replay.pool import PoolError
from atp_grpc.replay.preparing import Prepared, ReplayRefusedError
from atp_grpc.replay.run import Served, serve_by

AUTO = "auto"
_REFUSED = (OutcomeFileFault, ListPriceError, PoolError, ReplayRefusedError, EngineMissingError, DamagedTextTableError)


def add_router_options(parser: argparse._ArgumentGroup) -> None:
    """The options that say how is routed."""
    parser.add_argument("--learner", metavar="NAME", help="how uncertainty turns into exploration")
    parser.add_argument("--features", choices=list(TEXT_SCHEMAS), help="what a prompt is read by")
    parser.add_argument("--engine", choices=["native", "reference"], help="default: native where it is installed")
    parser.add_argument(
        "--set", metavar="policy.FIELD=VALUE", type=read_pair, action="append", default=[], help="any other of a policy"
    )


def router_settings(options: argparse.Namespace, **flags: str | None) -> Settings:
    """The settings that the options of `add_router_options` ask for, and further flags by the setting's name.

    Raises:
        CommandFailed: they cannot be used, or one is not of the policy.
    """
    overrides: dict[str, str] = dict(options.set)
    for name in overrides:
        if not name.startswith("policy."):
            raise unusable(f"--set {name}: a replay takes settings of the policy only, such as policy.scale=0.05")
    dimension = None if options.features is None else str(TEXT_SCHEMAS[options.features])
    flags |= {
        "policy.learner": options.learner,
        "policy.feature_schema": options.features,
        "policy.feature_dimension": dimension,
        "engine.kind": options.engine,
    }
    return settings_of(None, overrides | {name: value for name, value in flags.items() if value is not None})


def read_row_weight(text: str) -> float | None:
    """What one row of a prior counts, above 0; `auto`, which is found on the prior, is None.

    Raises:
        ArgumentTypeError: Anything else.
    """
    if text == AUTO:
        return None
    weight = read_weight(text)
    if not weight:
        raise ArgumentTypeError("a weight of 0 is no prior")
    return weight


def at_least_one(text: str) -> int:
    """A whole number above 0.

    Raises:
        ArgumentTypeError: Anything else.
    """
    count = read_count(text)
    if not count:
        raise ArgumentTypeError("0 is too few")
    return count


def above_zero(text: str) -> float:
    """A number above 0.

    Raises:
        ArgumentTypeError: Anything else.
    """
    number = read_weight(text)
    if not number:
        raise ArgumentTypeError("0 is no limit")
    return number


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0))


@contextmanager
def refusals() -> Iterator[None]:
    """What a file or a pool is refused for, as the end of the command."""
    try:
        yield
    except CatalogueFault as fault:
        raise unusable("the models cannot be served", *fault.complaints) from None
    except _REFUSED as refusal:
        raise unusable(str(refusal)) from None


def serve_all(prepared: Sequence[Prepared], jobs: int, titles: Sequence[str] = ()) -> list[Served]:
    """Serves every run, and shows on a terminal how far it is; `titles` say more of each run than its file."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    hidden = not console.is_terminal
    with crew_of(jobs) as crew, Progress(*columns, console=console, transient=True, disable=hidden) as progress:
        served = []
        for one, title in zip(prepared, titles or [""] * len(prepared), strict=True):
            passes = len(one.run.settings) * len(one.run.legs)
            task = progress.add_task(f"{one.run.name} {title}".rstrip(), total=passes)
            on_pass: Callable[[], None] = lambda task=task: progress.advance(task)  # type: ignore[misc]  # noqa: E731
            try:
                served.append(serve_by(crew, one.run, on_pass=on_pass))
            except WorkerLostError as lost:
                raise failed(str(lost)) from None
        return served


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """A file that cannot be written is the end of the command."""
    try:
        yield
    except OSError as error:
        raise failed(f"{path}: cannot be written: {error.strerror}") from None


def check_plots(path: Path | None) -> None:
    """Finds before the work that a plot could not be drawn after it.

    Raises:
        CommandFailed: the format is none, or matplotlib is missing.
    """
    if path is not None and path.suffix not in FORMATS:
        raise unusable(f"{path}: a plot is written as {' or '.join(FORMATS)}")
    if importlib.util.find_spec("matplotlib") is None:
        raise unusable("plots need matplotlib: pip install 'atp-grpc[plots]'")


def as_json(document: object) -> str:
    """A document for people and programs; it holds no nan."""
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)


def failed(sentence: str) -> CommandFailed:
    """The end of a command whose work could not be done."""
    return CommandFailed(REFUSED, (sentence,), {"error": {"message": sentence}})
