"""The table shows every figure beside its bar and says honestly whether the bar is met."""

from __future__ import annotations

import pytest

from tests.bench.quality.goals import Protocol, is_met
from tests.bench.quality.policies import BASELINES, LEARNERS, POLICIES
from tests.bench.quality.table import Row, blocks, lines


def row(name: str, value: float | None, *, sd: float | None = None, goal: float | None = None) -> Row:
    return {"name": f"quality.{name}", "value": value, "sd": sd, "baseline_value": goal}


def table(*rows: Row) -> str:
    return "\n".join(lines(rows))


def test_a_figure_that_meets_its_bar_is_ticked() -> None:
    shown = table(
        row("bfcl.warm.greedy.share_lin", -0.0211, sd=0.0304, goal=-0.035),
        row("bfcl.warm.greedy.share_log", -0.0301, goal=-0.020),
        row("bfcl.warm.greedy.cost98", 0.42, goal=0.43),
        row("bfcl.warm.greedy.q0", 0.9, goal=0.932),
    )

    assert "**bfcl, warm**" in shown
    assert "| goal   | ≥ -0.035         | ≥ -0.020  | ≤ 0.430 | ≥ 0.932 |" in shown
    assert "| greedy | -0.021 ± 0.030 ✓ | -0.030    | 0.420 ✓ | 0.900   | 2 of 4 |" in shown


def test_a_cost_that_was_never_reached_meets_no_bar() -> None:
    shown = table(row("bfcl.warm.greedy.cost98", None, goal=0.43))

    assert "not reached" in shown
    assert "✓" not in shown


def test_a_file_without_bars_is_shown_without_judgement() -> None:
    shown = table(row("paretobandit_extra.cold.greedy.q0", 0.9))

    assert "0.900" in shown
    assert "of" not in shown.splitlines()[-1]


@pytest.mark.parametrize(
    ("metric", "figure", "met"),
    [
        ("share_lin", 0.1, True),
        ("share_lin", 0.09, False),
        ("cost98", 0.1, True),
        ("cost98", 0.11, False),
        ("cpt50", float("nan"), False),
        ("apgr", float("nan"), False),
    ],
)
def test_costs_and_calls_are_met_from_below_and_all_else_from_above(metric: str, figure: float, met: bool) -> None:
    assert is_met(metric, figure, 0.1) is met


def test_overrides_are_for_our_own_learners() -> None:
    wanted = blocks(["bfcl"], POLICIES, {"policy.scale": "0.1"})

    assert {block.policy for block in wanted if block.overrides} == set(LEARNERS)
    assert not set(BASELINES) & set(LEARNERS)
    assert {block.protocol for block in wanted} == set(Protocol)
