"""Set-up says in one sentence what a machine lacks, and builds Rust only when Rust changed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools import native

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout of nothing but the crate and the script that builds it."""
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools/native.py", tmp_path / "tools")
    shutil.copytree(ROOT / "native", tmp_path / "native", ignore=shutil.ignore_patterns("target"))
    return tmp_path


def set_up_native(checkout: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(checkout / "tools/native.py")]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_without_cargo_the_reference_engine_serves_and_one_line_says_how_to_get_the_other(checkout: Path) -> None:
    ended = set_up_native(checkout, PATH="")

    assert ended.returncode == 0
    assert ended.stdout.count("\n") == 1
    assert "reference engine" in ended.stdout
    assert "install Rust" in ended.stdout
    assert ended.stderr == ""


def test_without_cargo_set_up_fails_where_the_native_engine_is_required(checkout: Path) -> None:
    ended = set_up_native(checkout, PATH="", ATP_REQUIRE_NATIVE="1")

    assert ended.returncode == 1
    assert "cargo is not on the PATH" in ended.stderr


def test_a_failed_build_is_told_apart_from_a_missing_cargo(checkout: Path, tmp_path: Path) -> None:
    cargo = tmp_path / "bin/cargo"
    cargo.parent.mkdir()
    cargo.write_text("#!/bin/sh\necho this cargo builds nothing >&2\nexit 1\n")
    cargo.chmod(0o755)
    path = os.pathsep.join([str(cargo.parent), "/usr/bin", "/bin"])

    lenient = set_up_native(checkout, PATH=path)
    strict = set_up_native(checkout, PATH=path, ATP_REQUIRE_NATIVE="1")

    assert lenient.returncode == 0
    assert "its build failed, see build/native.log" in lenient.stdout
    assert strict.returncode == 1
    assert "this cargo builds nothing" in strict.stderr


def test_fingerprint_follows_sources_and_ignores_tests_and_build_output(checkout: Path) -> None:
    crate = checkout / "native"
    before = native.fingerprint(crate)

    (crate / "target").mkdir()
    (crate / "target/made.rs").write_text("// made by the compiler")
    (crate / "tests").mkdir(exist_ok=True)
    (crate / "tests/another.rs").write_text("// a test")
    assert native.fingerprint(crate) == before

    (crate / "src/another.rs").write_text("// a source")
    assert native.fingerprint(crate) != before


def test_an_old_python_is_refused_in_one_sentence(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text('#!/bin/sh\nif [ "$1" = --version ]; then echo Python 3.9.2; else exit 1; fi\n')
    old.chmod(0o755)
    command = ["sh", str(ROOT / "tools/venv.sh"), str(old), str(tmp_path / "venv")]

    ended = subprocess.run(command, capture_output=True, text=True, check=False)

    assert ended.returncode == 1
    assert ended.stderr.startswith("ATP needs Python 3.11 or newer")
    assert "Python 3.9.2" in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert not (tmp_path / "venv").exists()
