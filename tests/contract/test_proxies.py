"""The proxies of the drain tests: an installed one is used, a missing one is said in one sentence or is a failure."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import debian


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with nothing on it; gives the folder where programs would be installed."""
    monkeypatch.setattr(debian, "FETCHED", tmp_path / "build")
    monkeypatch.setattr(debian, "SYSTEM_FOLDERS", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("ATP_REQUIRE_PROXIES", raising=False)
    return tmp_path


def put(program: Path, script: str = "exit 0") -> None:
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def test_without_debian_the_drain_tests_are_skipped_and_one_line_for_each_says_why(
    bare_machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert debian.main() == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert all("will be skipped: it is not installed, and without apt-get" in line for line in lines)


def test_without_debian_a_required_proxy_is_a_failure(
    bare_machine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ATP_REQUIRE_PROXIES", "1")
    assert debian.main() == 1
    assert "ATP_REQUIRE_PROXIES=1 asks for one" in capsys.readouterr().err


def test_without_a_network_the_reason_is_the_package_that_cannot_be_had(
    bare_machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for tool in ("apt-get", "dpkg-deb", "ldd"):
        put(bare_machine / tool, "exit 100")
    assert debian.main() == 0
    assert "Debian's package haproxy cannot be downloaded" in capsys.readouterr().out


def test_an_installed_proxy_is_used_and_nothing_is_fetched(
    bare_machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in debian.PROGRAMS:
        put(bare_machine / name)
    assert debian.main() == 0
    assert capsys.readouterr().out == ""
    assert [debian.find(name) for name in debian.PROGRAMS] == [bare_machine / name for name in debian.PROGRAMS]
