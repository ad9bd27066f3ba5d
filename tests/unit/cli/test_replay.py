"""`atp replay` says what choices were worth, writes them for any scorer, and refuses before it writes anything."""

from __future__ import annotations

import gzip
import importlib.util
import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from atp_grpc.cli.program import run
from atp_grpc.replay.choices import read_choices
from atp_grpc.replay.grading import OutcomeTable, score
from tests.unit.replay.made import Outcomes, plain_law, pool_in, write_file

COUNT = 40


def three_law(number: int, chance: random.Random) -> Outcomes:
    return plain_law(number, chance) | {"third": {"quality": 0.3, "cost_usd": 0.001}}


def four_law(number: int, chance: random.Random) -> Outcomes:
    return three_law(number, chance) | {"fourth": {"quality": 1, "cost_usd": 1}}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Outcome files of two models, and of three; a prior for each; a list of pools and prices."""
    write_file(tmp_path / "two.jsonl", COUNT)
    write_file(tmp_path / "three.jsonl", COUNT, three_law, prefix="t")
    write_file(tmp_path / "prior.jsonl", COUNT, prefix="q")
    price = {"input_usd_per_mtok": 1, "output_usd_per_mtok": 2}
    document = {"sources": {"two": {"cheap": price}}, "pools": {"pair": ["third", "dear"]}}
    (tmp_path / "models.json").write_text(json.dumps(document))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def replay(*arguments: str) -> int:
    return run(["replay", *arguments, "--jobs", "1"])


def figures(path: str = "out.json") -> dict[str, Any]:
    document: dict[str, Any] = json.loads(Path(path).read_text())
    return document


def test_one_setting_is_compared_with_the_hull(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert replay("two.jsonl", "--json", "out.json") == 0

    printed = capsys.readouterr().out.splitlines()
    [setting] = figures()["two"]["settings"]
    assert "file: two" in printed
    assert (
        "\t".join(["0.1", *(f"{setting[name]:.4f}" for name in ("quality", "quality_sd", "usd_per_1k", "gain"))])
        in printed
    )
    assert figures()["two"]["metrics"] == {}


def test_a_sweep_has_the_metrics_of_its_choices(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert replay("two.jsonl", "--sweep", "--limit", "16", "--choices", "c.jsonl.gz", "--json", "out.json") == 0

    pool = pool_in(folder / "two.jsonl")
    table = OutcomeTable.of("two", type(pool)(pool.models, pool.rows[:16]))
    assert figures()["two"] == json.loads(json.dumps(score(table, read_choices(Path("c.jsonl.gz"))).as_json()))
    assert {"share_lin", "share_log", "apgr", "q0"} <= figures()["two"]["metrics"].keys()
    assert "share_lin: " in capsys.readouterr().out


def test_json_can_be_printed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert replay("two.jsonl", "--json", "-") == 0

    assert json.loads(capsys.readouterr().out).keys() == {"two"}


def test_several_files_are_told_apart(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert replay("two.jsonl", "three.jsonl", "--choices", "c.jsonl", "--seeds", "2") == 0

    lines = list(read_choices(Path("c.jsonl")))
    assert [line.dataset for line in lines] == ["two"] * 2 * COUNT + ["three"] * 2 * COUNT
    assert {line.seed for line in lines} == {0, 1}


def test_gzipped_files_are_called_by_their_name_alone(folder: Path) -> None:
    Path("packed.jsonl.gz").write_bytes(gzip.compress(Path("two.jsonl").read_bytes()))

    assert replay("packed.jsonl.gz", "--choices", "c.jsonl") == 0

    assert {line.dataset for line in read_choices(Path("c.jsonl"))} == {"packed"}


@pytest.mark.parametrize(("pool", "models"), [("pair", {"dear", "third"}), ("third,cheap", {"cheap", "third"})])
def test_a_pool_is_named_or_listed(folder: Path, pool: str, models: set[str]) -> None:
    assert replay("three.jsonl", "--pool", pool, "--choices", "c.jsonl", "--set", "policy.epsilon=1") == 0

    assert {line.model for line in read_choices(Path("c.jsonl"))} == models


def test_a_file_that_has_none_of_the_pool_keeps_its_own(folder: Path) -> None:
    price_list = json.dumps({"pools": {"pair": ["third", "fourth"]}})
    (folder / "other.json").write_text(price_list)
    write_file(folder / "four.jsonl", COUNT, four_law, prefix="f")
    arguments = ("two.jsonl", "four.jsonl", "--pool", "pair", "--models", "other.json", "--json", "out.json")

    assert replay(*arguments, "--set", "policy.epsilon=1", "--choices", "c.jsonl") == 0

    chosen = {(line.dataset, line.model) for line in read_choices(Path("c.jsonl"))}
    assert chosen == {("two", "cheap"), ("two", "dear"), ("four", "third"), ("four", "fourth")}


def test_the_simulated_world_needs_no_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert replay("--simulated", "30") == 0

    assert "file: simulated" in capsys.readouterr().out


def test_a_prior_and_its_weight_change_the_choices(folder: Path) -> None:
    written = []
    for arguments in ((), ("--prior", "prior.jsonl"), ("--prior", "prior.jsonl", "--prior-weight", "0.01")):
        assert replay("two.jsonl", *arguments, "--choices", "c.jsonl") == 0
        written.append(Path("c.jsonl").read_bytes())

    assert len(set(written)) == 3


def test_policy_settings_and_learners_change_the_choices(folder: Path) -> None:
    written = []
    for arguments in ((), ("--set", "policy.scale=1"), ("--learner", "ucb1"), ("--cost-weight", "3")):
        assert replay("two.jsonl", *arguments, "--choices", "c.jsonl") == 0
        written.append([line.model for line in read_choices(Path("c.jsonl"))])

    assert len({tuple(models) for models in written}) == 4


def test_the_same_command_writes_the_same_bytes(folder: Path) -> None:
    arguments = ("three.jsonl", "--halves", "category", "--seeds", "2", "--engine", "reference")
    assert replay(*arguments, "--choices", "one.gz") == 0
    assert run(["replay", *arguments, "--choices", "two.gz", "--jobs", "2"]) == 0

    assert Path("one.gz").read_bytes() == Path("two.gz").read_bytes()


def test_a_plot_is_drawn(folder: Path) -> None:
    pytest.importorskip("matplotlib")

    assert replay("two.jsonl", "--plot", "curve.svg") == 0

    assert "<svg" in Path("curve.svg").read_text()


def cut_short(folder: Path) -> None:
    (folder / "two.jsonl").write_bytes(gzip.compress((folder / "two.jsonl").read_bytes())[:-20])


def without_common_models(folder: Path) -> None:
    rows = [json.loads(line) for line in (folder / "two.jsonl").read_text().splitlines()]
    del rows[3]["outcomes"]["dear"]
    (folder / "two.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def with_a_name_no_catalogue_takes(folder: Path) -> None:
    text = (folder / "two.jsonl").read_text()
    (folder / "two.jsonl").write_text(text.replace('"dear"', '"dear one"'))


def without_a_price_list(folder: Path) -> None:
    (folder / "models.json").unlink()


def with_a_broken_price_list(folder: Path) -> None:
    (folder / "models.json").write_text("{")


def as_it_is(folder: Path) -> None:
    pass


@pytest.mark.parametrize(
    ("arguments", "spoil", "sentence"),
    [
        (["two.jsonl"], lambda folder: (folder / "two.jsonl").write_text("\n"), "the file holds no rows"),
        (["two.jsonl"], lambda folder: (folder / "two.jsonl").write_text("{}\n"), "two.jsonl:1: outcomes is missing"),
        (["two.jsonl"], cut_short, "damaged or cut short"),
        (["nowhere.jsonl"], as_it_is, "nowhere.jsonl: cannot be read"),
        (["two.jsonl"], without_common_models, "two: a pool needs at least two models"),
        (["two.jsonl"], with_a_name_no_catalogue_takes, "the models cannot be served"),
        (["two.jsonl"], with_a_broken_price_list, "models.json: the price list is no JSON object"),
        (["two.jsonl", "--models", "none.json"], as_it_is, "none.json: the price list cannot be read"),
        (["three.jsonl", "--pool", "trio"], as_it_is, "no pool 'trio'; there is pair"),
        (["three.jsonl", "--pool", "pair"], without_a_price_list, "there is no models.json that knows pools"),
        (["three.jsonl", "--pool", "cheap,fifth"], as_it_is, "three: no row has the model 'fifth'"),
        (["three.jsonl", "--pool", "cheap,cheap"], as_it_is, "a model is named twice"),
        (["two.jsonl", "--pool", "fifth,sixth"], as_it_is, "no file has a model of the pool"),
        (["two.jsonl", "./two.jsonl"], as_it_is, "two files are called 'two'"),
        (["two.jsonl", "--learner", "oracle"], as_it_is, "policy.learner"),
        (["two.jsonl", "--cost-weight", "-1"], as_it_is, "policy.cost_weight"),
        (["two.jsonl", "--set", "policy.nonsense=1"], as_it_is, "policy.nonsense"),
        (["two.jsonl", "--set", "server.port=1"], as_it_is, "settings of the policy only"),
        (["two.jsonl", "--set", "policy.feature_schema=mine.v1"], as_it_is, "a replay reads text"),
        (["three.jsonl", "--prior", "prior.jsonl"], as_it_is, "three: the prior is of another pool"),
        (["two.jsonl", "--prior", "two.jsonl"], as_it_is, "is served and stands in the prior as well"),
        (["two.jsonl", "--prior", "prior.jsonl", "--halves", "rows"], as_it_is, "leave out --prior"),
        (["two.jsonl", "--prior-weight", "2"], as_it_is, "--prior-weight needs a prior"),
        (["two.jsonl", "--prior-weight", "0"], as_it_is, "a weight of 0 is no prior"),
        (["two.jsonl", "--limit", "1", "--halves", "rows"], as_it_is, "only one of the rows"),
        (["two.jsonl", "--limit", "1", "--halves", "category"], as_it_is, "only one of the category"),
        (["two.jsonl", "--sweep", "--cost-weight", "1"], as_it_is, "leave out --cost-weight"),
        (["two.jsonl", "--seeds", "0"], as_it_is, "0 is too few"),
        (["two.jsonl", "--jobs", "x"], as_it_is, "not a whole number"),
        (["two.jsonl", "--halves", "columns"], as_it_is, "invalid choice"),
        ([], as_it_is, "name outcome files, or --simulated N"),
        (["two.jsonl", "--simulated", "3"], as_it_is, "name outcome files, or --simulated N"),
        (["two.jsonl", "--plot", "curve.gif"], as_it_is, "a plot is written as .png or .svg"),
        (["two.jsonl", "--plot", "no/curve.png"], as_it_is, "there is no folder no"),
        (["two.jsonl", "--choices", "no/c.jsonl"], as_it_is, "there is no folder no"),
        (["two.jsonl", "--json", "no/out.json"], as_it_is, "there is no folder no"),
        (["two.jsonl", "--json", "."], as_it_is, "this is a folder"),
        (["two.jsonl", "--choices", "two.jsonl"], as_it_is, "this file is read"),
        (["two.jsonl", "--choices", "out", "--json", "out"], as_it_is, "written for something else"),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_sentence_and_nothing_is_written(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: Sequence[str],
    spoil: Callable[[Path], object],
    sentence: str,
) -> None:
    spoil(folder)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    outputs = [] if {"--choices", "--seeds"} & set(arguments) else ["--choices", "written.jsonl"]

    status = replay(*arguments, *outputs)

    captured = capsys.readouterr()
    assert (status, captured.out) == (2, "")
    assert sentence in captured.err
    assert "Traceback" not in captured.err
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_a_plot_without_matplotlib_says_which_extra_it_needs(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "matplotlib" else find(name, *a))

    assert replay("two.jsonl", "--plot", "curve.png") == 2

    assert "pip install 'atp-grpc[plots]'" in capsys.readouterr().err


def test_a_missing_native_engine_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from atp_grpc.engine import native

    monkeypatch.setattr(native, "is_available", lambda: False)

    assert replay("two.jsonl", "--engine", "native") == 2

    assert "no native engine here" in capsys.readouterr().err


def test_a_file_that_cannot_be_written_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert replay("two.jsonl", "--choices", "/dev/full") == 1

    assert "/dev/full: cannot be written" in capsys.readouterr().err


def test_a_terminal_gets_the_page_of_the_score(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)

    assert replay("two.jsonl", "--sweep", "--limit", "12") == 0

    assert "To compare with" in capsys.readouterr().out
