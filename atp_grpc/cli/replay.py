"""`atp replay`: outcome files through the real router, engine and observer, in this process and without a server.

It says what the choices were worth and writes them down for any other scorer. What is wrong with the options or the
files is told before anything is served, and then nothing is written.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

from rich.console import Console

from atp_grpc.cli.answer import Answer, Part, Record, Sheet, Verbatim, unusable
from atp_grpc.cli.replaying import (
    AUTO,
    above_zero,
    add_router_options,
    as_json,
    at_least_one,
    check_plots,
    cores,
    read_row_weight,
    refusals,
    router_settings,
    serve_all,
    writing,
)
from atp_grpc.config import Settings
from atp_grpc.replay.aim import Aim
from atp_grpc.replay.choices import write_choices
from atp_grpc.replay.drift import Drift
from atp_grpc.replay.grading import Score, score
from atp_grpc.replay.grading.plots import draw
from atp_grpc.replay.order import Halving
from atp_grpc.replay.preparing import Prepared, Wanted, prepare
from atp_grpc.replay.recovery import Recovery, recovery_of
from atp_grpc.replay.run import Served

STANDARD_OUTPUT = "-"
OF_ONE_SETTING = ("q0", "q0_sd")
"""Metrics that need no sweep."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Describes the command's options."""
    data = parser.add_argument_group("what is served")
    data.add_argument("files", metavar="FILE", type=Path, nargs="*", help="outcome files; docs/data.md has the format")
    data.add_argument("--simulated", metavar="N", type=at_least_one, help="N prompts of the simulated world instead")
    data.add_argument("--pool", metavar="NAME|A,B,...", help="models to choose among (default: those all rows have)")
    data.add_argument("--models", metavar="FILE", type=Path, help="pools and list prices (default: models.json beside)")
    data.add_argument("--limit", metavar="N", type=at_least_one, help="only the first N rows of each file")
    data.add_argument("--seeds", metavar="N", type=at_least_one, default=1, help="orders; 0 is the file's own (1)")
    prior = parser.add_argument_group("what is known before")
    prior.add_argument("--prior", metavar="FILE", type=Path, nargs="+", default=[], help="outcomes to begin with")
    prior.add_argument("--halves", choices=[str(way) for way in Halving], help="each half with the other one as prior")
    prior.add_argument(
        "--prior-weight", metavar="auto|X", type=read_row_weight, default=AUTO, help="what one row counts (auto)"
    )
    router = parser.add_argument_group("how it is routed")
    router.add_argument("--cost-weight", metavar="X", help="quality given up for the best model's mean cost")
    router.add_argument("--sweep", action="store_true", help="every cost weight that scorers expect, from 0 to 300")
    _add_limits(router)
    add_router_options(router)
    router.add_argument("--drift", choices=[str(drift) for drift in Drift], help="what changes in the middle")
    output = parser.add_argument_group("what comes out")
    output.add_argument("--json", metavar="OUT", dest="document", help="figures as JSON; - prints them")
    output.add_argument("--choices", metavar="OUT.jsonl[.gz]", type=Path, help="every choice, as JSON lines")
    output.add_argument("--plot", metavar="OUT.png|svg", type=Path, help="what quality cost, and how it was learned")
    output.add_argument("--jobs", metavar="N", type=at_least_one, default=cores(), help="processes (all cores)")


def _add_limits(router: argparse._ArgumentGroup) -> None:
    """The limits, each of which is a setting of its own."""
    for name, metavar, many, summary in (
        ("--ceiling-usd-per-1k", "USD", "+", "most that 1,000 requests may cost, on average"),
        ("--quality-floor", "Q", None, "least mean quality"),
        ("--quality-floor-of-best", "P", None, "least mean quality, as a part of the best model's"),
        ("--latency-slo-ms", "MS", None, "longest latency that is expected of a model"),
    ):
        router.add_argument(name, metavar=metavar, nargs=many, type=above_zero, help=summary)


def run(options: argparse.Namespace) -> Answer:
    """Replays and scores."""
    settings = router_settings(options, **{"policy.cost_weight": options.cost_weight})
    wanted = _wanted(options, settings)
    _check_outputs(options)
    with refusals():
        prepared = prepare(wanted, settings)
    served = serve_all(prepared, options.jobs)
    if wanted.drift is not None:
        return _recovered(options, prepared, served)
    scores = [score(one.table, choices) for one, choices in zip(prepared, served, strict=True)]
    document = {
        one.table.name: _figures(one, choices, is_sweep=options.sweep)
        for one, choices in zip(scores, served, strict=True)
    }
    _write(options, document, served, scores)
    return _answer(options, document, scores)


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
    limits = _limits(options, settings)
    if options.sweep and any(limit.ceiling_usd_per_1k is None for limit in limits):
        raise unusable("--sweep goes with ceilings, not with a floor or a latency")
    if options.drift and (options.sweep or limits or options.choices or options.plot):
        raise unusable("--drift is judged by itself, under one cost weight: no --sweep, limits, --choices or --plot")
    return Wanted(
        files=options.files,
        simulated=options.simulated,
        prior=options.prior,
        prior_weight=options.prior_weight,
        pool=options.pool,
        price_list=options.models,
        cost_weight=None if options.sweep else settings.policy.cost_weight,
        seeds=options.seeds,
        halving=Halving(options.halves) if options.halves else None,
        limit=options.limit,
        limits=limits,
        drift=Drift(options.drift) if options.drift else None,
    )


def _limits(options: argparse.Namespace, settings: Settings) -> list[Aim]:
    """Each limit as an aim of its own."""
    weighed = Aim(settings.policy.cost_weight)
    # Where money has a ceiling it does not weigh beside that, unless somebody says so.
    bounded = Aim() if options.cost_weight is None else weighed
    limits = [bounded._replace(ceiling_usd_per_1k=usd) for usd in options.ceiling_usd_per_1k or ()]
    if options.quality_floor is not None:
        limits.append(weighed._replace(quality_floor=options.quality_floor))
    if options.quality_floor_of_best is not None:
        limits.append(weighed._replace(quality_floor_of_best=options.quality_floor_of_best))
    if options.latency_slo_ms is not None:
        limits.append(weighed._replace(latency_slo_seconds=options.latency_slo_ms / 1000))
    return limits


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
        check_plots(options.plot)


def _write(
    options: argparse.Namespace, document: Mapping[str, object], served: Sequence[Served], scores: Sequence[Score]
) -> None:
    if options.choices is not None:
        with writing(options.choices):
            write_choices(options.choices, chain.from_iterable(served))
    if options.plot is not None:
        with writing(options.plot):
            draw(scores, options.plot)
    if options.document not in (None, STANDARD_OUTPUT):
        with writing(Path(options.document)):
            Path(options.document).write_text(as_json(document) + "\n", encoding="utf-8")


def _answer(
    options: argparse.Namespace, document: Mapping[str, Mapping[str, object]], scores: Sequence[Score]
) -> Answer:
    if options.document == STANDARD_OUTPUT:
        return Answer(document, [Verbatim(as_json(document))])
    if sys.stdout.isatty():
        for one in scores:
            one.show(Console(highlight=False))
        return Answer(None)
    return Answer(document, [part for name, figures in document.items() for part in _parts(name, figures)])


def _figures(one: Score, served: Served, *, is_sweep: bool) -> dict[str, object]:
    """The figures of a file. What compares a whole sweep with the oracle says nothing about one setting."""
    figures = one.as_json()
    if served.weights:
        figures["prior_weights"] = [weight.row_weight for weight in served.weights]
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
    weights: Sequence[float] = figures.get("prior_weights", ())  # type: ignore[assignment]
    if weights:
        yield Record([("a row of the prior counts", ", ".join(f"{weight:g}" for weight in weights))])
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
    yield from _limits_kept(settings)
    if metrics:
        yield Record([(metric, _cell(value) or "not reached") for metric, value in metrics.items()])


def _limits_kept(settings: Sequence[Mapping[str, object]]) -> Iterator[Part]:
    """How ceilings, floors and objectives of latency were kept, for those that have one."""
    for mark, heads in (
        ("spend", ("spend", "spend_worst", "run_max", "Z", "O")),
        ("floor_kept", ("floor_kept", "floor_worst", "floor_windows")),
        ("slo_kept", ("slo_kept", "latency_p95_seconds")),
    ):
        judged = [setting for setting in settings if mark in setting]
        if judged:
            yield Sheet("", ("setting", *heads), [_cells(setting, ("setting", *heads)) for setting in judged])


def _recovered(options: argparse.Namespace, prepared: Sequence[Prepared], served: Sequence[Served]) -> Answer:
    """The answer of a run that changed in the middle."""
    found = {one.run.name: recovery_of(choices) for one, choices in zip(prepared, served, strict=True)}
    document = {name: recovery.as_json() for name, recovery in found.items()}
    _write(options, document, (), ())
    if options.document == STANDARD_OUTPUT:
        return Answer(document, [Verbatim(as_json(document))])
    heads = ("file", "change", "passes", "got over it", "requests (median)", "each", "$ on the newcomer (most)")
    return Answer(document, [Sheet("", heads, [_recovery_cells(name, one) for name, one in found.items()])])


def _recovery_cells(name: str, one: Recovery) -> tuple[str, ...]:
    each = ", ".join("never" if count is None else str(count) for count in one.requests)
    median = "never" if one.median is None else f"{one.median:g}"
    spent = f"{max(one.spent_usd):.6f}" if one.spent_usd else ""
    return (name, str(one.drift), str(len(one.requests)), str(one.reached), median, each, spent)


def _cells(figures: Mapping[str, object], names: Sequence[str]) -> tuple[str, ...]:
    return tuple(_cell(figures.get(name)) for name in names)


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4f}" if isinstance(value, float) else str(value)
