"""Writes requirements/*.lock: every package of every platform, each file of it pinned by hash.

Entered by `make lock`, never at set-up. The locks name no registry, so they work behind any mirror that pip is told of.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = {
    "requirements/audit.lock": ["requirements/audit.in"],
    "requirements/dev.lock": ["pyproject.toml", "requirements/dev.in"],
    "requirements/gateways.lock": ["requirements/gateways.in"],
    "requirements/protos.lock": ["requirements/protos.in", "--no-deps", "--no-binary", "protovalidate"],
}


def main() -> None:
    """Resolve each lock anew; versions move only where a newer one is allowed and --upgrade is given."""
    uv = str(Path(sys.executable).with_name("uv"))
    # Trust what the machine trusts, as pip does: a registry is often reached through a company's own certificate.
    settings = [
        "--system-certs",
        "--universal",
        "--python-version",
        "3.11",
        "--generate-hashes",
        "--no-emit-index-url",
        "--no-header",
    ]
    for lock, sources in LOCKS.items():
        command = [uv, "pip", "compile", "--quiet", *settings, *sys.argv[1:], *sources, "--output-file", lock]
        subprocess.run(command, cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
