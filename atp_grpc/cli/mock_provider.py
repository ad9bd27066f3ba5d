"""`atp mock-provider`: a stand-in for a model provider, for trying things out and for tests.

It answers as OpenAI and Anthropic do, costs nothing, and fails as its scripts say. No server of ATP is part of it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from atp_grpc.cli.answer import Answer, unusable
from atp_grpc.mock_provider.process import read_scripts, serve


def add_options(parser: argparse.ArgumentParser) -> None:
    """Describes the command's options."""
    parser.add_argument("--host", default="127.0.0.1", help="where to listen (127.0.0.1)")
    parser.add_argument("--port", type=int, default=0, help="the port, 0 for a free one (0)")
    parser.add_argument(
        "--accept-key", metavar="KEY", action="append", default=[], help="a key to ask callers for (none is asked for)"
    )
    parser.add_argument(
        "--model", metavar="NAME", action="append", default=[], help="a model to have (any name is a model)"
    )
    parser.add_argument("--script", metavar="FILE", type=Path, help="TOML that says how models answer and fail")


def run(options: argparse.Namespace) -> Answer:
    """Serves until a signal. Raises `CommandFailed` if the script is wrong or the port is taken."""
    try:
        scripts = read_scripts(options.script) if options.script else []
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise unusable(f"{options.script}: {reason}") from None
    try:
        serve(
            host=options.host,
            port=options.port,
            keys=options.accept_key,
            models=options.model,
            scripts=scripts,
            out=sys.stdout,
        )
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or "there is no such port"
        raise unusable(f"cannot listen on {options.host} port {options.port}: {reason}") from None
    return Answer(document=None)
