"""The one door to the environment variables of this process.

The command line hands what it finds here to `load`. Nothing is cached and nothing is ever written back.
"""

from __future__ import annotations

import os
from collections.abc import Mapping


def process_environment() -> Mapping[str, str]:
    """A copy of the environment variables, so that later changes change no settings."""
    return dict(os.environ)
