"""Compares the contract with the one of the last release, so that a released client never stops working.

Entered by the contract tests and by hand; `buf breaking` with the FILE rules judges. It never judges protos of others,
and before the first git tag there is nothing to compare with, which it says.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def last_release() -> str | None:
    """The nearest git tag, or None where there is none yet (or no git at all)."""
    if shutil.which("git") is None:
        return None
    described = subprocess.run(
        ["git", "describe", "--tags", "--abbrev=0"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return described.stdout.strip() or None


def breaks_since(release: str) -> str:
    """What a client built against `release` would trip over, one finding a line; empty when nothing.

    Raises:
        subprocess.CalledProcessError: the tag cannot be read.
    """
    archive = subprocess.run(["git", "archive", release, "protos"], cwd=ROOT, capture_output=True, check=True).stdout
    with tempfile.TemporaryDirectory() as scratch, tarfile.open(fileobj=io.BytesIO(archive)) as contents:
        contents.extractall(scratch, filter="data")
        return breaks_against(Path(scratch) / "protos")


def breaks_against(earlier: Path) -> str:
    """The same, against a folder of protos; ours and theirs are compiled with the third-party protos of today."""
    with tempfile.TemporaryDirectory() as scratch:
        workspace = Path(scratch)
        shutil.copytree(earlier, workspace / "protos", ignore=shutil.ignore_patterns("third_party"))
        shutil.copytree(ROOT / "protos" / "third_party", workspace / "protos" / "third_party")
        shutil.copy(ROOT / "buf.yaml", workspace)
        buf = str(Path(sys.executable).with_name("buf"))
        judged = subprocess.run(
            [buf, "breaking", "--against", scratch], cwd=ROOT, capture_output=True, text=True, check=False
        )
    return (judged.stdout + judged.stderr).strip() if judged.returncode else ""


def main() -> int:
    """Print the verdict; the exit status is 1 when the contract breaks the last release."""
    release = last_release()
    if release is None:
        print("No release is tagged yet, so there is no contract to break.")
        return 0
    if findings := breaks_since(release):
        print(f"The contract breaks clients of {release}:\n{findings}")
        return 1
    print(f"The contract keeps every promise of {release}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
