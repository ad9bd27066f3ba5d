"""Hatch build hook: a distribution must hold the stubs of buf.validate, which git does not.

Entered by hatchling for every wheel, sdist and editable install; it makes the stubs only where they are missing.
It never compiles ATP's own protos: their stubs are checked in.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ThirdPartyStubs(BuildHookInterface[Any]):
    """Runs `tools/protos.py third-party` when atp_grpc/pb/buf is not there yet."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before files are collected; a failing script fails the build."""
        del version, build_data
        root = Path(self.root)
        if not (root / "atp_grpc/pb/buf/validate/validate_pb2.py").is_file():
            subprocess.run([sys.executable, str(root / "tools/protos.py"), "third-party"], check=True)
