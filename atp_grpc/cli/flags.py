"""`atp flags`: lists the features of a server process that can be switched, and switches them."""

from __future__ import annotations

import argparse

from atp_grpc.cli import wording
from atp_grpc.cli.answer import REFUSED, Answer, CommandFailed, Line, Sheet
from atp_grpc.cli.connection import add_connection_options, ask
from atp_grpc.cli.printing import add_json_option
from atp_grpc.client.messages import Flag, ListFlagsRequest, SetFlagRequest

_COLUMNS = ("flag", "is", "starts", "what it switches")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Describes the command's options."""
    parser.add_argument("flag", metavar="FLAG", nargs="?", help="the flag to switch; without it, all are listed")
    parser.add_argument("position", metavar="on|off", nargs="?", choices=("on", "off"), help="what it is to be")
    parser.add_argument("--instance", metavar="ID", default="", help="the process that is meant (default: who answers)")
    add_connection_options(parser)
    add_json_option(parser)


def run(options: argparse.Namespace) -> Answer:
    """Lists the flags, or switches one.

    Raises:
        CommandFailed: The server refused, or has no such flag.
    """
    if options.position is not None:
        request = SetFlagRequest(instance_id=options.instance, name=options.flag, on=options.position == "on")
        flag = ask(options, lambda atp: atp.operations.set_flag(request)).flag
        return Answer(wording.document_of(flag), [Line(f"{flag.name} is {_position(on=flag.on)}")])
    response = ask(options, lambda atp: atp.operations.list_flags(ListFlagsRequest()))
    flags = [flag for flag in response.flags if options.flag in (None, flag.name)]
    if options.flag is not None and not flags:
        sentence = f"the server has no flag {options.flag}"
        raise CommandFailed(REFUSED, [sentence], {"error": {"message": sentence}})
    return Answer(
        {"instance_id": response.instance_id, "flags": [wording.document_of(flag) for flag in flags]},
        [Sheet("Flags", _COLUMNS, [_row(flag) for flag in flags])],
    )


def _row(flag: Flag) -> tuple[str, ...]:
    return (flag.name, _position(on=flag.on), _position(on=flag.default_on), flag.description)


def _position(*, on: bool) -> str:
    return "on" if on else "off"
