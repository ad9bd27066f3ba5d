"""`atp eval` replays every outcome file of a folder in every way it allows, and prints one table of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from atp_grpc.cli.program import run
from atp_grpc.replay.choices import read_choices
from atp_grpc.replay.grading import OutcomeTable, score
from tests.unit.replay.made import pool_in, write_file

COUNT = 12


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "data").mkdir()
    write_file(tmp_path / "data" / "made.jsonl", COUNT)
    (tmp_path / "data" / "README.md").write_text("not an outcome file")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def evaluate(*arguments: str) -> int:
    small = ("--set", "policy.feature_schema=flags.v1", "--set", "policy.feature_dimension=15")
    return run(["eval", *arguments, *small, "--seeds", "1", "--jobs", "1"])


def test_every_part_is_measured_printed_and_kept(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    assert evaluate("data", "--out", "out") == 0

    printed = capsys.readouterr().out
    document = json.loads(Path("out/eval.json").read_text())
    assert document.keys() == {"made"}
    measured = [(part["measures"], part["start"]) for part in document["made"]]
    assert measured[:3] == [("sweep", "cold"), ("sweep", "warm"), ("sweep", "warm, other categories")]
    assert [kind for kind, _ in measured[3:-1]] == ["ceilings", "ceilings", "floors", "price", "quality", "new-model"]
    assert measured[-1][0] == "edits"
    assert "file: made" in printed
    for word in ("share_lin", "importance", "ceiling=", "floor_of_best=0.95", "new-model", "a typo"):
        assert word in printed
    kept = next(part["settings"] for part in document["made"] if part["measures"] == "ceilings")
    ceilings = [float(setting["setting"].removeprefix("ceiling=")) for setting in kept]
    assert ceilings == sorted(ceilings)
    assert [edit["prompts"] for edit in document["made"][-1]["edits"]] == [COUNT // 2] * 5
    assert len(document["made"][1]["prior_weights"]) == 2

    table = OutcomeTable.of("made", pool_in(Path("data/made.jsonl")))
    again = score(table, read_choices(Path("out/made-sweep-cold.choices.jsonl.gz")))
    assert document["made"][0]["metrics"] == json.loads(json.dumps(again.as_json()))["metrics"]
    assert Path("out/made-sweep-warm.svg").is_file()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [(("nowhere",), "no folder"), (("empty",), "no file that ends in"), (("data", "--pool", "a,b"), "pool")],
)
def test_a_folder_that_cannot_be_used_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], sentence: str
) -> None:
    (folder / "empty").mkdir()
    assert evaluate(*arguments) == 2
    assert sentence in capsys.readouterr().err
