"""`atp reload`: makes a server read its catalogue file again, or only check it."""

from __future__ import annotations

import argparse

from atp_grpc.cli import wording
from atp_grpc.cli.answer import Answer, Line
from atp_grpc.cli.connection import add_connection_options, ask
from atp_grpc.cli.printing import add_json_option
from atp_grpc.client.messages import ReloadCatalogRequest, ReloadCatalogResponse


def add_options(parser: argparse.ArgumentParser) -> None:
    """Describes the command's options."""
    parser.add_argument("--check", action="store_true", help="tell what is wrong with the file, change nothing")
    parser.add_argument("--instance", metavar="ID", default="", help="only if the server is this process")
    add_connection_options(parser)
    add_json_option(parser)


def run(options: argparse.Namespace) -> Answer:
    """Asks for a reload."""
    request = ReloadCatalogRequest(instance_id=options.instance, validate_only=options.check)
    response: ReloadCatalogResponse = ask(options, lambda atp: atp.reload_catalog(request))
    return Answer(document=wording.document_of(response), parts=[Line(_sentence(response, is_check=options.check))])


def _sentence(response: ReloadCatalogResponse, *, is_check: bool) -> str:
    if is_check:
        difference = "differs from" if response.changed else "is the same as"
        return f"the file is good and {difference} revision {response.revision}, which is in force"
    if response.changed:
        return f"revision {response.revision} is in force"
    return f"nothing changed; revision {response.revision} stays in force"
