"""`atp serve`: runs a server until it is told to stop."""

from __future__ import annotations

import argparse
import os
import sys

from atp_grpc.app import serve
from atp_grpc.cli.answer import Answer
from atp_grpc.cli.settings import add_settings_options, chosen_settings


def add_options(parser: argparse.ArgumentParser) -> None:
    """Describes the command's options."""
    add_settings_options(parser)


def run(options: argparse.Namespace) -> Answer:
    """Serves, and ends with the status the server ended with."""
    settings = chosen_settings(options)
    status = serve(settings)
    _let_go_of_the_log()
    return Answer(document=None, exit_status=status)


def _let_go_of_the_log() -> None:
    """Drops what could not be logged: the interpreter would try once more at its exit, and end with a status of 120."""
    try:
        sys.stderr.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
