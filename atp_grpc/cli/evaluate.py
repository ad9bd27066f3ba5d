"""`atp evaluate`: what another policy would have earned on the decisions of the log, or that the log cannot tell.

On a terminal it says how far it is. Interrupting it cancels the evaluation on the server too.
"""

from __future__ import annotations

import argparse
import sys

from atp_grpc.cli import wording
from atp_grpc.cli.answer import Answer, Line, Part, Record, Sheet
from atp_grpc.cli.connection import add_connection_options, ask
from atp_grpc.cli.moments import read_moment
from atp_grpc.cli.printing import add_json_option
from atp_grpc.cli.quantities import read_share, usd
from atp_grpc.client.messages import (
    Estimate,
    EvaluatePolicyMetadata,
    EvaluatePolicyRequest,
    EvaluatePolicyResponse,
    EvaluationScope,
    MeasureEvaluation,
)

_COLUMNS = ("value", "interval", "standard error")
_MOMENTS = {
    "since": "only decisions made then or later",
    "before": "only decisions made earlier",
    "warm-up-before": "decisions made earlier are learned from and not judged",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Describes the command's options."""
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("policy", nargs="?", metavar="POLICY", help="a routing policy in force, rehearsed on the log")
    target.add_argument("--model", metavar="MODEL", help="this model for everything")
    target.add_argument("--uniform", action="store_true", help="every candidate as often as any other")
    for name, text in _MOMENTS.items():
        parser.add_argument(f"--{name}", type=read_moment, metavar="TIME", help=f"{text}, as 2026-01-31T12:00:00Z")
    parser.add_argument("--logged-policy", default="", metavar="POLICY", help="judge by the decisions of this one only")
    parser.add_argument("--confidence", type=read_share, default=0.0, metavar="SHARE", help="of the intervals (0.95)")
    parser.add_argument("--tenant", default="", help="another tenant, or - for all; for operators only")
    add_connection_options(parser)
    add_json_option(parser)


def run(options: argparse.Namespace) -> Answer:
    """Has the target judged, and waits for the end."""
    request = EvaluatePolicyRequest(
        scope=EvaluationScope(
            decided_since=options.since,
            decided_before=options.before,
            warm_up_before=options.warm_up_before,
            logged_policy=options.logged_policy,
            tenant=options.tenant,
            confidence=options.confidence,
        )
    )
    if options.policy:
        request.policy = options.policy
    elif options.model:
        request.model = options.model
    else:
        request.uniform = True
    is_watched = sys.stderr.isatty()
    found = ask(options, lambda atp: atp.evaluations.evaluate(request, follow=_tell if is_watched else _say_nothing))
    if is_watched:
        print(end="\r\x1b[K", file=sys.stderr, flush=True)
    return Answer(document=wording.document_of(found), parts=_parts(found))


def _tell(progress: EvaluatePolicyMetadata) -> None:
    state = f"{progress.percent} %, {progress.decisions_read:,} decisions read"
    waiting = "waits for another one to end"
    print(f"\r\x1b[K{state if progress.HasField('started_at') else waiting}", end="", file=sys.stderr, flush=True)


def _say_nothing(_: EvaluatePolicyMetadata) -> None:
    """Nobody looks."""


def _parts(found: EvaluatePolicyResponse) -> list[Part]:
    parts: list[Part] = [
        Record(
            [
                ("judged by", f"{found.decisions} decisions"),
                ("from", wording.moment(found.first_decided_at)),
                ("to", wording.moment(found.last_decided_at)),
                ("only learned from", str(found.warm_up_decisions or "")),
                ("of another schema", str(found.misfit_decisions or "")),
            ]
        )
    ]
    for heading, measure in (("Quality", found.quality), ("Cost of a decision", found.cost_nano_usd)):
        parts.extend(_measure(heading, measure, is_money=measure is found.cost_nano_usd))
    shares = [(one.model, f"{one.target:.1%}", f"{one.logged:.1%}") for one in found.shares]
    parts.append(Sheet("Where the requests go", ("model", "target", "logged"), shares))
    return parts


def _measure(heading: str, measure: MeasureEvaluation, *, is_money: bool) -> list[Part]:
    def figure(value: float) -> str:
        if not is_money:
            return f"{value:.4f}"
        return f"-{usd(round(-value))}" if value < 0 else usd(round(value))

    def row(name: str, estimate: Estimate) -> tuple[str, ...]:
        interval = f"{figure(estimate.low)} to {figure(estimate.high)}"
        return name, figure(estimate.value), interval, figure(estimate.standard_error)

    footing = measure.footing
    rests = (
        f"{heading}: {footing.graded} outcomes known, {footing.ungraded} not; worth {footing.effective:.0f} of the "
        f"target's own; mean weight {footing.mean_weight:.3f}"
    )
    if measure.HasField("refusal"):
        return [Line(f"{heading}: the log cannot tell. {measure.refusal.text}")]
    told = measure.estimates
    rows = [
        row("target", told.value),
        row("against the logged policy", told.difference),
        ("what happened", figure(told.happened), "", ""),
        row("against what happened", told.less_happened),
        row("plain inverse weights", told.ips),
        row("normalised weights", told.snips),
    ]
    return [Sheet(heading, (heading.lower(), *_COLUMNS), rows), Line(rests)]
