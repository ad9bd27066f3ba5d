"""The locks pin every file by hash, cover what we declare, and work behind any registry."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))
DEV_LOCK = ROOT / "requirements" / "dev.lock"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
SHA256 = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def normal(name: str) -> str:
    """The name of a distribution as registries compare it: lower case, runs of punctuation as one dash."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned(lock: Path) -> dict[str, list[str]]:
    """Each requirement of a lock, by name, with the lines that belong to it."""
    logical_lines = lock.read_text().replace("\\\n", " ").splitlines()
    found: dict[str, list[str]] = {}
    for line in logical_lines:
        if line.strip() and not line.lstrip().startswith("#"):
            found.setdefault(normal(re.split(r"[=<>~!;\[ ]", line, maxsplit=1)[0]), []).append(line)
    return found


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_every_requirement_is_one_version_with_hashes(lock: Path) -> None:
    requirements = [line for lines in pinned(lock).values() for line in lines]

    assert requirements
    assert [line[:60] for line in requirements if not re.match(r"[a-z0-9._-]+==[^ ]+ ", line)] == []
    assert [line[:60] for line in requirements if not SHA256.search(line)] == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_a_lock_names_no_address(lock: Path) -> None:
    assert (
        re.findall(r"\S*://\S*|--(?:extra-)?index\S*|--find-links\S*|--trusted-host\S*|@ \S+", lock.read_text()) == []
    )


def test_locks_are_there_for_every_input() -> None:
    inputs = {path.stem for path in (ROOT / "requirements").glob("*.in")}

    assert inputs == {path.stem for path in LOCKS} == {"audit", "dev", "gateways", "protos"}


def test_development_lock_covers_every_declared_dependency() -> None:
    declared = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["plots"]]
    declared += [line for line in (ROOT / "requirements/dev.in").read_text().splitlines() if not line.startswith("#")]
    names = {normal(re.split(r"[=<>~!;\[ ]", line, maxsplit=1)[0]) for line in declared if line.strip()}

    assert "grpcio" in names
    assert names - pinned(DEV_LOCK).keys() == set()


def test_stubs_are_made_by_the_compiler_of_the_lowest_grpcio_we_support() -> None:
    (floor,) = {line.split(">=")[1] for line in PROJECT["dependencies"] if line.startswith("grpcio>=")}
    stub = (ROOT / "atp_grpc/pb/atp/v1/route_service_pb2_grpc.py").read_text()

    assert f"GRPC_GENERATED_VERSION = '{floor}'" in stub
    assert f"grpcio-tools=={floor}" in (ROOT / "requirements/dev.in").read_text()
    assert f"grpcio-tools=={floor}" in (ROOT / "pyproject.toml").read_text()
