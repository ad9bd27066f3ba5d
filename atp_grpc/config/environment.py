"""The one door to the environment variables of this process.

The command line hands what it finds here to `load`. Nothing is cached, and only a word for grpcio is ever written back.
"""

from __future__ import annotations

import os
from collections.abc import Mapping


def process_environment() -> Mapping[str, str]:
    """A copy of the environment variables, so that later changes change no settings."""
    return dict(os.environ)


def quiet_grpc() -> None:
    """Keeps the core of grpcio from writing lines of its own to standard error, unless `GRPC_VERBOSITY` asks for them.

    A peer that fails a handshake or names an unknown compression would otherwise put lines among those of the log. It
    has to be said before grpc is imported.
    """
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")


def keep_litellm_offline() -> None:
    """Keeps the litellm package from fetching its list of prices when it is imported; the one it ships will do.

    It has to be said before litellm is imported.
    """
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
