"""HAProxy and nginx for the tests that drain behind them: the installed ones, or Debian's packages without installing.

Entered by `make proxies`, which fetches what is missing into build/debian, and by tests, which only look. Nothing is
installed and no root is needed: apt downloads and verifies the packages, dpkg unpacks them beside the checkout's own
build output.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FETCHED = ROOT / "build" / "debian"
PROGRAMS = ("haproxy", "nginx")
LIBRARIES = {
    "libcrypt.so.1": "libcrypt1",
    "liblua5.3.so.0": "liblua5.3-0",
    "libopentracing-c-wrapper.so.0": "libopentracing-c-wrapper0",
    "libopentracing.so.1": "libopentracing1",
    "libpcre2-8.so.0": "libpcre2-8-0",
    "libssl.so.3": "libssl3",
    "libcrypto.so.3": "libssl3",
    "libsystemd.so.0": "libsystemd0",
    "libz.so.1": "zlib1g",
}
"""Package of each library that these programs need and a small system may lack."""
SYSTEM_FOLDERS = os.pathsep.join((os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"))
"""Servers lie where only administrators look."""
SECONDS_FOR_APT = 120


class MissingError(Exception):
    """Why a program cannot be had here."""


def main() -> int:
    """Fetch what is missing; the exit status is 1 only when ATP_REQUIRE_PROXIES=1 and something cannot be had."""
    is_required = os.environ.get("ATP_REQUIRE_PROXIES") == "1"
    for name in PROGRAMS:
        if find(name) is not None:
            continue
        try:
            fetch(name)
        except MissingError as reason:
            if is_required:
                print(f"No {name}, and ATP_REQUIRE_PROXIES=1 asks for one: {reason}", file=sys.stderr)
                return 1
            print(f"The drain tests behind {name} will be skipped: {reason}")
    return 0


def find(name: str) -> Path | None:
    """The program: an installed one, the one fetched before, or None."""
    installed = shutil.which(name, path=SYSTEM_FOLDERS)
    if installed is not None:
        return Path(installed)
    fetched = FETCHED / "bin" / name
    return fetched if fetched.is_file() else None


def fetch(name: str) -> None:
    """Download the program's package and the libraries that this system lacks; leave a command that finds them all.

    Raises:
        MissingError: this is no Debian, or its packages are out of reach.
    """
    for tool in ("apt-get", "dpkg-deb", "ldd"):
        if shutil.which(tool) is None:
            raise MissingError(f"it is not installed, and without {tool} Debian's package cannot be used")
    print(f"Fetching {name} from Debian's packages ...", flush=True)
    tree = FETCHED / name
    shutil.rmtree(tree, ignore_errors=True)
    _unpack(name, tree)
    program = tree / "usr" / "sbin" / name
    unpacked = {name}
    while lacking := _lacking(program, tree):
        for library in lacking:
            package = LIBRARIES.get(library, "")
            if not package or package in unpacked:
                raise MissingError(f"it needs {library}, which is in no package that is known here")
            _unpack(package, tree)
            unpacked.add(package)
    command = FETCHED / "bin" / name
    command.parent.mkdir(parents=True, exist_ok=True)
    folders = ":".join(map(str, _library_folders(tree)))
    command.write_text(f'#!/bin/sh\nLD_LIBRARY_PATH="{folders}" exec "{program}" "$@"\n')
    command.chmod(0o755)


def _unpack(package: str, tree: Path) -> None:
    archives = FETCHED / "archives"
    archives.mkdir(parents=True, exist_ok=True)
    if not _download(package, archives):
        # A fresh machine has no package lists; only root may fetch them.
        _run(["apt-get", "update", "-qq"], archives)
        if not _download(package, archives):
            raise MissingError(f"Debian's package {package} cannot be downloaded; `apt-get update` may help")
    (archive,) = archives.glob(f"{package}_*.deb")
    if not _run(["dpkg-deb", "--extract", str(archive), str(tree)], archives):
        raise MissingError(f"{archive.name} cannot be unpacked")


def _download(package: str, archives: Path) -> bool:
    for old in archives.glob(f"{package}_*.deb"):
        old.unlink()
    return _run(["apt-get", "download", "-qq", package], archives)


def _run(command: list[str], folder: Path) -> bool:
    try:
        ended = subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=SECONDS_FOR_APT)
    except subprocess.TimeoutExpired:
        return False
    return ended.returncode == 0


def _lacking(program: Path, tree: Path) -> list[str]:
    """Libraries that the program would not find."""
    environment = {**os.environ, "LD_LIBRARY_PATH": ":".join(map(str, _library_folders(tree)))}
    ended = subprocess.run(["ldd", str(program)], env=environment, capture_output=True, text=True, check=False)
    return re.findall(r"^\s*(\S+) => not found$", ended.stdout, re.MULTILINE)


def _library_folders(tree: Path) -> list[Path]:
    return sorted({library.parent for library in tree.rglob("lib*.so*")})


if __name__ == "__main__":
    sys.exit(main())
