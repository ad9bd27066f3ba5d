"""Builds what is given to others into dist/: sdist and wheel of atp-grpc, and atp-native's wheel where there is Rust.

Entered by `make wheel` and by the packaging tests. The wheel is built from the unpacked sdist, so whatever the sdist
forgets is missing in both; it never uploads anything.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"


class BuildError(Exception):
    """A distribution could not be built."""


def main() -> int:
    """Build into dist/, which is emptied first, and name what came of it."""
    shutil.rmtree(DIST, ignore_errors=True)
    for built in build(DIST):
        print(built.relative_to(ROOT))
    if not list(DIST.glob("atp_native-*")):
        print("No wheel of atp-native was built: cargo is not on the PATH.")
    return 0


def build(destination: Path) -> list[Path]:
    """Build everything into a folder and give the files.

    Raises:
        BuildError: hatchling or maturin ended with an error; the text is what it said.
    """
    destination.mkdir(parents=True, exist_ok=True)
    _hatchling(ROOT, "sdist", destination)
    (sdist,) = destination.glob("atp_grpc-*.tar.gz")
    with tempfile.TemporaryDirectory() as scratch:
        with tarfile.open(sdist) as contents:
            contents.extractall(scratch, filter="data")
        _hatchling(Path(scratch) / sdist.name.removesuffix(".tar.gz"), "wheel", destination)
    if shutil.which("cargo") is not None:
        # Not the wheel that set-up left behind: that one is as old as the last set-up.
        build_native = [
            "maturin",
            "build",
            "--release",
            "--locked",
            "--compatibility",
            "linux",
            "--out",
            str(destination),
        ]
        _run(ROOT / "native", *build_native)
    return sorted(destination.iterdir())


def _hatchling(source: Path, target: str, destination: Path) -> None:
    # Without isolation: everything that building needs is pinned in this environment.
    _run(source, "hatchling", "build", "--target", target, "--directory", str(destination))


def _run(source: Path, module: str, *arguments: str) -> None:
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(done.stdout + done.stderr)


if __name__ == "__main__":
    sys.exit(main())
