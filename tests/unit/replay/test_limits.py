"""Limits are settings of their own: named as scorers read them, put to the policy, judged by how they were kept."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path

import numpy as np
import pytest

from atp_grpc.replay.aim import Aim
from atp_grpc.replay.choices import ChoiceLine
from atp_grpc.replay.evaluation import parts_of
from atp_grpc.replay.grading import OutcomeTable, Score, score
from atp_grpc.replay.grading.setting import Setting
from atp_grpc.replay.passes import Pass, run_pass
from atp_grpc.replay.preparing import Prepared
from atp_grpc.replay.run import Run
from atp_grpc.replay.sweep import limits_of, settings_of
from tests.unit.replay.made import SETTINGS, Outcomes, plain_law, run_in, write_file

COUNT = 600


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    def law(number: int, chance: random.Random) -> Outcomes:
        outcomes = plain_law(number, chance)
        outcomes["cheap"]["latency_ms"], outcomes["dear"]["latency_ms"] = 200, 3000
        return outcomes

    return run_in(write_file(tmp_path_factory.mktemp("outcomes") / "made.jsonl", COUNT, law))


def chosen(run: Run, setting: str, models: list[str]) -> Score:
    lines = [
        ChoiceLine("made", setting, 0, row.prompt_id, model, 1.0)
        for row, model in zip(run.pool.rows, models, strict=True)
    ]
    return score(OutcomeTable.of("made", run.pool), lines)


def test_each_limit_is_a_setting_under_the_name_that_scorers_read(run: Run) -> None:
    limits = [
        Aim(ceiling_usd_per_1k=0.15),
        Aim(0.1, quality_floor=0.9),
        Aim(0.1, quality_floor_of_best=0.95),
        Aim(0.1, latency_slo_seconds=0.8),
    ]
    settings = settings_of(OutcomeTable.of("made", run.pool), run.track, {}, 0.1, limits)
    assert [setting.text for setting in settings] == ["ceiling=0.15", "floor=0.9", "floor_of_best=0.95", "slo_ms=800"]
    assert [setting.aim for setting in settings] == limits
    read = [Setting.named(setting.text) for setting in settings]
    assert [one.ceiling for one in read] == [0.15, None, None, None]
    assert [one.floor for one in read] == [None, 0.9, None, None]
    assert [one.floor_of_best for one in read] == [None, None, 0.95, None]
    assert [one.slo_seconds for one in read] == [None, None, None, 0.8]
    assert not any(one.is_of_cost_sweep for one in read)


def test_a_sweep_keeps_its_ceilings_beside_it(run: Run) -> None:
    table = OutcomeTable.of("made", run.pool)
    settings = settings_of(table, run.track, {}, None, [Aim(ceiling_usd_per_1k=1.0)])
    assert [setting.text for setting in settings][-1] == "ceiling=1"
    assert len(settings) == 19 + 21 + 1


@pytest.mark.parametrize("name", ["ceiling=0", "floor=x", "floor_of_best=-1", "slo_ms=", "ceiling=nan"])
def test_a_limit_that_is_no_number_is_no_setting(name: str) -> None:
    with pytest.raises(ValueError, match="above 0"):
        Setting.named(name)


def test_an_aim_takes_the_place_of_what_the_policy_says_and_leaves_the_rest() -> None:
    policy = dataclasses.replace(SETTINGS.policy, quality_floor=0.5, latency_slo_seconds=3.0)
    aimed = Aim(0.7, ceiling_usd_per_1k=2.0, quality_floor=0.8).on(policy)
    assert (aimed.cost_weight, aimed.cost_ceiling_usd, aimed.quality_floor) == (0.7, 0.002, 0.8)
    assert (aimed.latency_slo_seconds, aimed.quality_floor_of_best) == (3.0, 0.0)
    assert Aim(0.1).on(SETTINGS.policy) == dataclasses.replace(SETTINGS.policy, cost_weight=0.1)


def test_a_floor_is_judged_by_windows_after_the_first_three_hundred(run: Run) -> None:
    quality = run.track.quality
    dear = np.convolve(quality[300:, 1], np.ones(200), "valid") / 200
    always = chosen(run, "floor=0.9", ["dear"] * COUNT).standings[0].floor
    assert always is not None
    assert always.windows == COUNT - 300 - 200 + 1 == len(dear)
    assert always.kept == pytest.approx((dear >= 0.9 - 1e-12).mean())
    assert always.worst == pytest.approx(dear.min() / 0.9)
    late = chosen(run, "floor=0.9", ["cheap"] * 300 + ["dear"] * 300).standings[0].floor
    assert late == always


def test_a_floor_of_the_best_is_judged_against_the_best_model_on_the_same_window(run: Run) -> None:
    best = chosen(run, "floor_of_best=1", ["dear"] * COUNT).standings[0].floor
    assert best is not None
    assert (best.kept, best.worst) == (1.0, 1.0)
    other = chosen(run, "floor_of_best=0.95", ["cheap"] * COUNT).standings[0].floor
    assert other is not None
    assert other.kept == 0.0


def test_a_pass_that_is_too_short_has_no_window(tmp_path: Path) -> None:
    short = run_in(write_file(tmp_path / "short.jsonl", 499))
    floor = chosen(short, "floor=0.5", ["dear"] * 499).standings[0].floor
    assert floor is not None
    assert floor.windows == 0
    assert np.isnan(floor.kept)


def test_a_latency_is_judged_call_by_call(run: Run) -> None:
    models = ["dear"] * 150 + ["cheap"] * 450
    latency = chosen(run, "slo_ms=500", models).standings[0].latency
    assert latency is not None
    assert latency.kept == pytest.approx(450 / 600)
    assert latency.p95_seconds == pytest.approx(3.0)


def test_the_router_keeps_an_objective_of_latency(run: Run) -> None:
    [plain] = run.settings
    [limited] = limits_of([Aim(0.0, latency_slo_seconds=0.9)], plain.tariff)
    free = run_pass(Pass("a", run.track, range(200), dataclasses.replace(plain, aim=Aim()), run.base))
    kept = run_pass(Pass("a", run.track, range(200), limited, run.base))
    assert sum(free.arms[-100:]) > 90
    assert sum(kept.arms[-100:]) < 20


def test_a_ceiling_below_what_a_nominal_request_costs_is_served(run: Run) -> None:
    [plain] = run.settings
    [limited] = limits_of([Aim(ceiling_usd_per_1k=1e-5)], plain.tariff)
    assert len(run_pass(Pass("a", run.track, range(20), limited, run.base)).arms) == 20


def test_an_evaluation_has_every_part_that_a_file_allows(run: Run, tmp_path: Path) -> None:
    table = OutcomeTable.of("made", run.pool)
    parts = [(part.kind, part.start) for part in parts_of(Prepared(run, table), 0.1)]
    assert parts == [
        ("sweep", "cold"),
        ("sweep", "warm"),
        ("sweep", "warm, other categories"),
        ("ceilings", "cold"),
        ("ceilings", "warm"),
        ("floors", "cold"),
        ("price", "cold"),
        ("quality", "cold"),
        ("new-model", "cold"),
    ]

    def for_free(number: int, chance: random.Random) -> Outcomes:
        return {model: {"quality": outcome["quality"]} for model, outcome in plain_law(number, chance).items()}

    free = run_in(write_file(tmp_path / "free.jsonl", 30, for_free))
    kinds = {part.kind for part in parts_of(Prepared(free, OutcomeTable.of("made", free.pool)), 0.1)}
    assert kinds == {"sweep", "floors", "quality", "new-model"}
