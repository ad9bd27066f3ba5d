"""`atp health`: whether a server, or one service of it, is serving. Needs no key."""

from __future__ import annotations

import argparse

from atp_grpc.cli.answer import OK, REFUSED, Answer, Line
from atp_grpc.cli.connection import add_connection_options, ask
from atp_grpc.cli.printing import add_json_option
from atp_grpc.client.messages import HealthCheckResponse


def add_options(parser: argparse.ArgumentParser) -> None:
    """Describes the command's options."""
    parser.add_argument(
        "--service", metavar="NAME", default="", help="for example atp.v1.RouteService (default: the whole server)"
    )
    add_connection_options(parser)
    add_json_option(parser)


def run(options: argparse.Namespace) -> Answer:
    """Asks after health; the exit status is 0 only when the answer is SERVING."""
    response: HealthCheckResponse = ask(options, lambda atp: atp.health(options.service))
    status = HealthCheckResponse.ServingStatus.Name(response.status)
    return Answer(
        document={"service": options.service, "status": status},
        parts=[Line(status)],
        exit_status=OK if response.status == HealthCheckResponse.SERVING else REFUSED,
    )
