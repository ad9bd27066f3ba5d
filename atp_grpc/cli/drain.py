"""`atp drain`: takes one server process out of service without losing a call, and waits until it is gone."""

from __future__ import annotations

import argparse
import asyncio
import sys

from atp_grpc.cli import wording
from atp_grpc.cli.answer import REFUSED, Answer, CommandFailed, Line, unusable
from atp_grpc.cli.connection import add_connection_options, ask
from atp_grpc.cli.printing import add_json_option
from atp_grpc.client import AtpCallError, AtpClient
from atp_grpc.client.messages import DrainRequest, DrainResponse, GetServerInfoRequest

LOOK_EVERY_SECONDS = 0.2
SPARE_SECONDS = 2.0
"""Time beyond what the server said until it counts as stuck."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Describes the command's options."""
    parser.add_argument("--instance", metavar="ID", default="", help="the process that is meant (default: who answers)")
    parser.add_argument("--yes", action="store_true", help="do not ask before")
    parser.add_argument("--no-wait", action="store_true", help="return as soon as the server has begun to leave")
    add_connection_options(parser)
    add_json_option(parser)


def run(options: argparse.Namespace) -> Answer:
    """Drains a server; the exit status is 0 once it is gone, or has begun to leave with `--no-wait`."""
    return ask(options, lambda atp: _drained(atp, options))


async def _drained(atp: AtpClient, options: argparse.Namespace) -> Answer:
    instance = options.instance or (await atp.get_server_info(GetServerInfoRequest())).instance_id
    if not options.yes:
        _confirm(instance)
    response = await atp.drain(DrainRequest(instance_id=instance))
    within = wording.duration(response.ends_within)
    if options.no_wait:
        return Answer(_document(response), [Line(f"{instance} is leaving; it ends within {within}")])
    if not options.json:
        print(f"{instance} is leaving; it ends within {within}", file=sys.stderr, flush=True)
    if not await _is_gone(atp, instance, response.ends_within.ToNanoseconds() / 1e9 + SPARE_SECONDS):
        raise CommandFailed(REFUSED, [f"{instance} has not ended within {within}"], _document(response))
    return Answer(_document(response), [Line(f"{instance} is gone")])


def _confirm(instance: str) -> None:
    """Asks whoever sits at the terminal.

    Raises:
        CommandFailed: nobody sits there, or the answer is no.
    """
    if not sys.stdin.isatty():
        raise unusable("nobody is here to ask whether the server should leave; say --yes")
    print(f"Take {instance} out of service? It ends once its callers have left. [y/N] ", end="", flush=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise CommandFailed(REFUSED, ["nothing was done"], {"error": {"message": "nothing was done"}})


async def _is_gone(atp: AtpClient, instance: str, seconds: float) -> bool:
    """Whether the process stops answering in time; another one that answers in its place is not it."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while loop.time() < end:
        try:
            if (await atp.get_server_info(GetServerInfoRequest())).instance_id != instance:
                return True
        except AtpCallError as error:
            # A refusal with a reason comes from a server that is still there.
            if not error.reason and error.code == "UNAVAILABLE":
                return True
        await asyncio.sleep(LOOK_EVERY_SECONDS)
    return False


def _document(response: DrainResponse) -> dict[str, object]:
    return dict(wording.document_of(response))
