"""`atp prior build` writes one file that says how it was made, and refuses before it writes anything."""

from __future__ import annotations

import dataclasses
import json
import random
from pathlib import Path

import pytest

from atp_grpc.cli.program import run
from atp_grpc.engine.checkpoint import decode, encode
from atp_grpc.engine.contract import Arm, EngineParameters, Offer
from atp_grpc.engine.merging import scale
from atp_grpc.engine.reference import ReferenceEngine
from atp_grpc.learning.prior import decode_prior, digest_of
from tests.unit.replay.made import Outcomes, plain_law, write_file

COUNT = 80


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    price = {"input_usd_per_mtok": 1, "output_usd_per_mtok": 2}
    document = {"sources": {"made": {"cheap": price, "dear": price}}, "pools": {"pair": ["cheap", "dear"]}}
    (tmp_path / "models.json").write_text(json.dumps(document))
    write_file(tmp_path / "made.jsonl", COUNT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def build(*arguments: str) -> int:
    return run(["prior", "build", *arguments])


def test_a_prior_says_what_it_is_made_of(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert build("made.jsonl", "--out", "p.atp", "--ceiling-usd-per-1k", "0.5", "5", "--json") == 0

    told, data = json.loads(capsys.readouterr().out), Path("p.atp").read_bytes()
    header = decode_prior(data).header
    assert told["digest"] == digest_of(data)
    assert (told["rows"], told["models"]) == (COUNT, ["cheap", "dear"])
    assert told["row_weight"] == header.row_weight
    assert [trial[0] for trial in told["trials"]] == [0.05, 0.1, 0.2, 0.5, 1.0]
    tight, loose = told["first_prices"]
    assert tight["price"] > 0
    assert loose["price"] == 0


def test_the_same_outcomes_are_the_same_file(folder: Path) -> None:
    assert build("made.jsonl", "--out", "one.atp") == build("made.jsonl", "--out", "two.atp") == 0
    assert Path("one.atp").read_bytes() == Path("two.atp").read_bytes()


def test_a_weight_that_is_given_is_taken_and_scales_what_is_known(folder: Path) -> None:
    assert build("made.jsonl", "--out", "full.atp", "--row-weight", "1") == 0
    assert build("made.jsonl", "--out", "half.atp", "--row-weight", "0.5") == 0

    full, half = (decode_prior(Path(f"{name}.atp").read_bytes()) for name in ("full", "half"))
    assert (half.header.row_weight, half.header.trials) == (0.5, ())
    assert half.state == scale(full.state, 0.5)


def test_no_outcome_is_a_tenant_s_own(folder: Path) -> None:
    assert build("made.jsonl", "--out", "p.atp") == 0
    assert not decode(decode_prior(Path("p.atp").read_bytes()).state).tenants


def test_a_row_that_lacks_a_model_teaches_of_the_others(folder: Path) -> None:
    def law(number: int, chance: random.Random) -> Outcomes:
        return plain_law(number, chance) | ({"third": {"quality": 1.0}} if number % 2 else {})

    write_file(folder / "holes.jsonl", COUNT, law, prefix="h")
    assert build("holes.jsonl", "--out", "p.atp", "--row-weight", "1") == 0

    state = decode(decode_prior(Path("p.atp").read_bytes()).state)
    assert {name: arm.moments[0] for name, arm in state.arms.items()} == {
        "cheap": COUNT,
        "dear": COUNT,
        "third": COUNT / 2,
    }


def test_tokens_that_were_counted_go_before_the_bill(folder: Path) -> None:
    def law(number: int, chance: random.Random) -> Outcomes:
        outcomes = plain_law(number, chance)
        outcomes["cheap"]["output_tokens"] = 7
        return outcomes

    write_file(folder / "made.jsonl", COUNT, law)
    assert build("made.jsonl", "--out", "p.atp", "--row-weight", "1") == 0

    data = Path("p.atp").read_bytes()
    state = decode(decode_prior(data).state)
    parameters = EngineParameters("any", "own.v1", state.dimension, cost_scale_nano_usd=1.0, latency_scale_seconds=1.0)
    engine = ReferenceEngine(parameters)
    engine.load([Arm("cheap")], [Offer(0, 1, 1)], 1)
    engine.restore(encode(dataclasses.replace(state, pool="any", schema="own.v1")))
    [cheap] = engine.summary(0).arms
    assert cheap.output_tokens == pytest.approx(7, abs=4)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("gone.jsonl", "--out", "p.atp"), "gone.jsonl: cannot be read"),
        (("made.jsonl", "--out", "no/p.atp"), "no folder"),
        (("made.jsonl", "--out", "made.jsonl"), "a file that is read"),
        (("made.jsonl", "--out", "p.atp", "--pool", "nobody"), "no pool 'nobody'"),
        (("made.jsonl", "--out", "p.atp", "--pool", "cheap,nobody"), "no row has the model 'nobody'"),
        (("made.jsonl", "--out", "p.atp", "--row-weight", "0"), "a weight of 0 is no prior"),
        (("made.jsonl", "--out", "p.atp", "--set", "server.port=1"), "settings of the policy only"),
        (("made.jsonl", "--out", "p.atp", "--learner", "nobody"), "policy.learner"),
    ],
)
def test_what_cannot_be_is_told_and_nothing_is_written(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], sentence: str
) -> None:
    before = sorted(path.name for path in folder.iterdir())
    assert build(*arguments) == 2
    assert sentence in capsys.readouterr().err
    assert sorted(path.name for path in folder.iterdir()) == before


@pytest.mark.parametrize("arguments", [("apply", "gone.atp"), ("apply", "models.json", "--target", "127.0.0.1:1")])
def test_a_prior_that_is_not_there_or_no_server_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert run(["prior", *arguments]) == (2 if arguments[1] == "gone.atp" else 1)
    assert capsys.readouterr().err
