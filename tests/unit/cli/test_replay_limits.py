"""`atp replay` under limits, through changes, and with a prior whose weight it finds itself."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from atp_grpc.cli.program import run
from tests.unit.replay.made import Outcomes, plain_law, write_file

COUNT = 60


def without_latency(number: int, chance: random.Random) -> Outcomes:
    outcomes = plain_law(number, chance)
    del outcomes["dear"]["latency_ms"]
    return outcomes


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Outcome files of two models with and without latencies, and a prior."""
    write_file(tmp_path / "two.jsonl", COUNT)
    write_file(tmp_path / "slow.jsonl", COUNT, without_latency, prefix="s")
    write_file(tmp_path / "prior.jsonl", COUNT, prefix="q")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def replay(*arguments: str) -> int:
    return run(["replay", *arguments, "--jobs", "1"])


def figures(path: str = "out.json") -> dict[str, Any]:
    document: dict[str, Any] = json.loads(Path(path).read_text())
    return document


def test_each_limit_is_a_setting_of_its_own(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    limits = ("--ceiling-usd-per-1k", "0.5", "2", "--quality-floor", "0.5", "--quality-floor-of-best", "0.9")
    assert replay("two.jsonl", *limits, "--latency-slo-ms", "900", "--json", "out.json") == 0

    settings = {setting["setting"]: setting for setting in figures()["two"]["settings"]}
    assert settings.keys() == {"ceiling=0.5", "ceiling=2", "floor=0.5", "floor_of_best=0.9", "slo_ms=900"}
    assert {"spend", "run_max"} <= settings["ceiling=0.5"].keys()
    assert {"floor_kept", "floor_worst"} <= settings["floor=0.5"].keys()
    assert {"slo_kept", "latency_p95_seconds"} <= settings["slo_ms=900"].keys()
    assert "run_max" in capsys.readouterr().out


@pytest.mark.parametrize("drift", ["price", "quality", "new-model"])
def test_a_change_in_the_middle_is_judged_by_how_it_was_taken(
    folder: Path, capsys: pytest.CaptureFixture[str], drift: str
) -> None:
    assert replay("two.jsonl", "--drift", drift, "--seeds", "2", "--json", "out.json") == 0

    told = figures()["two"]
    assert (told["drift"], len(told["requests"])) == (drift, 2)
    assert drift in capsys.readouterr().out


def test_the_weight_of_a_prior_is_found_and_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert replay("two.jsonl", "--prior", "prior.jsonl", "--json", "out.json") == 0
    assert replay("two.jsonl", "--prior", "prior.jsonl", "--prior-weight", "auto", "--json", "auto.json") == 0
    assert replay("two.jsonl", "--prior", "prior.jsonl", "--prior-weight", "0.3", "--json", "given.json") == 0

    assert figures() == figures("auto.json")
    assert figures()["two"]["prior_weights"][0] in {0.05, 0.1, 0.2, 0.5, 1.0}
    assert figures("given.json")["two"]["prior_weights"] == [0.3]
    assert "a row of the prior counts: " in capsys.readouterr().out


def test_features_are_short_for_a_schema_and_its_dimension(folder: Path) -> None:
    long = ("--set", "policy.feature_schema=text.v1", "--set", "policy.feature_dimension=47")
    assert replay("two.jsonl", "--features", "text.v1", "--choices", "one.jsonl") == 0
    assert replay("two.jsonl", *long, "--choices", "two_.jsonl") == 0

    assert Path("one.jsonl").read_bytes() == Path("two_.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("two.jsonl", "--sweep", "--quality-floor", "0.5"), "--sweep goes with ceilings"),
        (("two.jsonl", "--sweep", "--drift", "price"), "--drift is judged by itself"),
        (("two.jsonl", "--drift", "price", "--choices", "c.jsonl"), "--drift is judged by itself"),
        (("slow.jsonl", "--latency-slo-ms", "9"), "no latencies"),
        (("two.jsonl", "--quality-floor", "0"), "0 is no limit"),
        (("two.jsonl", "--features", "acme.v1"), "--features"),
        (("two.jsonl", "--prior-weight", "0.5"), "--prior-weight needs a prior"),
        (("two.jsonl", "--prior", "prior.jsonl", "--prior-weight", "0"), "no prior"),
    ],
)
def test_limits_and_changes_that_do_not_go_together_are_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: Sequence[str], sentence: str
) -> None:
    assert replay(*arguments) == 2
    assert sentence in capsys.readouterr().err
    assert not Path("c.jsonl").exists()
