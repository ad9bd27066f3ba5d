"""Pictures of scores: that they are drawn, are the same each time, and need nothing until then."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from atp_grpc.replay.grading import Score, score
from atp_grpc.replay.grading.paper import PictureError
from atp_grpc.replay.grading.plots import draw
from tests.unit.replay.grading.worlds import noisy_sweep, table

CHANCE = np.random.default_rng(11)
SETTINGS = ["0", "0.2", "1", "30", "calls=0.1", "ceiling=0.02"]


@pytest.fixture(scope="module")
def priced() -> Score:
    nano_usd = CHANCE.integers(1_000, 3_000, (300, 3)) * [1, 4, 20]
    world = table((CHANCE.random((300, 3)) < [0.5, 0.7, 0.8]).astype(float), nano_usd, name="priced")
    return score(world, noisy_sweep(world, SETTINGS, [0, 1, 2], halves=False))


@pytest.fixture(scope="module")
def unpriced() -> Score:
    world = table(CHANCE.random((60, 4)), None, name="unpriced")
    return score(world, noisy_sweep(world, ["0", "named"], [0], halves=False))


def test_one_score_is_drawn_to_the_path_itself(priced: Score, tmp_path: Path) -> None:
    assert draw([priced], tmp_path / "curve.png") == [tmp_path / "curve.png"]
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_more_scores_are_drawn_to_files_named_after_their_data(priced: Score, unpriced: Score, tmp_path: Path) -> None:
    files = draw([priced, unpriced], tmp_path / "curve.svg")

    assert files == [tmp_path / "curve-priced.svg", tmp_path / "curve-unpriced.svg"]
    assert all("<svg" in file.read_text() for file in files)


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_the_same_score_is_the_same_bytes(priced: Score, tmp_path: Path, suffix: str) -> None:
    first, second = tmp_path / f"first.{suffix}", tmp_path / f"second.{suffix}"
    draw([priced], first)
    draw([priced], second)

    assert first.read_bytes() == second.read_bytes()


def test_settings_without_a_weight_are_followed_by_name(tmp_path: Path) -> None:
    world = table([[0.1, 0.9], [0.3, 0.2]], [1_000, 9_000])
    made = score(world, noisy_sweep(world, ["calls=0.1", "ceiling=0.002"], [0, 1], halves=False))

    assert draw([made], tmp_path / "curve.svg")


def test_another_kind_of_file_is_refused(priced: Score, tmp_path: Path) -> None:
    with pytest.raises(PictureError, match=r"curve\.gif: a picture is written as \.png or \.svg"):
        draw([priced], tmp_path / "curve.gif")

    assert list(tmp_path.iterdir()) == []


def test_a_missing_matplotlib_is_named_with_its_remedy(
    priced: Score, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    with pytest.raises(PictureError, match=r"atp-grpc\[plots\]"):
        draw([priced], tmp_path / "curve.png")


def test_matplotlib_is_not_imported_until_something_is_drawn() -> None:
    asked = "import sys, atp_grpc.replay.grading.plots; print('matplotlib' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", asked], check=True, capture_output=True, text=True).stdout == "False\n"
