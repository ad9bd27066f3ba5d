"""`atp version`: what is installed. It calls no server and reads no settings."""

from __future__ import annotations

import argparse
import platform
from importlib import metadata

from atp_grpc import __version__
from atp_grpc.cli.answer import Answer, Record
from atp_grpc.cli.printing import add_json_option


def add_options(parser: argparse.ArgumentParser) -> None:
    """Describes the command's options."""
    add_json_option(parser)


def run(options: argparse.Namespace) -> Answer:  # noqa: ARG001 - every command is given its options.
    """Reads the versions of the server and of the native engine beside it."""
    native = _installed("atp-native")
    return Answer(
        document={"atp": __version__, "native": native, "python": platform.python_version()},
        parts=[
            Record(
                [
                    ("atp", __version__),
                    ("native engine", native or "not installed; the reference engine serves"),
                    ("python", platform.python_version()),
                ]
            )
        ],
    )


def _installed(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
