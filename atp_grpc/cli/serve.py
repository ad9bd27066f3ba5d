"""`atp serve`: runs a server until it is told to stop."""

from __future__ import annotations

import argparse

from atp_grpc.app import serve
from atp_grpc.cli.answer import Answer
from atp_grpc.cli.settings import add_settings_options, chosen_settings


def add_options(parser: argparse.ArgumentParser) -> None:
    """Describes the command's options."""
    add_settings_options(parser)


def run(options: argparse.Namespace) -> Answer:
    """Serves, and ends with the status the server ended with."""
    return Answer(document=None, exit_status=serve(chosen_settings(options)))
