"""What is given to others works without the checkout: it is built, installed into a clean environment and run there."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tools import wheel

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements" / "dev.lock"
UV = Path(sys.executable).with_name("uv")
pytestmark = pytest.mark.timeout(240)


@dataclass(frozen=True)
class Installed:
    """A clean environment that holds the distributions and what they declare to need, and an empty folder to be in."""

    environment: Path
    folder: Path
    has_native: bool

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Runs a program of the environment, far from the checkout."""
        program, *arguments = command
        return subprocess.run(
            [str(self.environment / "bin" / program), *arguments],
            cwd=self.folder,
            env=clean(**variables),
            capture_output=True,
            text=True,
            check=False,
        )


def clean(**variables: str) -> dict[str, str]:
    """This process's environment without what could lead back to the checkout or change a setting."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("ATP_", "PYTHON", "VIRTUAL"))
    }
    return {**inherited, **variables}


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    wheel.build(folder)
    return folder


@pytest.fixture(scope="module")
def installed(distributions: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Versions and hashes are those of the lock; the packages come from the cache when they are there."""
    folder = tmp_path_factory.mktemp("clean")
    environment = folder / "venv"
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, environment], check=True)
    (built,) = distributions.glob("atp_grpc-*.whl")
    has_native = bool(list(distributions.glob("atp_native-*.whl")))
    if not has_native and os.environ.get("ATP_REQUIRE_NATIVE") == "1":
        pytest.fail("ATP_REQUIRE_NATIVE=1 and there is no wheel of atp-native")
    wanted = f"atp-grpc{'[native]' if has_native else ''} @ {built.as_uri()}"
    python = str(environment / "bin" / "python")
    install = [str(UV), "pip", "install", "--quiet", "--system-certs", "--python", python]
    install += ["--constraint", str(LOCK), "--find-links", str(distributions), wanted]
    if subprocess.run([*install, "--offline"], capture_output=True, check=False).returncode:
        subprocess.run(install, check=True)
    # As pip does; uv leaves it to the first import.
    subprocess.run(
        [python, "-m", "compileall", "-q", *environment.glob("lib/python*/site-packages/atp_grpc")], check=True
    )
    (folder / "empty").mkdir()
    return Installed(environment, folder / "empty", has_native)


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(distributions: Path) -> None:
    (built,) = distributions.glob("atp_grpc-*.whl")
    with zipfile.ZipFile(built) as contents:
        packed = {name for name in contents.namelist() if ".dist-info/" not in name}
    here = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "atp_grpc").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    assert packed == here
    assert {"atp_grpc/py.typed", "atp_grpc/client/service_config.json", "atp_grpc/catalog/demonstration.toml"} <= packed
    assert {"atp_grpc/engine/text_table.bin", "atp_grpc/engine/text_table.LICENSE"} <= packed


def test_the_sdist_holds_what_building_needs_and_no_leftovers(distributions: Path) -> None:
    (built,) = distributions.glob("atp_grpc-*.tar.gz")
    with tarfile.open(built) as contents:
        packed = {name.partition("/")[2] for name in contents.getnames()}

    assert {
        "pyproject.toml",
        "LICENSE",
        "README.md",
        "tools/build_hook.py",
        "protos/atp/v1/route_service.proto",
    } <= packed
    assert [name for name in packed if "__pycache__" in name or name.startswith((".atp", "build", "tests"))] == []


def test_what_the_wheel_declares_is_all_that_it_needs(installed: Installed) -> None:
    checked = subprocess.run(
        [UV, "pip", "check", "--python", installed.environment / "bin" / "python"],
        capture_output=True,
        text=True,
        check=False,
    )
    where = installed.run("python", "-I", "-c", "import atp_grpc; print(atp_grpc.__file__)").stdout

    assert checked.returncode == 0, checked.stderr
    assert Path(where).is_relative_to(installed.environment)


def test_every_module_imports_on_its_own_without_a_warning_and_without_doing_anything(installed: Installed) -> None:
    script = ROOT / "tests" / "packaging" / "import_each.py"
    ended = installed.run("python", "-I", "-B", "-W", "error", str(script))

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("import nowhere_to_be_found", "ModuleNotFoundError"),
        ("import warnings\nwarnings.warn('old', DeprecationWarning)", "DeprecationWarning"),
        ("import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()", "threads"),
        ("import pathlib\npathlib.Path('left.txt').write_text('here')", "open"),
        ("import socket\nsocket.create_server(('127.0.0.1', 0))", "socket.bind"),
    ],
)
def test_a_module_that_cannot_stand_alone_or_does_something_is_noticed(
    installed: Installed, source: str, complaint: str
) -> None:
    (package,) = installed.environment.glob("lib/python*/site-packages/atp_grpc")
    bad = package / "bad_neighbour.py"
    bad.write_text(f"{source}\n")
    try:
        script = ROOT / "tests" / "packaging" / "import_each.py"
        ended = installed.run("python", "-I", "-B", "-W", "error", str(script), "atp_grpc.bad_neighbour")
    finally:
        bad.unlink()

    assert ended.returncode == 1
    assert ended.stdout.startswith("atp_grpc.bad_neighbour: ")
    assert complaint in ended.stdout


def test_the_installed_program_says_what_it_is_and_judges_settings(installed: Installed) -> None:
    version = installed.run("atp", "version")
    check = installed.run("atp", "config", "check")
    wrong = installed.run("atp", "config", "check", ATP_SERVER_PORT="everywhere")

    (built,) = re.findall(r"__version__ = \"(.+)\"", (ROOT / "atp_grpc/__init__.py").read_text())
    assert f"atp: {built}\n" in version.stdout
    assert ("native engine: none" in version.stdout) is not installed.has_native
    assert (check.returncode, check.stderr) == (0, "")
    assert wrong.returncode == 2


@pytest.fixture
def served(installed: Installed) -> Iterator[tuple[subprocess.Popen[str], str, list[str]]]:
    """A running `atp serve` of the environment, its key, and what it printed."""
    command = [str(installed.environment / "bin" / "atp"), "serve", "--port=0", "--ops-port=0"]
    with (
        (installed.folder / "server.log").open("w") as log,
        subprocess.Popen(
            command, cwd=installed.folder, env=clean(), stdout=subprocess.PIPE, stderr=log, text=True
        ) as process,
    ):
        assert process.stdout is not None
        try:
            said: list[str] = []
            for line in process.stdout:
                said.append(line)
                if "ready on" in line:
                    break
            (key,) = re.findall(r"atp_dev_\w{20,}", "".join(said))
            yield process, key, said
        finally:
            process.kill()
    shutil.rmtree(installed.folder / ".atp")


def test_the_installed_server_decides_and_stops_when_told(
    installed: Installed, served: tuple[subprocess.Popen[str], str, list[str]]
) -> None:
    process, key, said = served
    (target,) = re.findall(r"ready on (\S+:\d+)", said[-1])

    routed = installed.run("atp", "route", "Name a prime.", "--json", ATP_TARGET=target, ATP_KEY=key)
    process.send_signal(signal.SIGTERM)

    assert (routed.returncode, routed.stderr) == (0, "")
    assert json.loads(routed.stdout)["feedback_token"]
    assert ("engine native" in said[-1]) is installed.has_native
    assert process.wait(timeout=60) == 0
