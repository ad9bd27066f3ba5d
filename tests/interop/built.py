"""Whether a Go program is here, said in one place: a skip with its reason, and a failure where it was promised."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tools import peers


def need(*names: str) -> list[Path]:
    """Gives the programs; skips the test without them, and fails it where `ATP_REQUIRE_TOOLS=1` promises them."""
    programs = [peers.program(name) for name in names]
    missing = [program.name for program in programs if not program.is_file()]
    if not missing:
        return programs
    reason = f"{', '.join(missing)} not built; `make tools` builds them where there is Go"
    if os.environ.get("ATP_REQUIRE_TOOLS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
