"""Builds what we need in Go into build/tools: the tools that people bring to a gRPC server, and our own Go programs.

Entered by `make tools`, `make clients` and `make audit`, each for the parts it needs. Versions and hashes stand in the
go.mod and go.sum of each folder; it never downloads a Go toolchain, and without one it says so in one line.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / "build" / "tools"
STAMPS = ROOT / "build" / "stamps"
LOG = ROOT / "build" / "tools.log"
_SOURCES = {".go", ".mod", ".sum", ".json"}


class BuildError(Exception):
    """Go is not here or ended with an error; the text says which, in words for people."""


@dataclass(frozen=True)
class Module:
    """A folder with a go.mod, the programs built from it by package, and the other folders it compiles."""

    folder: str
    programs: dict[str, str]
    also: tuple[str, ...] = ()


PEERS = Module(
    "tests/interop/tools",
    {
        "grpcurl": "github.com/fullstorydev/grpcurl/cmd/grpcurl",
        "ghz": "github.com/bojand/ghz/cmd/ghz",
        "grpc_health_probe": "github.com/grpc-ecosystem/grpc-health-probe",
    },
)
GENERATORS = Module(
    "clients/go/tools",
    {
        "protoc-gen-go": "google.golang.org/protobuf/cmd/protoc-gen-go",
        "protoc-gen-go-grpc": "google.golang.org/grpc/cmd/protoc-gen-go-grpc",
    },
)
AUDITOR = Module("clients/go/tools", {"govulncheck": "golang.org/x/vuln/cmd/govulncheck"})
EXAMPLE = Module("clients/go", {"go-example": "./examples/route", "go-ask": "./examples/ask"})
CALLER = Module("tests/interop/go", {"go-caller": "."}, also=("clients/go",))
ALL = (PEERS, GENERATORS, EXAMPLE, CALLER)


def main() -> int:
    """Build what is missing or changed; the exit status is 1 only when ATP_REQUIRE_TOOLS=1 and something is missing."""
    try:
        build(ALL)
    except BuildError as error:
        if os.environ.get("ATP_REQUIRE_TOOLS") == "1":
            print(f"ATP_REQUIRE_TOOLS=1 asks for the Go tools: {error}.", file=sys.stderr)
            return 1
        print(f"Go tools not built, tests and pages that use them are skipped: {error}.")
    return 0


def program(name: str) -> Path:
    """Where a program is once it is built."""
    return TOOLS / name


def build(modules: Iterable[Module]) -> None:
    """Build the programs of these modules, those that are missing or older than their sources.

    Raises:
        BuildError: there is no Go, or it could not build; build/tools.log holds what it said.
    """
    if (go := shutil.which("go")) is None:
        raise BuildError("go is not on the PATH; install Go 1.26 or newer and run `make tools`")
    for module in modules:
        stamp = STAMPS / f"go-{'-'.join(module.programs)}"
        wanted = fingerprint(go, module)
        are_here = all(program(name).is_file() for name in module.programs)
        if are_here and stamp.is_file() and stamp.read_text() == wanted:
            continue
        print(f"Building {', '.join(module.programs)} ...", flush=True)
        for name, package in module.programs.items():
            _build(go, module, program(name), package)
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.write_text(wanted)


def fingerprint(go: str, module: Module) -> str:
    """Digest of the compiler's version and of every source in the module's folders."""
    version = subprocess.run([go, "version"], capture_output=True, check=False).stdout
    digest = hashlib.sha256(version)
    for folder in (module.folder, *module.also):
        for path in sorted(path for path in (ROOT / folder).rglob("*") if path.suffix in _SOURCES):
            digest.update(f"{path.relative_to(ROOT).as_posix()}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _build(go: str, module: Module, destination: Path, package: str) -> None:
    command = [go, "build", "-trimpath", "-buildvcs=false", "-mod=readonly", "-ldflags=-s -w"]
    # A toolchain is the choice of the machine, not of a go.mod.
    environment = {**os.environ, "GOTOOLCHAIN": "local", "GOWORK": "off"}
    LOG.parent.mkdir(parents=True, exist_ok=True)
    with LOG.open("w") as log:
        done = subprocess.run(
            [*command, "-o", str(destination), package],
            cwd=ROOT / module.folder,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode:
        said = LOG.read_text().strip().splitlines() or ["it said nothing"]
        raise BuildError(f"go could not build {destination.name} ({said[-1].strip()}; all of it in build/tools.log)")


if __name__ == "__main__":
    sys.exit(main())
