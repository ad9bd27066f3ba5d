"""`atp health`: whether a server and each of its services is serving, now or as long as one looks. Needs no key."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Callable

from atp_grpc.cli.answer import OK, REFUSED, Answer, Line, Part, Sheet
from atp_grpc.cli.connection import add_connection_options, ask
from atp_grpc.cli.printing import add_json_option
from atp_grpc.client import AtpCallError, AtpClient
from atp_grpc.client.messages import HealthCheckResponse
from atp_grpc.domain.clock import SystemClock, moment_text

UNREACHABLE = "UNREACHABLE"
"""What `--watch` says of a server that gives no answer; gRPC has no word for it."""
AGAIN_SECONDS = 1.0
AT_ONCE_SECONDS = 0.1
_WITHOUT_LIST = {"UNIMPLEMENTED", "RESOURCE_EXHAUSTED"}
_AWAY = {"UNAVAILABLE", "CANCELLED", "INTERNAL", "UNKNOWN"}
"""How a watch ends when the server or something before it goes away."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Describes the command's options."""
    parser.add_argument(
        "--service", metavar="NAME", default="", help="for example atp.v1.RouteService (default: the whole server)"
    )
    parser.add_argument("--watch", action="store_true", help="tell every change until interrupted")
    add_connection_options(parser)
    add_json_option(parser)


def run(options: argparse.Namespace) -> Answer:
    """Asks after health; the exit status is 0 only when the answer is SERVING. With `--watch` it does not end."""
    if options.watch:
        return ask(options, lambda atp: _tell_every_change(atp, options.service, _teller(options)))
    status, services = ask(options, lambda atp: _look(atp, options.service))
    document: dict[str, object] = {"service": options.service, "status": status}
    parts: list[Part] = [Line(status)]
    if services:
        document["services"] = services
        parts.append(Sheet("Services", ("service", "status"), sorted(services.items())))
    return Answer(document=document, parts=parts, exit_status=OK if status == "SERVING" else REFUSED)


async def _look(atp: AtpClient, service: str) -> tuple[str, dict[str, str]]:
    """The status of one service, or of the whole with every service that the server lists."""
    status = _name(await atp.health(service))
    if service:
        return status, {}
    try:
        listed = await atp.list_health()
    except AtpCallError as error:
        if error.code in _WITHOUT_LIST:
            return status, {}
        raise
    return status, {name: _name(one) for name, one in listed.statuses.items() if name}


async def _tell_every_change(atp: AtpClient, service: str, tell: Callable[[str], None]) -> Answer:
    """Watches, and watches again whenever the watch or the server has ended."""
    told = ""
    while True:
        has_heard = False
        try:
            async for response in atp.watch_health(service):
                has_heard = True
                if (status := _name(response)) != told:
                    tell(status)
                    told = status
        except AtpCallError as error:
            if error.code not in _AWAY:
                raise
        if not has_heard and told != UNREACHABLE:
            tell(UNREACHABLE)
            told = UNREACHABLE
        # A connection that has grown old ends the watch of a server that is well.
        await asyncio.sleep(AT_ONCE_SECONDS if has_heard else AGAIN_SECONDS)


def _teller(options: argparse.Namespace) -> Callable[[str], None]:
    """Prints one change on one line, at once: whoever reads may be a program."""
    clock = SystemClock()

    def tell(status: str) -> None:
        moment = moment_text(clock.now_nanos())
        line = {"time": moment, "service": options.service, "status": status}
        print(json.dumps(line) if options.json else f"{moment} {status}", flush=True)

    return tell


def _name(response: HealthCheckResponse) -> str:
    name: str = HealthCheckResponse.ServingStatus.Name(response.status)
    return name
