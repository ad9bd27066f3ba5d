"""A world that changes in the middle of a pass, and how long a router took to find its way again."""

from __future__ import annotations

import dataclasses
from array import array
from pathlib import Path

import numpy as np
import pytest

from atp_grpc.replay.drift import NEWCOMER, Drift, World, after, before, favourite_of, turn_of
from atp_grpc.replay.passes import Chosen, Pass, run_pass
from atp_grpc.replay.recovery import recovery_of
from atp_grpc.replay.run import Run, Served, serve
from tests.unit.replay.made import run_in, write_file

COUNT = 600
CHEAP, DEAR, NEW = 0, 1, 2


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_in(write_file(tmp_path_factory.mktemp("outcomes") / "made.jsonl", COUNT))


def world_of(run: Run) -> World:
    return World(run.track, run.settings[0].tariff)


def served(run: Run, drift: Drift, arms: list[int]) -> Served:
    """A run in which somebody chose these models."""
    chosen = Chosen(array("H", arms), array("d", [1.0] * len(arms)))
    return Served(dataclasses.replace(run, drift=drift), (chosen,))


def test_the_favourite_is_who_was_chosen_most_of_late() -> None:
    assert favourite_of([0] * 500 + [1] * 150 + [2] * 50) == 1
    assert favourite_of([1, 0]) == 0


def test_a_price_changes_what_is_charged_and_what_it_costs_and_nothing_else(run: Run) -> None:
    old = world_of(run)
    new = after(Drift.PRICE, before(Drift.PRICE, old), DEAR)
    assert np.array_equal(new.track.cost_nano_usd[:, DEAR], 10 * old.track.cost_nano_usd[:, DEAR])
    assert np.array_equal(new.track.cost_nano_usd[:, CHEAP], old.track.cost_nano_usd[:, CHEAP])
    assert new.tariff.prices[DEAR].output == 10 * old.tariff.prices[DEAR].output
    assert new.tariff.prices[CHEAP] == old.tariff.prices[CHEAP]
    assert np.array_equal(new.track.quality, old.track.quality)


def test_a_model_whose_quality_falls_keeps_its_price_and_stays_above_zero(run: Run) -> None:
    old = world_of(run)
    new = after(Drift.QUALITY, old, DEAR)
    assert new.tariff == old.tariff
    assert np.allclose(new.track.quality[:, DEAR], np.maximum(old.track.quality[:, DEAR] - 0.3, 0))
    assert np.array_equal(new.track.quality[:, CHEAP], old.track.quality[:, CHEAP])


def test_a_newcomer_is_better_and_cheaper_and_comes_only_at_the_change(run: Run) -> None:
    old = before(Drift.NEW_MODEL, world_of(run))
    new = after(Drift.NEW_MODEL, old, DEAR)
    assert NEWCOMER not in old.tariff.models
    assert new.tariff.models == old.track.models == (*run.track.models, NEWCOMER)
    assert new.track.quality[:, NEW].mean() > run.track.quality.mean(0).max()
    assert new.track.cost_nano_usd[:, NEW].mean() < run.track.cost_nano_usd.mean(0).min()
    for row in range(5):
        bill, tokens = new.track.cost_nano_usd[row, NEW], run.track.cost_nano_usd[row, CHEAP]
        assert new.tariff.output_tokens(NEW, bill, 0) == pytest.approx(tokens, abs=2)


def test_what_was_chosen_before_the_change_does_not_know_of_it(run: Run) -> None:
    plain = Pass("same", run.track, range(COUNT), run.settings[0], run.base)
    turn = turn_of(COUNT)
    unchanged = run_pass(plain)
    for drift in Drift:
        changed = run_pass(dataclasses.replace(plain, drift=drift))
        assert changed.arms[:turn] == unchanged.arms[:turn]
        # A favourite that is worse may be the best one still; a price and a newcomer show.
        assert drift is Drift.QUALITY or changed.arms[turn:] != unchanged.arms[turn:]


def test_a_price_is_left_when_half_of_the_share_is_gone(run: Run) -> None:
    turn = turn_of(COUNT)
    for wait in (0, 1, 37, 200):
        moved = recovery_of(served(run, Drift.PRICE, [DEAR] * (turn + wait) + [CHEAP] * (COUNT - turn - wait)))
        # Half of the next fifty choices: the window may begin 25 requests before the model is left.
        assert moved.requests == (max(wait - 25, 0),)
    assert recovery_of(served(run, Drift.PRICE, [DEAR] * COUNT)).requests == (None,)


def test_regret_is_back_when_the_better_model_is_found(run: Run) -> None:
    turn = turn_of(COUNT)
    stuck = recovery_of(served(run, Drift.QUALITY, [CHEAP] * COUNT))
    assert stuck.requests == (None,) or stuck.requests[0] is not None
    best = served(run, Drift.QUALITY, [DEAR] * COUNT)
    worse = after(Drift.QUALITY, world_of(run), DEAR).track.quality
    oracle = [*([DEAR] * turn), *worse[turn:].argmax(1).tolist()]
    assert recovery_of(served(run, Drift.QUALITY, oracle)).requests == (0,)
    assert recovery_of(best).requests != (0,)
    assert recovery_of(best).median is None


def test_a_newcomer_takes_its_share_and_what_it_cost_is_told(run: Run) -> None:
    turn, wait = turn_of(COUNT), 60
    arms = [DEAR] * turn + [NEW] * 10 + [DEAR] * wait + [NEW] * (COUNT - turn - 10 - wait)
    found = recovery_of(served(run, Drift.NEW_MODEL, arms))
    assert found.reached == 1
    assert found.requests[0] is not None
    assert 10 < found.requests[0] <= wait + 10
    costs = before(Drift.NEW_MODEL, world_of(run)).track.cost_nano_usd[turn : turn + 10, NEW]
    assert found.spent_usd[0] == pytest.approx(costs.sum() / 1e9)


def test_the_router_itself_gets_over_a_price_and_finds_a_newcomer(run: Run) -> None:
    several = dataclasses.replace(run, seeds=5)
    # Half of a short pass is left to find the newcomer in, so not every order does.
    for drift, least in ((Drift.PRICE, 3), (Drift.NEW_MODEL, 2)):
        made = serve(dataclasses.replace(several, drift=drift), jobs=1, on_pass=lambda: None)
        assert recovery_of(made).reached >= least


def test_a_run_without_a_change_is_not_judged(run: Run) -> None:
    with pytest.raises(ValueError, match="nothing changed"):
        recovery_of(Served(run, ()))


def test_figures_are_plain(run: Run, tmp_path: Path) -> None:
    del tmp_path
    figures = recovery_of(served(run, Drift.PRICE, [DEAR] * COUNT)).as_json()
    assert figures["drift"] == "price"
    assert figures["median"] is None
    assert figures["reached"] == 0
