"""Every block of the table comes from the replay's own legs and settings, whoever chose."""

from __future__ import annotations

import dataclasses
import os
import random
from pathlib import Path

import numpy as np
import pytest

from atp_grpc.engine.contract import Learner
from atp_grpc.replay.grading import OutcomeTable, score
from atp_grpc.replay.order import Halving
from atp_grpc.replay.run import Run, Served, serve
from tests.bench.quality.direct import run_direct
from tests.bench.quality.files import FILES, NoDataError, data_folder
from tests.bench.quality.goals import GOALS, METRICS, Protocol
from tests.bench.quality.measuring import Block, figures, serve_baseline, stream_of, terms_of
from tests.bench.quality.policies import BASELINES, SINGLES
from tests.unit.replay.made import Outcomes, plain_law, policy, run_in, write_file


def unreliable_law(number: int, chance: random.Random) -> Outcomes:
    """As the plain law, but every seventh call of the dear model fails."""
    outcomes = plain_law(number, chance)
    if number % 7 == 0:
        outcomes["dear"] = {"quality": 0.0, "cost_usd": 0.0, "failed": True}
    return outcomes


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_file(tmp_path_factory.mktemp("outcomes") / "made.jsonl", 90, unreliable_law)


def sweep_of(run: Run, *names: str) -> Run:
    return dataclasses.replace(run, settings=tuple(setting for setting in run.settings if setting.text in names))


@pytest.mark.parametrize("learner", Learner)
def test_a_direct_pass_makes_the_very_choices_of_the_replay(file: Path, learner: Learner) -> None:
    base = policy(learner=learner, epsilon=0.2)
    whole = run_in(file, cost_weight=None, base=base, halving=Halving.ROWS)
    run = sweep_of(whole, "0", whole.settings[8].text, "calls=0.1")

    def served(**how: object) -> list[object]:
        return list(serve(run, jobs=1, on_pass=lambda: None, **how))  # type: ignore[arg-type]

    assert served(work=run_direct) == served()


@pytest.mark.parametrize("name", [*BASELINES, *SINGLES])
def test_a_baseline_serves_every_prompt_of_every_leg_and_can_be_graded(file: Path, name: str) -> None:
    run = run_in(file, seeds=2, cost_weight=None, halving=Halving.CATEGORY)
    table = OutcomeTable.of("made", run.pool)

    graded = score(table, serve_baseline(run, table, name))

    assert graded.seeds == (0, 1)
    assert len(graded.standings) == len(run.settings)
    assert {"share_lin", "apgr", "q0"} <= graded.metrics.keys()


def test_single_models_cost_and_give_what_they_cost_and_give(file: Path) -> None:
    run = run_in(file, cost_weight=None)
    table = OutcomeTable.of("made", run.pool)
    assert table.frontier is not None

    best, cheapest = (score(table, serve_baseline(run, table, name)).standings[0] for name in SINGLES)

    assert best.mean_quality == pytest.approx(table.mean_quality.max())
    assert cheapest.mean_usd_per_1k == pytest.approx(table.frontier.c_min)


def test_a_baseline_ends_the_same_every_time(file: Path) -> None:
    run = run_in(file, seeds=2, cost_weight=None)
    table = OutcomeTable.of("made", run.pool)

    def once() -> Served:
        return serve_baseline(run, table, "cluster_table")

    assert list(once()) == list(once())


def test_prices_reach_the_baselines_as_they_reach_the_router(file: Path) -> None:
    run = run_in(file, cost_weight=None)
    table = OutcomeTable.of("made", run.pool)

    terms = terms_of(run.settings)

    names = [setting.text for setting in run.settings]
    assert table.strong == "dear"
    assert terms.weight[:19].tolist() == [setting.cost_weight for setting in run.settings[:19]]
    assert (terms.weight[19:] == 0).all()
    assert terms.charge[names.index("calls=0.1")].tolist() == pytest.approx([0, 0.1])
    assert terms.charge[names.index("calls=-0.1")].tolist() == pytest.approx([0.1, 0])
    dear = stream_of(run.track, run.settings).cost[:, run.track.models.index("dear")]
    assert dear.mean() == pytest.approx(1)


def test_bars_are_set_for_figures_that_exist_on_files_that_exist() -> None:
    assert {file for file, _ in GOALS} <= set(FILES)
    assert all(protocol in Protocol for _, protocol in GOALS)
    assert all(bars.keys() <= set(METRICS) for bars in GOALS.values())


@pytest.mark.data
def test_the_best_single_model_of_a_developer_file_stands_where_its_outcomes_put_it() -> None:
    try:
        data_folder()
    except NoDataError as error:
        if os.environ.get("ATP_REQUIRE_DATA") == "1":
            pytest.fail(f"ATP_REQUIRE_DATA=1 and {error}")
        pytest.skip(str(error))

    found = figures(Block("bfcl", Protocol.COLD, "best_single"))

    assert found["q0"] == pytest.approx(0.9406, abs=5e-5)
    assert not np.isnan(found["cost98"])
