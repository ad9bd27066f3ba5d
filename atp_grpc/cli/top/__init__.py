"""`atp top`: a live view of one server process, from the difference of two answers of GetServerStats.

`program` enters here. `rates` does the arithmetic, `screen` draws; neither asks a server anything.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Callable

from atp_grpc.cli.answer import Answer, CommandFailed
from atp_grpc.cli.connection import add_connection_options, ask
from atp_grpc.cli.printing import add_json_option
from atp_grpc.cli.quantities import read_span
from atp_grpc.cli.top.rates import Rates, rates_between
from atp_grpc.client import AtpCallError, AtpClient
from atp_grpc.client.messages import GetServerInfoRequest, GetServerStatsRequest, GetServerStatsResponse

SHORTEST_SECONDS = 0.1
NANOS_PER_SECOND = 1_000_000_000
Show = Callable[[Rates | None, str], None]
"""`(figures or None, a remark)`: None while the server does not answer."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Describes the command's options."""
    parser.add_argument(
        "--interval", metavar="SPAN", type=read_span, default=NANOS_PER_SECOND, help="time between two looks (1s)"
    )
    parser.add_argument("--once", action="store_true", help="look twice, show it, and end")
    add_connection_options(parser)
    add_json_option(parser)


def run(options: argparse.Namespace) -> Answer:
    """Shows the server until interrupted, or once."""
    seconds = max(SHORTEST_SECONDS, options.interval / NANOS_PER_SECOND)
    if options.json:
        return ask(options, lambda atp: _watch(atp, seconds, _print_document, is_once=options.once))
    from atp_grpc.cli.top.screen import opened_screen  # noqa: PLC0415 - rich costs 50 ms that --json need not pay.

    with opened_screen(sys.stdout, is_live=not options.once) as show:
        return ask(options, lambda atp: _watch(atp, seconds, show, is_once=options.once))


async def _watch(atp: AtpClient, seconds: float, show: Show, *, is_once: bool) -> Answer:
    """Looks again and again; a server that goes away or restarts is waited for, once there was one."""
    before: GetServerStatsResponse | None = None
    has_answered = False
    while True:
        try:
            after = await atp.get_server_stats(GetServerStatsRequest())
            learned = (await atp.get_server_info(GetServerInfoRequest())).engine
        except AtpCallError as error:
            if is_once or not has_answered or error.code in {"UNAUTHENTICATED", "PERMISSION_DENIED"}:
                raise
            before = None
            show(None, f"{error.code}, waiting for the server")
        else:
            has_answered = True
            if before is not None and before.instance_id == after.instance_id:
                show(rates_between(before, after, learned), "")
                if is_once:
                    return Answer(None)
            before = after
        await asyncio.sleep(seconds)


def _print_document(rates: Rates | None, remark: str) -> None:
    """One line of JSON for each look."""
    document = {"remark": remark} if rates is None else rates.document()
    try:
        print(json.dumps(document, allow_nan=False), flush=True)
    except BrokenPipeError:
        raise CommandFailed(0, ["nobody reads any more"], {}) from None
