"""Builds the Rust engine and puts it into this environment, when its sources changed since the last time.

Entered by `make setup` only, with the interpreter of the environment that gets the engine. Without cargo it says in one
line that the reference engine serves instead; it never installs a Rust toolchain by itself.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CRATE = ROOT / "native"
STAMP = ROOT / "build" / "stamps" / "native"
WHEELS = ROOT / "build" / "wheels"
LOG = ROOT / "build" / "native.log"

SOURCE_SUFFIXES = {".rs", ".json", ".toml", ".lock", ".pyi", ".typed"}


class BuildError(Exception):
    """maturin or pip ended with an error; build/native.log holds what they said."""


def main() -> int:
    """Build if needed; the exit status is 1 only when ATP_REQUIRE_NATIVE=1 and there is no native engine."""
    if not (CRATE / "Cargo.toml").is_file():
        print("This checkout has no native/, so ATP runs on its reference engine (same answers, slower).")
        return int(_is_required())
    digest = fingerprint(CRATE)
    if STAMP.is_file() and STAMP.read_text() == digest and _installed():
        return 0
    _forget()
    LOG.unlink(missing_ok=True)
    if shutil.which("cargo") is None:
        return _without_native("cargo is not on the PATH")
    try:
        _build_and_install()
    except BuildError:
        return _without_native(f"its build failed, see {LOG.relative_to(ROOT)}")
    STAMP.parent.mkdir(parents=True, exist_ok=True)
    STAMP.write_text(digest)
    return 0


def fingerprint(crate: Path) -> str:
    """Digest of this environment and of the sources that end up in the wheel (so not of tests and benches)."""
    digest = hashlib.sha256(sys.prefix.encode())
    for path in sorted(crate.rglob("*")):
        inside = path.relative_to(crate)
        if inside.parts[0] in {"target", "tests", "benches"} or path.suffix not in SOURCE_SUFFIXES:
            continue
        digest.update(f"{inside.as_posix()}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _build_and_install() -> None:
    print("Building the native engine (about a minute the first time) ...", flush=True)
    shutil.rmtree(WHEELS, ignore_errors=True)
    LOG.parent.mkdir(parents=True, exist_ok=True)
    maturin = [sys.executable, "-m", "maturin", "build", "--release", "--locked", "--compatibility", "linux"]
    _logged([*maturin, "--manifest-path", str(CRATE / "Cargo.toml"), "--out", str(WHEELS)])
    (wheel,) = WHEELS.glob("*.whl")
    _logged([sys.executable, "-m", "pip", "install", "--no-index", "--no-deps", "--force-reinstall", str(wheel)])


def _logged(command: list[str]) -> None:
    with LOG.open("a") as log:
        if subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=False).returncode:
            raise BuildError


def _forget() -> None:
    """Take out an engine that we built from older sources: both sides of the crossing have to be of one age."""
    if not STAMP.is_file():
        return
    STAMP.unlink()
    if _installed():
        subprocess.run([sys.executable, "-m", "pip", "--quiet", "uninstall", "--yes", "atp-native"], check=True)


def _installed() -> bool:
    try:
        version("atp-native")
    except PackageNotFoundError:
        return False
    return True


def _is_required() -> bool:
    return os.environ.get("ATP_REQUIRE_NATIVE") == "1"


def _rust_wanted() -> str:
    manifest = tomllib.loads((CRATE / "Cargo.toml").read_text())
    return str(manifest["package"]["rust-version"])


def _without_native(cause: str) -> int:
    way = f"install Rust {_rust_wanted()} or newer (rustup, or your distribution's cargo) and run `make setup` again"
    if _is_required():
        if LOG.is_file():
            print(*LOG.read_text().splitlines()[-30:], sep="\n", file=sys.stderr)
        print(f"No native engine, and ATP_REQUIRE_NATIVE=1 asks for one: {cause}; {way}.", file=sys.stderr)
        return 1
    print(f"Native engine not built, ATP runs on its reference engine (same answers, slower): {cause}; {way}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
