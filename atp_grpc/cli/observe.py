"""`atp observe`: a report of what a decision led to."""

from __future__ import annotations

import argparse

from atp_grpc.cli import attempts, wording
from atp_grpc.cli.answer import Answer, Record, unusable
from atp_grpc.cli.connection import add_connection_options, ask
from atp_grpc.cli.printing import add_json_option
from atp_grpc.cli.quantities import read_pair, read_share
from atp_grpc.client.messages import ObserveRequest, ObserveResponse


def add_options(parser: argparse.ArgumentParser) -> None:
    """Describes the command's options."""
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("token", nargs="?", help="the token that came with the decision")
    which.add_argument("--decision", metavar="ID", help="the decision's id, while the server still knows it")
    parser.add_argument("--quality", metavar="SHARE", type=read_share, help="how good the answer was, 0..1")
    parser.add_argument(
        "--attempt",
        metavar="KEY=VALUE,...",
        type=attempts.read_attempt,
        action="append",
        default=[],
        help=f"a call that was made, in order (repeatable); keys: {', '.join(attempts.KEYS)}; "
        f"errors: {', '.join(attempts.ERRORS)}",
    )
    parser.add_argument(
        "--label", metavar="KEY=VALUE", type=read_pair, action="append", default=[], help="your own note (repeatable)"
    )
    add_connection_options(parser)
    add_json_option(parser)


def run(options: argparse.Namespace) -> Answer:
    """Reports an outcome."""
    request = ObserveRequest(quality=options.quality, attempts=options.attempt, labels=dict(options.label))
    if options.decision is not None:
        request.decision_id = options.decision
    else:
        token = wording.token_bytes(options.token)
        if token is None:
            raise unusable("the token is not one that `atp route` prints (base64url)")
        request.feedback_token = token
    response: ObserveResponse = ask(options, lambda atp: atp.observe(request))
    return Answer(
        document=wording.document_of(response),
        parts=[
            Record(
                [
                    ("decision", response.decision_id),
                    ("recorded", ", ".join(response.recorded_fields) or "nothing new"),
                    ("unchanged", ", ".join(response.unchanged_fields)),
                    ("stored as", f"{response.replica} {response.sequence}" if response.sequence else ""),
                ]
            )
        ],
    )
