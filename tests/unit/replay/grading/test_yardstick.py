"""The same choices graded by the published scorer, run as a program of its own, and by ours: the same numbers."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from atp_grpc.replay.choices import ChoiceLine, write_choices
from atp_grpc.replay.grading import OutcomeTable, score
from atp_grpc.replay.outcomes import read_outcomes
from atp_grpc.replay.pool import find_data, pool_of
from tests.unit.replay.grading.worlds import noisy_sweep

CHECKOUT = Path(__file__).resolve().parents[4]
SWEEP = ["0", *map(repr, np.geomspace(1e-3, 300, 18).tolist())]
CALLS = [f"calls={price:.2f}" for price in np.linspace(-0.3, 0.7, 21)]
CEILINGS = ["ceiling=0.15", "ceiling=0.4", "ceiling=0.8", "ceiling=2.5", "ceiling=8"]
OURS_ALONE = {"importance", "gain"}
pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def data() -> Path:
    return _or_skip(find_data(os.environ.get("ATP_DATA"), CHECKOUT), "outcome data; docs/data.md says how to bring it")


@pytest.fixture(scope="module")
def yardstick(data: Path) -> Path:
    script = data.parent.parent / "yardsticks" / "score_routing.py"
    return _or_skip(script if script.exists() else None, "published scorer beside the data")


def _or_skip(found: Path | None, what: str) -> Path:
    if found is None:
        if os.environ.get("ATP_REQUIRE_DATA") == "1":
            pytest.fail(f"ATP_REQUIRE_DATA=1 and there is no {what}")
        pytest.skip(f"no {what}")
    return found


def theirs(yardstick: Path, file: Path, choices: Sequence[ChoiceLine], folder: Path, *options: str) -> object:
    """What the published scorer says."""
    write_choices(folder / "choices.jsonl.gz", choices)
    command: list[str | Path] = [
        sys.executable,
        yardstick,
        file,
        "--choices",
        folder / "choices.jsonl.gz",
        "--json",
        folder / "their.json",
    ]
    subprocess.run([*command, *options], check=True, capture_output=True)
    return json.loads((folder / "their.json").read_text())[file.name.removesuffix(".jsonl.gz")]


def differences(theirs: object, ours: object, place: str = "") -> list[str]:
    """Where two results differ by more than 1e-9, relative where figures are large."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        found = [f"{place}: keys {theirs.keys() ^ ours.keys()}"] if ours.keys() - OURS_ALONE != theirs.keys() else []
        return found + [
            line
            for key in theirs.keys() & ours.keys()
            for line in differences(theirs[key], ours[key], f"{place}.{key}")
        ]
    if isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        return [
            line
            for at, pair in enumerate(zip(theirs, ours, strict=True))
            for line in differences(*pair, f"{place}[{at}]")
        ]
    if isinstance(theirs, float | int) and isinstance(ours, float | int):
        return [] if theirs == pytest.approx(ours, rel=1e-9, abs=1e-9) else [f"{place}: {theirs} {ours}"]
    return [] if theirs == ours else [f"{place}: {theirs} {ours}"]


@pytest.mark.parametrize("halves", [False, True], ids=["whole", "halves"])
@pytest.mark.parametrize(
    ("name", "pool", "settings"),
    [
        ("paretobandit_val", None, [*SWEEP[::2], *CEILINGS]),
        ("bfcl", "bfcl_core12", SWEEP[::2]),
        ("bfcl", None, SWEEP[::9]),
        ("routellm_mmlu", None, [*SWEEP[::9], *CALLS[::7]]),
        ("routellm_gsm8k", None, [*SWEEP[::2], *CALLS[::2]]),
        ("routellm_mt_bench", None, SWEEP),
        ("conduit_gsm8k", None, SWEEP),
        ("llmrouter", None, SWEEP[:3]),
    ],
)
def test_a_published_file_is_graded_alike(
    data: Path, yardstick: Path, tmp_path: Path, name: str, pool: str | None, settings: list[str], *, halves: bool
) -> None:
    file = data / f"{name}.jsonl.gz"
    models = json.loads((data / "models.json").read_text())["pools"][pool] if pool else None
    table = OutcomeTable.of(name, pool_of(read_outcomes([file]), models))
    choices = noisy_sweep(table, settings, [0, 4], halves=halves)
    expected = theirs(yardstick, file, choices, tmp_path, *(["--pool", pool] if pool else []))

    assert differences(expected, json.loads(json.dumps(score(table, choices).as_json(), allow_nan=False))) == []


@pytest.mark.parametrize("seed", range(6))
def test_a_file_full_of_draws_is_graded_alike(yardstick: Path, tmp_path: Path, seed: int) -> None:
    chance = np.random.default_rng(seed)
    models = int(chance.integers(2, 5))
    # Few different grades and prices, so that qualities, costs and whole models are equal again and again.
    grades = chance.integers(0, 3, (40, models)) / 2
    prices = chance.integers(1, 4, models) * np.ones((40, 1)) / 1000
    rows = [
        {
            "prompt_id": f"p{at}",
            "source": "made",
            "category": "any",
            "prompt": "?",
            "outcomes": {f"m{m}": {"quality": grades[at, m], "cost_usd": prices[at, m]} for m in range(models)},
        }
        for at in range(len(grades))
    ]
    file = tmp_path / "made.jsonl.gz"
    with gzip.open(file, "wt") as text:
        text.writelines(json.dumps(row) + "\n" for row in rows)
    table = OutcomeTable.of("made", pool_of(read_outcomes([file])))
    choices = noisy_sweep(
        table, ["0", "0.5", "calls=0.2", "ceiling=1.5", "named"][: seed + 1], [3, 5], halves=seed % 2 == 1
    )

    assert differences(theirs(yardstick, file, choices, tmp_path), score(table, choices).as_json()) == []


def test_the_comparison_finds_a_difference() -> None:
    assert differences({"a": [1.0, None]}, {"a": [1.0 + 1e-8, None], "gain": 3}) == [".a[0]: 1.0 1.00000001"]
    assert differences({"a": 1.0, "b": None}, {"a": 1.0}) != []
