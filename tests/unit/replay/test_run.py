"""A run goes through the real router: the same every time, blind to what it did not choose, from the prior it has."""

from __future__ import annotations

import dataclasses
import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from atp_grpc.replay.choices import ChoiceLine
from atp_grpc.replay.grading import OutcomeTable, score
from atp_grpc.replay.order import Halving, halves_of, order_of
from atp_grpc.replay.passes import Pass, run_pass
from atp_grpc.replay.run import Run, serve
from tests.unit.replay.made import Outcomes, plain_law, policy, run_in, track_in, write_file

COUNT = 120


def served(run: Run, *, jobs: int = 1) -> list[ChoiceLine]:
    return list(serve(run, jobs=jobs, on_pass=lambda: None))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_file(tmp_path_factory.mktemp("outcomes") / "made.jsonl", COUNT)


def test_every_prompt_is_served_once_in_the_order_of_each_seed(file: Path) -> None:
    run = run_in(file, seeds=3)

    lines = served(run)

    for seed in range(3):
        ids = [line.prompt_id for line in lines if line.seed == seed]
        assert ids == [f"p-{number}" for number in order_of(COUNT, seed)]
    assert {(line.dataset, line.setting) for line in lines} == {("made", "0.1")}


def test_orders_are_counted_from_the_first_one_and_do_not_depend_on_it(file: Path) -> None:
    late = served(run_in(file, seeds=2, first_seed=1))

    assert late == [line for line in served(run_in(file, seeds=3)) if line.seed >= 1]


def test_a_run_ends_the_same_every_time_and_with_any_number_of_jobs(file: Path) -> None:
    run = run_in(file, seeds=2, halving=Halving.ROWS)

    once = served(run)

    assert served(run) == once
    assert served(run, jobs=2) == once


def test_settings_seeds_and_halves_draw_different_chance(file: Path) -> None:
    run = run_in(file, seeds=2, base=policy(epsilon=1, learner="greedy"))
    again = dataclasses.replace(run.settings[0], text="another")

    first, second, third = (
        [line.model for line in served(dataclasses.replace(run, settings=(setting,))) if line.seed == seed]
        for setting, seed in ((run.settings[0], 0), (run.settings[0], 1), (again, 0))
    )

    assert len({tuple(first), tuple(second), tuple(third)}) == 3


def test_an_outcome_that_is_not_chosen_changes_nothing(file: Path) -> None:
    run = run_in(file)
    one = Pass("blind", run.track, range(COUNT), run.settings[0], run.base)
    chosen = run_pass(one)
    quality, cost = run.track.quality.copy(), run.track.cost_nano_usd.copy()
    for row, arm in enumerate(chosen.arms):
        others = np.arange(len(run.track.models)) != arm
        quality[row, others] = 1 - quality[row, others]
        cost[row, others] *= 1000
    poisoned = dataclasses.replace(run.track, quality=quality, cost_nano_usd=cost)

    assert run_pass(dataclasses.replace(one, track=poisoned)) == chosen


def test_an_outcome_that_is_chosen_is_learned(file: Path) -> None:
    run = run_in(file)
    one = Pass("sighted", run.track, range(COUNT), run.settings[0], run.base)
    contrary = dataclasses.replace(run.track, quality=1 - run.track.quality)

    assert run_pass(dataclasses.replace(one, track=contrary)) != run_pass(one)


def test_propensities_are_true(file: Path) -> None:
    run = run_in(file, seeds=8, base=policy(epsilon=0.3))

    weight = score(OutcomeTable.of("made", run.pool), serve(run, jobs=1, on_pass=lambda: None)).importance

    assert weight.n == 8 * COUNT
    assert abs(weight.mean - 1) <= 3 * weight.standard_error


@pytest.mark.parametrize("by", list(Halving))
def test_each_half_is_served_under_its_own_name(file: Path, by: Halving) -> None:
    run = run_in(file, seeds=2, halving=by)
    categories = [row.category for row in run.pool.rows]

    lines = served(run)

    for seed in range(2):
        for number, half in enumerate(halves_of(categories, seed, by), start=1):
            ids = [line.prompt_id for line in lines if (line.dataset, line.seed) == (f"made.{number}", seed)]
            assert ids == [f"p-{row}" for row in half]


@pytest.mark.parametrize("by", list(Halving))
def test_all_of_the_other_half_is_taught_before_and_nothing_else(file: Path, by: Halving) -> None:
    run = run_in(file, seeds=2, halving=by)

    for leg in run.legs:
        assert leg.taught is not None
        track, rows = leg.taught
        assert track is run.track
        assert sorted([*rows, *leg.rows]) == list(range(COUNT))


def test_halves_are_scored_against_the_whole_file(file: Path) -> None:
    run = run_in(file, seeds=2, halving=Halving.CATEGORY)

    graded = score(OutcomeTable.of("made", run.pool), serve(run, jobs=1, on_pass=lambda: None))

    assert graded.as_json()["prompts"] == COUNT


def test_a_half_begins_with_what_the_other_half_taught(file: Path) -> None:
    run = run_in(file, halving=Halving.ROWS)
    cold = run_in(file)

    warm_start = Counter(
        line.model for line in served(run) if line.dataset == "made.2" and int(line.prompt_id[2:]) < 30
    )
    cold_start = Counter(line.model for line in served(cold)[:15])

    assert warm_start["dear"] >= 14
    assert cold_start["dear"] < warm_start["dear"]


@pytest.mark.parametrize(("halving", "weight"), [(None, 1.0), (Halving.ROWS, 1.0), (Halving.ROWS, 0.3)])
def test_one_tenant_is_served_alike_whether_or_not_tenants_are_told_apart(
    file: Path, halving: Halving | None, weight: float
) -> None:
    apart, alike = (
        run_in(file, halving=halving, base=policy(tenant_limit=limit, tenant_pseudo_count=1.0, context="on"))
        for limit in (1000, 0)
    )

    assert served(dataclasses.replace(apart, prior_weight=weight)) == served(
        dataclasses.replace(alike, prior_weight=weight)
    )


def test_a_prior_moves_the_first_choices_and_no_more_than_its_weight(file: Path, tmp_path: Path) -> None:
    def reversed_law(number: int, chance: random.Random) -> Outcomes:
        outcomes = plain_law(number, chance)
        outcomes["cheap"]["quality"], outcomes["dear"]["quality"] = 1.0, 0.0
        return outcomes

    taught = run_in(write_file(tmp_path / "other.jsonl", 200, reversed_law, prefix="q"))
    prior = track_in(taught.pool.rows, taught.pool.models)
    run = run_in(file, prior=prior)

    heavy = Counter(line.model for line in served(run)[:40])
    light = Counter(line.model for line in served(dataclasses.replace(run, prior_weight=0.001)))

    assert heavy["cheap"] >= 38
    assert light["dear"] > COUNT / 2


def test_all_orders_share_one_prior(file: Path, tmp_path: Path) -> None:
    other = run_in(write_file(tmp_path / "other.jsonl", 60, prefix="q"))
    run = run_in(file, seeds=3, prior=other.track)

    heard: list[None] = []
    serve(run, jobs=1, on_pass=lambda: heard.append(None))

    assert [leg.taught is not None for leg in run.legs] == [True] * 3
    assert len(heard) == 3


def test_a_pool_without_costs_is_free(tmp_path: Path) -> None:
    def law(number: int, chance: random.Random) -> Outcomes:
        return {model: {"quality": figures["quality"]} for model, figures in plain_law(number, chance).items()}

    run = run_in(write_file(tmp_path / "free.jsonl", COUNT, law))

    assert [setting.text for setting in run.settings] == ["0"]
    assert Counter(line.model for line in served(run)).most_common(1)[0][0] == "dear"


def test_a_call_that_failed_teaches_that_the_model_fails(tmp_path: Path) -> None:
    def law(number: int, chance: random.Random) -> Outcomes:
        outcomes = plain_law(number, chance)
        outcomes["dear"] = {"quality": 0, "failed": True, "cost_usd": 0.002}
        return outcomes

    lines = served(run_in(write_file(tmp_path / "failing.jsonl", COUNT, law)))

    assert Counter(line.model for line in lines[-60:])["cheap"] >= 57


def test_the_reference_engine_makes_the_choices_of_the_native_one(file: Path) -> None:
    run = run_in(file, halving=Halving.ROWS)
    reference = dataclasses.replace(run.base.engine, kind="reference")

    by_reference = served(dataclasses.replace(run, base=dataclasses.replace(run.base, engine=reference)))

    assert [line[:5] for line in by_reference] == [line[:5] for line in served(run)]


def test_prices_by_the_call_count_calls_and_not_dollars(file: Path) -> None:
    run = run_in(file, cost_weight=None)
    by_text = {setting.text: setting for setting in run.settings}

    shares = []
    for text in ("calls=-0.3", "calls=0.7"):
        lines = served(dataclasses.replace(run, settings=(by_text[text],)))
        shares.append(sum(line.model == "dear" for line in lines) / COUNT)

    assert shares[0] > 0.9
    assert shares[1] < 0.3
