"""`atp savings`: what was paid, what a baseline would have cost on the same requests, and at which quality.

Nothing is estimated here: the figures are the server's, and this puts them into words.
"""

from __future__ import annotations

import argparse

from atp_grpc.cli import wording
from atp_grpc.cli.answer import Answer, Record
from atp_grpc.cli.connection import add_connection_options, ask
from atp_grpc.cli.moments import read_moment
from atp_grpc.cli.printing import add_json_option
from atp_grpc.cli.quantities import read_share, usd
from atp_grpc.client.messages import (
    ComputeSavingsRequest,
    ComputeSavingsResponse,
    EvaluationScope,
    SavedAmount,
    SavingsBasis,
)

_CONFIDENCE = 0.95


def add_options(parser: argparse.ArgumentParser) -> None:
    """Describes the command's options."""
    baseline = parser.add_mutually_exclusive_group(required=True)
    baseline.add_argument("model", metavar="MODEL", nargs="?", help="compare with this model for everything")
    baseline.add_argument("--policy", help="compare with this routing policy, as if it had decided from the beginning")
    for name, text in (("since", "made then or later"), ("before", "made earlier")):
        parser.add_argument(
            f"--{name}", type=read_moment, metavar="TIME", help=f"only decisions {text}, as 2026-01-31T12:00:00Z"
        )
    parser.add_argument("--logged-policy", default="", metavar="POLICY", help="only decisions of this routing policy")
    parser.add_argument(
        "--confidence", type=read_share, default=_CONFIDENCE, help="share of intervals that hold the truth (0.95)"
    )
    parser.add_argument("--tenant", default="", help="another tenant, or - for all; for operators only")
    add_connection_options(parser)
    add_json_option(parser)


def run(options: argparse.Namespace) -> Answer:
    """Asks for the statement and words it."""
    request = ComputeSavingsRequest(
        model=options.model,
        policy=options.policy,
        scope=EvaluationScope(
            decided_since=options.since,
            decided_before=options.before,
            logged_policy=options.logged_policy,
            tenant=options.tenant,
            confidence=options.confidence or _CONFIDENCE,
        ),
    )
    told = ask(options, lambda atp: atp.evaluations.savings(request))
    baseline = f"the policy {options.policy}" if options.policy else f"always {options.model}"
    facts = [
        ("paid", f"{usd(told.compared.nano_usd)} for {told.compared.decisions:,} decisions, summed from the bills")
    ]
    if told.compared.decisions:
        facts.extend(_compared(told, baseline, f"{100 * request.scope.confidence:g} %"))
    facts.extend(("left out", text) for text in _left_out(told))
    return Answer(document=wording.document_of(told), parts=[Record(facts)])


def _compared(told: ComputeSavingsResponse, baseline: str, level: str) -> list[tuple[str, str]]:
    cost, saving, beside, explored = told.baseline_cost, told.saving, told.beside, told.explored
    if told.basis == SavingsBasis.SAVINGS_BASIS_ESTIMATED:
        money = [
            ("baseline", f"{baseline} would have cost {_usd(cost.nano_usd)} ({level}: {_ends(cost)})"),
            ("saved", f"{_usd(saving.nano_usd)} ({level}: {_ends(saving)}){_percent(told)}"),
        ]
    else:
        money = [
            ("baseline", f"{baseline} would have cost {_usd(cost.nano_usd)}, by predictions alone"),
            ("saved", f"{_usd(saving.nano_usd)}{_percent(told)}, by predictions alone"),
            ("no estimate", told.refusal.text),
        ]
    return [
        *money,
        ("quality", _quality(told, level)),
        (
            "net of",
            (
                f"{usd(beside.nano_usd)} for attempts that gave no answer, or not the last one ({beside.decisions:,} "
                f"decisions); {_usd(explored.nano_usd)} beyond what the best candidate was expected to cost where "
                f"another one was drawn ({explored.decisions:,} decisions)"
            ),
        ),
    ]


def _quality(told: ComputeSavingsResponse, level: str) -> str:
    quality = told.quality
    if not quality.HasField("paid_for"):
        return "nothing was graded, so the saving may have been bought by worse answers"
    had = f"{quality.paid_for:.3f} on {quality.graded:,} graded decisions, the baseline {quality.baseline.value:.3f}"
    if quality.basis != SavingsBasis.SAVINGS_BASIS_ESTIMATED:
        return f"{had} by predictions alone"
    gain = quality.gain
    return f"{had}: a difference of {gain.value:+.3f} ({level}: {gain.low:+.3f} to {gain.high:+.3f})"


def _left_out(told: ComputeSavingsResponse) -> list[str]:
    out, unbilled = told.out_of_reach, told.unbilled
    groups = [
        (out.decisions, f"for which the baseline was no candidate; {usd(out.nano_usd)} was paid"),
        (unbilled.decisions, f"without a whole bill; {usd(unbilled.nano_usd)} was expected"),
        (told.void_decisions, "given up or invalid, at no cost"),
        (told.warm_up_decisions, "only learned from"),
        (told.misfit_decisions, "with features of another schema than the baseline's"),
    ]
    return [f"{count:,} decisions {text}" for count, text in groups if count]


def _usd(nano: int) -> str:
    return f"-{usd(-nano)}" if nano < 0 else usd(nano)


def _ends(amount: SavedAmount) -> str:
    return f"{_usd(amount.low_nano_usd)} to {_usd(amount.high_nano_usd)}"


def _percent(told: ComputeSavingsResponse) -> str:
    if not told.HasField("saving_share"):
        return ""
    share = told.saving_share
    within = f" ({share.low:.1%} to {share.high:.1%})" if share.HasField("low") else ""
    return f", {share.value:.1%} of the baseline{within}"
