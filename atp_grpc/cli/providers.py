"""`atp providers`: how the deployments do that a server may call, and who may not be called for now.

Nothing here judges a deployment: what opens a breaker is the server's to decide, or the operator's.
"""

from __future__ import annotations

import argparse

from atp_grpc.cli import wording
from atp_grpc.cli.answer import Answer, Line, Part, Sheet, unusable
from atp_grpc.cli.connection import add_connection_options, ask
from atp_grpc.cli.printing import add_json_option
from atp_grpc.client.messages import (
    BreakerMode,
    BreakerState,
    DeploymentHealth,
    ForceBreakerRequest,
    ForceBreakerResponse,
    ListDeploymentHealthRequest,
    ListDeploymentHealthResponse,
)

_MODES = {
    "open": BreakerMode.BREAKER_MODE_FORCED_OPEN,
    "close": BreakerMode.BREAKER_MODE_FORCED_CLOSED,
    "auto": BreakerMode.BREAKER_MODE_AUTO,
}
_COLUMNS = (
    "deployment",
    "model",
    "breaker",
    "by",
    "until",
    "open calls",
    "most",
    "good",
    "failed",
    "first token",
    "keys",
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Describes the command's options."""
    parser.add_argument(
        "action",
        nargs="?",
        choices=("list", *_MODES),
        default="list",
        help="list; or force a breaker open or closed, or give it back to the outcomes of calls (auto)",
    )
    parser.add_argument("deployment", nargs="?", metavar="DEPLOYMENT", help="whose breaker")
    parser.add_argument("--instance-id", metavar="ID", default="", help="the process this is meant for")
    add_connection_options(parser)
    add_json_option(parser)


def run(options: argparse.Namespace) -> Answer:
    """Lists the deployments, or changes who decides about one.

    Raises:
        CommandFailed: The options cannot be used, or the server refused.
    """
    if options.action == "list":
        if options.deployment is not None:
            raise unusable("a deployment is named only to open, close or give back its breaker")
        listed: ListDeploymentHealthResponse = ask(
            options, lambda atp: atp.operations.list_deployment_health(ListDeploymentHealthRequest())
        )
        rows = [_row(one) for one in listed.deployments]
        return Answer(document=wording.document_of(listed), parts=[Sheet("Deployments", _COLUMNS, rows)])
    if options.deployment is None:
        raise unusable(f"whose breaker? atp providers {options.action} DEPLOYMENT")
    request = ForceBreakerRequest(
        deployment=options.deployment, mode=_MODES[options.action], instance_id=options.instance_id
    )
    forced: ForceBreakerResponse = ask(options, lambda atp: atp.operations.force_breaker(request))
    one = forced.deployment
    parts: list[Part] = [Line(f"{one.deployment}: {_state(one)}, decided by {_mode(one)}")]
    return Answer(document=wording.document_of(forced), parts=parts)


def _row(one: DeploymentHealth) -> tuple[str, ...]:
    failed = ", ".join(f"{fault} {count}" for fault, count in sorted(one.total_failed.items()))
    resting = f", {one.keys_resting} resting" if one.keys_resting else ""
    return (
        one.deployment,
        one.model,
        _state(one),
        _mode(one),
        wording.moment(one.open_until),
        str(one.in_flight),
        str(one.concurrency_limit) if one.concurrency_limit else "",
        str(one.total_succeeded),
        failed,
        wording.duration(one.first_token) if one.HasField("first_token") else "",
        f"{one.keys_ready} ready{resting}" if one.keys_ready or one.keys_resting else "",
    )


def _state(one: DeploymentHealth) -> str:
    return wording.word(BreakerState, one.state, "BREAKER_STATE_")


def _mode(one: DeploymentHealth) -> str:
    return "operator" if one.mode in {_MODES["open"], _MODES["close"]} else "outcomes"
