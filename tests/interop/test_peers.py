"""Set-up says in one sentence that there is no Go, and builds only what changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import peers


def test_without_go_one_line_says_what_is_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("ATP_REQUIRE_TOOLS", raising=False)

    assert peers.main() == 0
    said = capsys.readouterr()
    assert said.out.count("\n") == 1
    assert "go is not on the PATH" in said.out
    assert said.err == ""


def test_without_go_set_up_fails_where_the_tools_are_required(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("ATP_REQUIRE_TOOLS", "1")

    assert peers.main() == 1
    assert "go is not on the PATH" in capsys.readouterr().err


def test_a_build_that_fails_says_what_go_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go = tmp_path / "bin" / "go"
    go.parent.mkdir()
    go.write_text("#!/bin/sh\necho this go builds nothing >&2\nexit 1\n")
    go.chmod(0o755)
    monkeypatch.setenv("PATH", f"{go.parent}:/usr/bin:/bin")
    monkeypatch.setattr(peers, "STAMPS", tmp_path / "stamps")
    monkeypatch.setattr(peers, "TOOLS", tmp_path / "tools")
    monkeypatch.setattr(peers, "LOG", tmp_path / "tools.log")

    with pytest.raises(peers.BuildError, match="this go builds nothing"):
        peers.build([peers.CALLER])
    assert not (tmp_path / "stamps").exists()


def test_the_fingerprint_follows_the_sources_of_a_program_and_of_what_it_stands_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "ROOT", tmp_path)
    for folder in ("one", "other"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "main.go").write_text("package main\n")
    module = peers.Module("one", {"program": "."}, also=("other",))
    before = peers.fingerprint("true", module)

    (tmp_path / "other" / "notes.txt").write_text("no source")
    assert peers.fingerprint("true", module) == before

    (tmp_path / "other" / "main.go").write_text("package main // changed\n")
    assert peers.fingerprint("true", module) != before


@pytest.mark.parametrize("folder", ["tests/interop/tools", "tests/interop/go", "clients/go", "clients/go/tools"])
def test_every_go_module_pins_what_it_stands_on_by_hash(folder: str) -> None:
    required = {
        line.split()[0]
        for line in (peers.ROOT / folder / "go.mod").read_text().splitlines()
        if line.startswith("\t") and len(line.split()) >= 2 and line.split()[1].startswith("v")
    }
    hashed = {line.split()[0] for line in (peers.ROOT / folder / "go.sum").read_text().splitlines()}

    assert required
    # Our own client is beside its user.
    assert required - hashed <= {"atp.dev/go"}
