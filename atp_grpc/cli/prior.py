"""`atp prior`: makes a prior of recorded outcomes, hands it to a server, and shows what a server was taught.

`build` needs no server, `apply` and `show` need no outcomes. The file between them is the whole interface.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from pathlib import Path

from atp_grpc.cli import wording
from atp_grpc.cli.answer import Answer, Line, Part, Record, Sheet, unusable
from atp_grpc.cli.connection import add_connection_options, ask
from atp_grpc.cli.printing import add_json_option
from atp_grpc.cli.replaying import (
    AUTO,
    above_zero,
    add_router_options,
    read_row_weight,
    refusals,
    router_settings,
    writing,
)
from atp_grpc.client.messages import (
    AppliedPrior,
    GetPriorRequest,
    GetPriorResponse,
    ImportPriorRequest,
    ImportPriorResponse,
)
from atp_grpc.config import Settings
from atp_grpc.domain.money import NANO_PER_USD
from atp_grpc.learning.prior import PriorHeader, decode_prior, digest_of
from atp_grpc.replay.lessons import teaching_of
from atp_grpc.replay.prior import teach
from atp_grpc.replay.teaching import Teaching
from atp_grpc.replay.weighing import Weighing, Weight, weigh

MOST_BYTES = 8 * 1024 * 1024
"""Largest prior that a server takes."""
REQUESTS = 1000
_DIGITS = 12


def add_options(parser: argparse.ArgumentParser) -> None:
    """Describes the three actions and their options."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    def action(name: str, summary: str) -> argparse.ArgumentParser:
        return actions.add_parser(name, help=summary, description=f"{summary.capitalize()}.", allow_abbrev=False)

    build = action("build", "make a prior of recorded outcomes")
    build.add_argument("files", metavar="FILE", type=Path, nargs="+", help="outcome files; docs/data.md has the format")
    build.add_argument("--out", metavar="PRIOR", type=Path, required=True, help="the file to write")
    build.add_argument("--pool", metavar="NAME|A,B,...", help="models to know (default: those all rows have)")
    build.add_argument("--models", metavar="FILE", type=Path, help="list prices, pools (default: models.json beside)")
    build.add_argument(
        "--row-weight", metavar="auto|X", type=read_row_weight, default=AUTO, help="what one row counts (auto)"
    )
    build.add_argument(
        "--ceiling-usd-per-1k",
        metavar="USD",
        type=above_zero,
        nargs="+",
        default=[],
        help="show its first price",
    )
    add_router_options(build.add_argument_group("the policy that it is for"))
    add_json_option(build)
    apply = action("apply", "teach a policy of a running server a prior")
    apply.add_argument("prior", metavar="PRIOR", type=Path, help="what build wrote")
    apply.add_argument("--check", action="store_true", help="tell whether it would be taken, change nothing")
    show = action("show", "show what a policy of a running server was taught beforehand")
    for one in (apply, show):
        one.add_argument("--policy", metavar="NAME", default="", help="routing policy (default: default)")
        add_connection_options(one)
        add_json_option(one)


def run(options: argparse.Namespace) -> Answer:
    """Does what the action says."""
    if options.action == "build":
        return _build(options)
    return _apply(options) if options.action == "apply" else _show(options)


def _build(options: argparse.Namespace) -> Answer:
    settings = router_settings(options)
    _check_out(options)
    with refusals():
        teaching = teaching_of(options.files, options.pool, options.models, settings)
    teaching = dataclasses.replace(teaching, ends_nanos=_end_of(settings, teaching))
    weight = Weight(options.row_weight) if options.row_weight else weigh(Weighing(teaching))
    data = teach(dataclasses.replace(teaching, weight=weight.row_weight, trials=weight.trials))
    if len(data) > MOST_BYTES:
        raise unusable(f"the prior has {len(data):,} bytes, and a server takes {MOST_BYTES:,}; choose fewer models")
    with writing(options.out):
        options.out.write_bytes(data)
    header = decode_prior(data).header
    document = {"prior": str(options.out), "digest": digest_of(data), "bytes": len(data), **header.as_json()}
    prices = _first_prices(header, settings, options.ceiling_usd_per_1k)
    return Answer(document | {"first_prices": prices}, list(_parts(options.out, data, header, prices)))


def _end_of(settings: Settings, teaching: Teaching) -> int:
    """When the rows were seen: now, where evidence fades; else it does not matter, and the same rows are one file."""
    return time.time_ns() if settings.policy.half_life_seconds else teaching.ends_nanos


def _check_out(options: argparse.Namespace) -> None:
    out: Path = options.out
    if not out.parent.is_dir():
        raise unusable(f"{out}: there is no folder {out.parent}")
    if out.is_dir() or out.resolve() in {path.resolve() for path in options.files}:
        raise unusable(f"{out}: this is a folder, or a file that is read")


def _first_prices(header: PriorHeader, settings: Settings, ceilings: list[float]) -> list[dict[str, float]]:
    """The dual price with which each ceiling begins, in quality for each ceiling of money."""
    scale = header.cost_scale_nano_usd
    if ceilings and scale is None:
        raise unusable("nothing is known of what the models cost, so no ceiling has a price")
    weight = settings.policy.cost_weight
    return [
        {
            "ceiling_usd_per_1k": usd,
            "price": header.first_price(
                usd / REQUESTS * NANO_PER_USD, cost_weight=weight, cost_scale_nano_usd=scale or 1.0
            ),
        }
        for usd in ceilings
    ]


def _parts(out: Path, data: bytes, header: PriorHeader, prices: list[dict[str, float]]) -> list[Part]:
    parts: list[Part] = [
        Record(
            [
                ("prior", f"{out} ({len(data):,} bytes)"),
                ("digest", digest_of(data)),
                ("rows", f"{header.rows:,}"),
                ("models", ", ".join(header.models)),
                ("row weight", f"{header.row_weight:g} ({'found on the rows' if header.trials else 'given'})"),
            ]
        )
    ]
    if header.trials:
        rows = [(f"{weight:g}", f"{loss:.6f}") for weight, loss in header.trials]
        parts.append(Sheet("", ("row weight", "mean squared error"), rows))
    if prices:
        cells = [(f"{one['ceiling_usd_per_1k']:g}", f"{one['price']:.6g}") for one in prices]
        parts.append(Sheet("", ("ceiling $ per 1k", "first price"), cells))
    return parts


def _apply(options: argparse.Namespace) -> Answer:
    try:
        data = options.prior.read_bytes()
    except OSError as error:
        raise unusable(f"{options.prior}: cannot be read: {error.strerror}") from None
    if len(data) > MOST_BYTES:
        raise unusable(f"{options.prior}: {len(data):,} bytes are more than a server takes")
    request = ImportPriorRequest(policy=options.policy, prior=data, validate_only=options.check)
    response: ImportPriorResponse = ask(options, lambda atp: atp.priors.import_prior(request))
    done = "would be taken" if options.check else "is taken in"
    sentences = [f"prior {response.prior.digest[:_DIGITS]} {done}: {_content(response.prior)}"]
    if response.unknown_models:
        count, names = len(response.unknown_models), ", ".join(response.unknown_models)
        sentences.append(f"{count} of its models are not in the catalogue and wait for it: {names}")
    return Answer(wording.document_of(response), [Line(sentence) for sentence in sentences])


def _show(options: argparse.Namespace) -> Answer:
    request = GetPriorRequest(policy=options.policy)
    response: GetPriorResponse = ask(options, lambda atp: atp.priors.get(request))
    if not response.priors:
        return Answer(wording.document_of(response), [Line("the policy was taught nothing beforehand")])
    rows = [
        (
            prior.digest[:_DIGITS],
            wording.moment(prior.applied_at),
            f"{prior.rows:,}",
            f"{prior.row_weight:g}",
            "found" if prior.trials else "given",
            f"{len(prior.models)}",
        )
        for prior in response.priors
    ]
    heads = ("prior", "imported", "rows", "row weight", "weight was", "models")
    return Answer(wording.document_of(response), [Sheet("", heads, rows)])


def _content(prior: AppliedPrior) -> str:
    return f"{prior.rows:,} rows of {len(prior.models)} models, {prior.row_weight:g} outcomes each"
