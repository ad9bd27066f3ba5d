"""`atp events`: what a server has done of its own accord; with `--follow` also what it does from now on."""

from __future__ import annotations

import argparse
import json

from atp_grpc.cli import wording
from atp_grpc.cli.answer import Answer, Sheet
from atp_grpc.cli.connection import add_connection_options, ask
from atp_grpc.cli.printing import add_json_option, clean
from atp_grpc.cli.quantities import read_count
from atp_grpc.client import AtpClient
from atp_grpc.client.messages import Event, EventKind, WatchEventsRequest

_COLUMNS = ("event", "when", "what", "trial", "policy", "why")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Describes the command's options."""
    parser.add_argument("--after", metavar="N", type=read_count, default=0, help="only what came after event N")
    parser.add_argument(
        "--follow", action="store_true", help="go on until the server ends the stream, one line an event"
    )
    add_connection_options(parser)
    add_json_option(parser)


def run(options: argparse.Namespace) -> Answer:
    """Shows the events."""
    if options.follow:
        ask(options, lambda atp: _follow(atp, options.after, as_json=options.json))
        return Answer(document=None)
    events = ask(options, lambda atp: _kept(atp, options.after))
    return Answer(
        document={"events": [wording.document_of(event) for event in events]},
        parts=[Sheet("Events", _COLUMNS, [_row(event) for event in events])],
    )


async def _kept(atp: AtpClient, after: int) -> list[Event]:
    request = WatchEventsRequest(after_sequence=after, kept_only=True)
    return [told.event async for told in atp.events.watch(request) if told.HasField("event")]


async def _follow(atp: AtpClient, after: int, *, as_json: bool) -> None:
    async for told in atp.events.watch(WatchEventsRequest(after_sequence=after)):
        if told.HasField("event"):
            line = json.dumps(wording.document_of(told.event)) if as_json else "  ".join(filter(None, _row(told.event)))
            print(clean(line), flush=True)


def _row(event: Event) -> tuple[str, ...]:
    return (
        str(event.sequence),
        wording.moment(event.moment),
        wording.word(EventKind, event.kind, "EVENT_KIND_"),
        event.trial,
        event.policy,
        event.cause.replace("_", " "),
    )
