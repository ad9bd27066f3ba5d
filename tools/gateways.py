"""Installs the gateways that the Ask benches measure beside ATP into build/gateways, each apart from the project.

Entered by `make gateways`; the benches leave a gateway out that is not there. Versions and hashes stand in
requirements/gateways.lock and tests/bench/gateways/package-lock.json. Portkey's server library, @hono/node-server, is
held at the version of Portkey's own lock: with those after 1.14.2, which its package admits too, it answers every
streamed call with 500, because they hand it headers that cannot be changed.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GATEWAYS = ROOT / "build" / "gateways"
LITELLM = GATEWAYS / "litellm"
PORTKEY = GATEWAYS / "portkey"
_LOCK = ROOT / "requirements" / "gateways.lock"
_NODE_FILES = ROOT / "tests" / "bench" / "gateways"


def main() -> int:
    """Installs what is not there yet; the exit status is 1 when one of them could not be."""
    GATEWAYS.mkdir(parents=True, exist_ok=True)
    return max([_installed("LiteLLM proxy", _install_litellm), _installed("Portkey gateway", _install_portkey)])


def _installed(name: str, install: Callable[[], None]) -> int:
    try:
        install()
    except (OSError, subprocess.CalledProcessError) as fault:
        print(f"{name}: not installed ({fault})", file=sys.stderr)
        return 1
    print(f"{name}: installed")
    return 0


def _install_litellm() -> None:
    stamp = LITELLM / "installed.lock"
    if stamp.exists() and stamp.read_bytes() == _LOCK.read_bytes():
        return
    venv.create(LITELLM, clear=True, with_pip=True)
    pip = [str(LITELLM / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--require-hashes", "--requirement", str(_LOCK)], check=True)
    stamp.write_bytes(_LOCK.read_bytes())


def _install_portkey() -> None:
    if shutil.which("npm") is None:
        raise OSError("there is no npm")
    PORTKEY.mkdir(exist_ok=True)
    stamp, lock = PORTKEY / "installed.json", _NODE_FILES / "package-lock.json"
    if stamp.exists() and stamp.read_bytes() == lock.read_bytes():
        return
    for name in ("package.json", "package-lock.json"):
        shutil.copy(_NODE_FILES / name, PORTKEY / name)
    # Without the scripts of packages: what a gateway runs is its own business only once it is started.
    subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], cwd=PORTKEY, check=True)
    stamp.write_bytes(lock.read_bytes())


if __name__ == "__main__":
    sys.exit(main())
