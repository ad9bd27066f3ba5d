"""`atp eval`: every outcome file of a folder, replayed in every way that it allows, as one table.

It calls no server and compares with no other router. With --out it leaves every figure, every choice and pictures.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from atp_grpc.cli.answer import Answer, Part, Record, Sheet, unusable
from atp_grpc.cli.printing import add_json_option
from atp_grpc.cli.replaying import (
    add_router_options,
    as_json,
    at_least_one,
    check_plots,
    cores,
    refusals,
    router_settings,
    serve_all,
    writing,
)
from atp_grpc.config import Settings
from atp_grpc.replay.choices import write_choices
from atp_grpc.replay.evaluation import (
    CEILING,
    FLOOR,
    SWEEP,
    Measured,
    figures_of,
    measured,
    metrics_of,
    parts_of,
)
from atp_grpc.replay.grading.plots import draw
from atp_grpc.replay.grading.references import references
from atp_grpc.replay.preparing import Prepared, Wanted, prepare
from atp_grpc.replay.run import Served
from atp_grpc.replay.steadiness import Steadiness, steadiness_of

EDITS = "edits"
HALF_KNOWN = "half of the rows known"
SUFFIXES = (".jsonl", ".jsonl.gz")
SEEDS = 5
SIMULATED_PROMPTS = 1000


@dataclass(frozen=True, slots=True)
class _Evaluated:
    """What was found of a file."""

    parts: Sequence[Measured]
    edits: Sequence[Steadiness]

    @property
    def document(self) -> list[dict[str, object]]:
        """Every figure as plain values."""
        edits = [edit.as_json() for edit in self.edits]
        return [
            *(figures_of(part) for part in self.parts),
            {"measures": EDITS, "start": HALF_KNOWN, "edits": edits},
        ]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Describes the command's options."""
    data = parser.add_argument_group("what is served")
    data.add_argument("folder", metavar="DIR", type=Path, nargs="?", help="outcome files; default: the simulated world")
    data.add_argument("--pool", metavar="NAME|A,B,...", help="models to choose among, in the files that have them")
    data.add_argument("--models", metavar="FILE", type=Path, help="pools and list prices (default: models.json beside)")
    data.add_argument("--limit", metavar="N", type=at_least_one, help="only the first N rows of each file")
    data.add_argument("--seeds", metavar="N", type=at_least_one, default=SEEDS, help=f"orders ({SEEDS})")
    add_router_options(parser.add_argument_group("how it is routed"))
    output = parser.add_argument_group("what comes out")
    output.add_argument("--out", metavar="DIR", type=Path, help="leaves eval.json, choices and pictures there")
    output.add_argument("--jobs", metavar="N", type=at_least_one, default=cores(), help="processes (all cores)")
    add_json_option(parser)


def run(options: argparse.Namespace) -> Answer:
    """Replays and scores everything."""
    settings = router_settings(options)
    if options.out is not None:
        _check_out(options.out)
    with refusals():
        swept = prepare(_wanted(options), settings)
    found = {one.table.name: _evaluated(one, settings, options) for one in swept}
    document = {name: one.document for name, one in found.items()}
    if options.out is not None:
        path = options.out / "eval.json"
        with writing(path):
            path.write_text(as_json(document) + "\n", encoding="utf-8")
    return Answer(document, list(chain.from_iterable(_table(name, one) for name, one in found.items())))


def _wanted(options: argparse.Namespace) -> Wanted:
    return Wanted(
        files=[] if options.folder is None else _files(options.folder),
        simulated=SIMULATED_PROMPTS if options.folder is None else None,
        prior=(),
        prior_weight=None,
        pool=options.pool,
        price_list=options.models,
        cost_weight=None,
        seeds=options.seeds,
        halving=None,
        limit=options.limit,
    )


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise unusable(f"{folder}: this is no folder")
    found = sorted(path for path in folder.iterdir() if path.name.endswith(SUFFIXES))
    if not found:
        raise unusable(f"{folder}: there is no file that ends in {' or '.join(SUFFIXES)}")
    return found


def _check_out(out: Path) -> None:
    """Finds before the work what would be found after it."""
    check_plots(None)
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)


def _evaluated(swept: Prepared, settings: Settings, options: argparse.Namespace) -> _Evaluated:
    """Every part of a file; what is drawn and written of it is written as soon as it is there."""
    parts = list(parts_of(swept, settings.policy.cost_weight))
    served = serve_all([part.prepared for part in parts], options.jobs, [f"{one.kind}, {one.start}" for one in parts])
    found = [measured(part, choices) for part, choices in zip(parts, served, strict=True)]
    if options.out is not None:
        for one, choices in zip(found, served, strict=True):
            _keep(options.out, one, choices)
    return _Evaluated(found, steadiness_of(swept.run, settings.policy.cost_weight))


def _keep(out: Path, one: Measured, served: Served) -> None:
    """Leaves the choices of a part that other scorers can judge, and pictures of sweeps."""
    if one.score is None:
        return
    start = one.part.start.replace(", ", "-").replace(" ", "-")
    stem = f"{one.score.table.name}-{one.part.kind}-{start}"
    choices = out / f"{stem}.choices.jsonl.gz"
    with writing(choices):
        write_choices(choices, served)
    if one.part.kind == SWEEP:
        picture = out / f"{stem}.svg"
        with writing(picture):
            draw([one.score], picture)


def _table(name: str, evaluated: _Evaluated) -> Iterator[Part]:
    parts = evaluated.parts
    scored = next(one.score for one in parts if one.score is not None)
    table = scored.table
    yield Record([("file", name), ("prompts", f"{len(table.prompts)}"), ("seeds", f"{len(scored.seeds)}")])
    found = references(table)
    rows = [
        (other, *(_cell(found[other].get(key)) for key in ("model", "quality", "usd_per_1k", "cost98", "cost95")))
        for other in ("cheapest", "best_single", "random", "zero_hull", "oracle")
        if other in found
    ]
    yield Sheet("known in hindsight", ("compare with", "model", "quality", "$ per 1k", "cost98", "cost95"), rows)
    yield _sweeps([one for one in parts if one.part.kind == SWEEP])
    yield from _limits([one for one in parts if one.part.kind == CEILING], CEILING)
    yield from _limits([one for one in parts if one.part.kind == FLOOR], FLOOR)
    yield from _changes([one for one in parts if one.recovery is not None])
    yield from _edits(evaluated.edits)


def _sweeps(parts: Sequence[Measured]) -> Sheet:
    names = [name for name in metrics_of(parts[0]) if not name.endswith("_sd")]
    rows = []
    for one in parts:
        metrics = metrics_of(one)
        cells = [_spread(metrics, name) for name in names]
        weights = ", ".join(f"{weight:g}" for weight in one.weights)
        rows.append((one.part.start, *cells, _importance(one), weights))
    return Sheet("sweeps of the cost weight", ("start", *names, "importance", "row weights"), rows)


def _importance(one: Measured) -> str:
    """The mean weight of the choices towards uniform ones, and its standard error."""
    if one.score is None:
        return ""
    found = one.score.importance
    return f"{found.mean:.3f} ± {found.standard_error:.3f}"


def _limits(parts: Sequence[Measured], kind: str) -> Iterator[Part]:
    """How limits were kept, and what they left."""
    keys = ("spend", "spend_worst", "run_max", "Z", "O") if kind == CEILING else ("floor_kept", "floor_worst")
    rows = []
    for one in parts:
        document = one.score.as_json() if one.score is not None else {}
        settings: Sequence[Mapping[str, object]] = document["settings"]  # type: ignore[assignment]
        heads = ("setting", "quality", "quality_sd", "usd_per_1k", *keys)
        rows += [(one.part.start, *(_cell(setting.get(key)) for key in heads)) for setting in settings]
    if rows:
        yield Sheet(kind, ("start", "limit", "quality", "sd", "$ per 1k", *keys), rows)


def _changes(parts: Sequence[Measured]) -> Iterator[Part]:
    rows = []
    for one in parts:
        recovery = one.recovery
        if recovery is None:
            continue
        each = ", ".join("never" if count is None else f"{count}" for count in recovery.requests)
        spent = f"{max(recovery.spent_usd):.6f}" if recovery.spent_usd else ""
        middle = "never" if recovery.median is None else f"{recovery.median:g}"
        rows.append((one.part.kind, f"{recovery.reached} of {len(recovery.requests)}", middle, each, spent))
    if rows:
        yield Sheet(
            "changes in the middle",
            ("change", "got over it", "requests (median)", "each", "$ on the newcomer (most)"),
            rows,
        )


def _edits(edits: Sequence[Steadiness]) -> Iterator[Part]:
    rows = [
        (edit.edit, f"{edit.prompts}", f"{edit.moved:.2%}", f"{edit.mean_shift:.4f}", f"{edit.most_shift:.4f}")
        for edit in edits
    ]
    if rows:
        heads = ("edit of the prompt", "prompts", "another model", "favourite's chance moves by", "at most")
        yield Sheet("light edits", heads, rows)


def _spread(metrics: Mapping[str, float], name: str) -> str:
    if name not in metrics:
        return ""
    sd = metrics.get(f"{name}_sd")
    return _cell(metrics[name]) + ("" if sd is None else f" ± {sd:.4f}")


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        # Not a number is a figure that was never reached.
        return f"{value:.4f}" if value == value else "not reached"  # noqa: PLR0124
    return str(value)
