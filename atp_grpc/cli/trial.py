"""`atp trial`: policies on trial: start one, see how it stands, list them, stop one.

Nothing is judged here: what is shown by a trial is the server's to say.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Any

from atp_grpc.cli import wording
from atp_grpc.cli.answer import Answer, Line, Record, Sheet
from atp_grpc.cli.connection import add_connection_options, ask
from atp_grpc.cli.printing import add_json_option
from atp_grpc.cli.quantities import read_count, read_share, usd
from atp_grpc.client import AtpClient, pages
from atp_grpc.client.messages import (
    GetTrialRequest,
    ListTrialsRequest,
    StartTrialRequest,
    StopTrialRequest,
    Trial,
    TrialGates,
    TrialQuestion,
    TrialSide,
    TrialState,
    TrialStopCause,
    TrialVerdict,
)

_COLUMNS = ("trial", "challenger", "share", "state", "verdict", "requests", "started", "ended")
_SIDES = ("side", "policy", "version", "graded", "quality", "cost", "failures", "latency")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Describes the command's options."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    start = _add(actions, "start", "give a policy a share of the traffic until it is shown to be better, or worse")
    start.add_argument("challenger", metavar="POLICY", help="the policy to try")
    start.add_argument("--share", type=read_share, required=True, help="its share of the requests that name no policy")
    start.add_argument(
        "--quality-margin", type=read_share, metavar="QUALITY", help="how much worse quality may be (0.02)"
    )
    start.add_argument(
        "--cost-saving", type=read_share, metavar="SHARE", help="what has to be saved unless quality is better (0.1)"
    )
    start.add_argument("--failure-margin", type=read_share, metavar="SHARE", help="how many more may fail (0.02)")
    start.add_argument(
        "--ignore-failures", action="store_true", help="do not ask for failures: no attempts are reported"
    )
    start.add_argument(
        "--latency-margin", type=read_share, metavar="SHARE", help="how much longer it may take (not asked)"
    )
    start.add_argument("--max-requests", type=read_count, metavar="N", help="requests after which it ends (20,000)")
    start.add_argument("--hold", type=read_count, metavar="N", help="graded requests for which it has to hold (100)")
    show = _add(actions, "show", "show how a trial stands")
    show.add_argument("id", metavar="TRIAL", nargs="?", default="", help="its name (default: the latest)")
    _add(actions, "list", "list trials")
    stop = _add(actions, "stop", "end a trial: its challenger gets no more traffic")
    stop.add_argument("id", metavar="TRIAL", help="its name")
    for action in (start, stop):
        action.add_argument("--check", action="store_true", help="tell what would be refused, change nothing")
        action.add_argument(
            "--request-id", metavar="ID", default="", help="makes the change once, however often it is sent"
        )


def run(options: argparse.Namespace) -> Answer:
    """Does what the action says."""
    actions: Mapping[str, Callable[[argparse.Namespace], Answer]] = {
        "start": _start,
        "show": _show,
        "list": _list,
        "stop": _stop,
    }
    return actions[options.action](options)


def _add(actions: Any, name: str, summary: str) -> argparse.ArgumentParser:
    action: argparse.ArgumentParser = actions.add_parser(
        name, help=summary, description=f"{summary.capitalize()}.", allow_abbrev=False
    )
    add_connection_options(action)
    add_json_option(action)
    return action


def _start(options: argparse.Namespace) -> Answer:
    request = StartTrialRequest(
        challenger=options.challenger,
        share=options.share,
        gates=TrialGates(
            quality_margin=options.quality_margin,
            cost_saving=options.cost_saving,
            failure_margin=options.failure_margin,
            ignores_failures=options.ignore_failures,
            latency_margin=options.latency_margin,
        ),
        max_requests=options.max_requests,
        hold=options.hold,
        request_id=options.request_id,
        validate_only=options.check,
    )
    trial = ask(options, lambda atp: atp.trials.start(request)).trial
    return _told(trial, f"{trial.id} {'could be' if options.check else 'is'} started")


def _show(options: argparse.Namespace) -> Answer:
    trial = ask(options, lambda atp: atp.trials.get(GetTrialRequest(id=options.id))).trial
    return _told(trial)


def _list(options: argparse.Namespace) -> Answer:
    trials = ask(options, _read_all)
    return Answer(
        document={"trials": [wording.document_of(trial) for trial in trials]},
        parts=[Sheet("Trials", _COLUMNS, [_row(trial) for trial in trials])],
    )


async def _read_all(atp: AtpClient) -> list[Trial]:
    trials: list[Trial] = []
    async for page in pages(lambda token: atp.trials.list(ListTrialsRequest(page_token=token))):
        trials.extend(page.trials)
    return trials


def _stop(options: argparse.Namespace) -> Answer:
    request = StopTrialRequest(id=options.id, request_id=options.request_id, validate_only=options.check)
    trial = ask(options, lambda atp: atp.trials.stop(request)).trial
    return _told(trial, f"{trial.id} {'could be' if options.check else 'is'} stopped")


def _told(trial: Trial, *sentences: str) -> Answer:
    sides = [("champion", *_side(trial.champion)), ("challenger", *_side(trial.challenger))]
    asked = [
        (
            wording.word(TrialQuestion, one.question, "TRIAL_QUESTION_"),
            f"{one.wealth:.3g}",
            "shown" if one.shown else "not shown",
        )
        for one in trial.evidence
    ]
    return Answer(
        document=wording.document_of(trial),
        parts=[
            *map(Line, sentences),
            Record([*zip(_COLUMNS, _row(trial), strict=True), ("stopped by", _cause(trial)), ("held", _held(trial))]),
            Sheet("Sides", _SIDES, sides),
            Sheet("What is known (20 shows it)", ("question", "wealth", ""), asked),
        ],
    )


def _row(trial: Trial) -> tuple[str, ...]:
    return (
        trial.id,
        trial.challenger.policy,
        f"{trial.share:.1%}",
        wording.word(TrialState, trial.state, "TRIAL_STATE_"),
        wording.word(TrialVerdict, trial.verdict, "TRIAL_VERDICT_"),
        f"{trial.total_requests} of {trial.max_requests}",
        wording.moment(trial.started),
        wording.moment(trial.ended),
    )


def _cause(trial: Trial) -> str:
    return wording.word(TrialStopCause, trial.stop_cause, "TRIAL_STOP_CAUSE_") if trial.stop_cause else ""


def _held(trial: Trial) -> str:
    return f"{trial.held} of {trial.hold} graded requests" if trial.HasField("held") else ""


def _side(side: TrialSide) -> tuple[str, ...]:
    return (
        side.policy,
        str(side.version),
        str(side.graded_requests),
        f"{side.mean_quality:.3f}" if side.graded_requests else "",
        usd(round(side.mean_cost_nano_usd)) if side.billed_requests else "",
        f"{side.failure_rate:.1%}" if side.attempted_requests else "",
        f"{side.mean_latency_seconds:.3g} s" if side.timed_requests else "",
    )
