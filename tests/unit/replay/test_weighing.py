"""A row of a prior counts what cross-validation says: in full among rows that are alike, little where kinds differ."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path

import numpy as np
import pytest

from atp_grpc.replay.order import Halving
from atp_grpc.replay.teaching import Teaching
from atp_grpc.replay.weighing import CANDIDATES, EITHER, Weighing, weigh
from tests.unit.replay.made import SETTINGS, Outcomes, run_in, write_file

COUNT = 300


def alike(number: int, chance: random.Random) -> Outcomes:
    del number
    return {model: {"quality": float(chance.random() < rate)} for model, rate in (("a", 0.8), ("b", 0.5))}


def by_category(number: int, chance: random.Random) -> Outcomes:
    """Which model is better is another question in every category: what one half says is wrong in the other."""
    better = ("a", "b", "b")[
        ("sums", "sums", "poems", "sums", "code", "poems").index("code") and number % 6 in (2, 4, 5)
    ]
    return {model: {"quality": float(chance.random() < (0.95 if model == better else 0.05))} for model in "ab"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("outcomes")


def teaching_in(path: Path) -> Teaching:
    run = run_in(path)
    return Teaching(run.track, range(len(run.track)), run.settings[0].tariff, SETTINGS)


@pytest.fixture(scope="module")
def same(folder: Path) -> Teaching:
    return teaching_in(write_file(folder / "alike.jsonl", COUNT, alike))


@pytest.fixture(scope="module")
def other(folder: Path) -> Teaching:
    return teaching_in(write_file(folder / "other.jsonl", COUNT, by_category))


def test_rows_that_are_alike_count_in_full(same: Teaching) -> None:
    found = weigh(Weighing(same, (Halving.ROWS,)))
    assert found.row_weight == 1.0
    assert [trial.row_weight for trial in found.trials] == list(CANDIDATES)
    assert all(trial.loss > 0 for trial in found.trials)


def test_what_is_wrong_elsewhere_counts_little(other: Teaching) -> None:
    found = weigh(Weighing(other, (Halving.CATEGORY,)))
    losses = [trial.loss for trial in found.trials]
    assert found.row_weight == CANDIDATES[0]
    assert losses == sorted(losses)


def test_what_is_held_back_is_learned_as_it_is_served(other: Teaching) -> None:
    first, *_, last = weigh(Weighing(other, (Halving.CATEGORY,))).trials
    # Nothing but what was served can turn what was taught the wrong way round.
    assert first.loss < last.loss / 2


def test_who_does_not_know_gets_what_lies_between(other: Teaching) -> None:
    rows, either, categories = (
        weigh(Weighing(other, halvings)) for halvings in ((Halving.ROWS,), EITHER, (Halving.CATEGORY,))
    )
    assert categories.row_weight <= either.row_weight <= rows.row_weight
    for between, one, another in zip(either.trials, rows.trials, categories.trials, strict=True):
        assert between.loss == pytest.approx((one.loss + another.loss) / 2)


def test_the_same_rows_weigh_the_same(same: Teaching) -> None:
    assert weigh(Weighing(same)) == weigh(Weighing(same))


def test_what_anything_costs_does_not_matter(same: Teaching) -> None:
    track = dataclasses.replace(same.track, cost_nano_usd=np.full_like(same.track.cost_nano_usd, 7.0))
    assert weigh(Weighing(dataclasses.replace(same, track=track))) == weigh(Weighing(same))


def test_too_few_rows_tell_nothing(same: Teaching) -> None:
    found = weigh(Weighing(dataclasses.replace(same, rows=range(39))))
    assert (found.row_weight, found.trials) == (1.0, ())


def test_rows_of_one_category_are_halved_by_rows(same: Teaching) -> None:
    track = dataclasses.replace(same.track, categories=("one",) * len(same.track))
    only = dataclasses.replace(same, track=track)
    assert weigh(Weighing(only, (Halving.CATEGORY,))) == weigh(Weighing(only, (Halving.ROWS,)))


def test_rows_that_are_not_among_the_prior_are_never_looked_at(same: Teaching) -> None:
    quality = same.track.quality.copy()
    quality[200:] = 1 - quality[200:]
    poisoned = dataclasses.replace(same, rows=range(200), track=dataclasses.replace(same.track, quality=quality))
    assert weigh(Weighing(poisoned)) == weigh(Weighing(dataclasses.replace(same, rows=range(200))))
