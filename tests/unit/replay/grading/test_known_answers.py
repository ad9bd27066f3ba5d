"""Figures whose answer is known before anything is computed."""

from __future__ import annotations

import math

import numpy as np
import pytest

from atp_grpc.replay.grading import OutcomeTable, score
from tests.unit.replay.grading.worlds import lines, sweep, table


def graded(models: list[tuple[float, float]], prompts: int = 2_000) -> OutcomeTable:
    """Right or wrong answers of models (nano-dollars, skill); hard prompts are dear and often wrong."""
    chance = np.random.default_rng(0)
    hardness = chance.random((prompts, 1))
    prices, skills = (np.array(column) for column in zip(*models, strict=True))
    quality = chance.random((prompts, len(models))) < skills * (1.2 - 0.6 * hardness)
    return table(quality.astype(float), (prices * (0.5 + hardness)).round())


FOUR = graded([(1e5, 0.6), (5e5, 0.7), (2e6, 0.8), (2e7, 0.9)])
TWO = graded([(1e5, 0.6), (5e6, 0.9)], 20_000)


def test_the_oracles_choices_have_share_one() -> None:
    assert FOUR.frontier is not None
    utilities = {
        f"{weight}": FOUR.quality - weight / FOUR.frontier.c_hi * FOUR.frontier.cost
        for weight in np.geomspace(1e-4, 1e4, 120)
    }
    found = score(FOUR, sweep(FOUR, {weight: utility.argmax(1) for weight, utility in utilities.items()})).metrics

    # The oracle has one trade-off more, which costs it nothing that shows.
    assert found["share_lin"] == pytest.approx(1, abs=1e-4)
    assert found["share_log"] == pytest.approx(1, abs=1e-4)


def test_the_single_models_have_share_zero_and_their_own_costs() -> None:
    found = score(FOUR, sweep(FOUR, {"w": 0, "x": 1, "y": 2, "0": 3})).metrics

    assert FOUR.frontier is not None
    assert found["share_lin"] == pytest.approx(0, abs=1e-12)
    assert found["share_log"] == pytest.approx(0, abs=1e-12)
    assert found["q0"] == pytest.approx(FOUR.mean_quality[3])
    assert found["cost98"] == pytest.approx(FOUR.frontier.cost_of(FOUR.frontier.zero, 0.98))
    assert found["cost95"] == pytest.approx(FOUR.frontier.cost_of(FOUR.frontier.zero, 0.95))
    assert found["cost95"] < found["cost98"] < 1


def test_always_the_cheapest_is_negative_and_reaches_nothing() -> None:
    found = score(FOUR, sweep(FOUR, {"0": 0})).metrics

    assert found["share_lin"] < 0
    assert found["share_log"] < 0
    assert math.isnan(found["cost95"])


def test_always_the_cheapest_is_zero_where_it_is_also_the_best() -> None:
    world = graded([(1e5, 0.9), (5e6, 0.6)])

    assert score(world, sweep(world, {"0": 0})).metrics["share_lin"] == pytest.approx(0, abs=1e-12)
    assert world.c_hi == pytest.approx(5, rel=0.1), "the dearest ends the range, or there would be none"
    assert world.strong is None
    assert world.weak is None


@pytest.mark.parametrize(
    ("nano_usd", "c_hi"),
    [([1_000_000, 3_000_000, 9_000_000], 3), ([1_000_000, 1_040_000, 9_000_000], 9)],
    ids=["dearer than the cheapest", "hardly dearer"],
)
def test_the_range_ends_at_the_best_model_unless_it_is_as_cheap_as_the_cheapest(
    nano_usd: list[int], c_hi: float
) -> None:
    assert table([[0.5, 1.0, 0.2]], nano_usd).c_hi == pytest.approx(c_hi)


def test_chance_recovers_half_of_the_gap() -> None:
    chance = np.random.default_rng(1)
    picks = {f"calls={p:.2f}": (chance.random(len(TWO.prompts)) < p).astype(int) for p in np.linspace(0, 1, 21)}
    found = score(TWO, sweep(TWO, picks)).metrics

    assert found["apgr"] == pytest.approx(0.5, abs=0.02)
    assert found["cpt50"] == pytest.approx(0.5, abs=0.03)
    assert found["cpt80"] == pytest.approx(0.8, abs=0.03)


def test_a_curve_of_calls_by_hand() -> None:
    # Strong is right on all four, weak on the last two. Two strong calls, both where needed, recover the whole gap.
    world = table([[0, 1], [0, 1], [1, 1], [1, 1]], [1_000, 9_000])
    # Where there are settings by the call, the cost sweep says nothing about calls.
    found = score(world, sweep(world, {"calls=0.5": [1, 1, 0, 0], "9": [0, 0, 1, 1]})).metrics

    assert (world.weak, world.strong) == ("a", "b")
    assert found["apgr"] == pytest.approx(0.75)
    assert found["cpt50"] == pytest.approx(0.25)
    assert found["cpt80"] == pytest.approx(0.4)
    assert "share_lin" not in score(world, sweep(world, {"calls=0.5": 1})).metrics


def test_shares_by_hand() -> None:
    # Single models at 1 and 3 dollars per 1k: (1, 0.5) and (3, 1). Who sees the answers pays the dear one for two of
    # four prompts: (2, 1), 0.25 above the mix of single models, and so a triangle of area 0.25 over 1..3.
    world = table([[1, 1], [1, 1], [0, 1], [0, 1]], [1_000_000, 3_000_000])
    found = score(world, sweep(world, {"0": [0, 1, 1, 1], "5": [0, 0, 0, 1]}))

    # The policy's points (1.5, 0.75) and (2.5, 1) both lie 0.125 above that mix: a trapezoid of area 0.1875.
    # The same over ln c, where a + b c has the area a ln(c2 / c1) + b (c2 - c1).
    above = (0.125 - 0.25 * math.log(1.5)) + 0.125 * math.log(2.5 / 1.5) + (0.75 * math.log(3 / 2.5) - 0.125)
    room = (0.25 - 0.25 * math.log(2)) + (0.75 * math.log(1.5) - 0.25)
    assert world.c_hi == pytest.approx(3)
    assert found.metrics["share_lin"] == pytest.approx(0.1875 / 0.25)
    assert found.metrics["share_log"] == pytest.approx(above / room, rel=1e-4)
    assert [standing.gain for standing in found.standings] == pytest.approx([0.125, 0.125])
    assert found.metrics["q0"] == 1


def test_ceilings_by_hand() -> None:
    # 400 prompts, the dear model on the first 300: after 200 the running mean is 3 dollars, at the end 2.5.
    world = table(np.tile([0.5, 1.0], (400, 1)), [1_000_000, 3_000_000])
    held = score(world, sweep(world, {"ceiling=2": np.arange(400) < 300})).standings[0].ceiling

    assert held is not None
    assert held.spend == pytest.approx(1.25)
    assert held.spend_worst == pytest.approx(1.25)
    assert held.run_max == pytest.approx(1.5)
    assert held.zero == pytest.approx(0.75)


def test_a_ceiling_is_no_point_of_the_cost_sweep() -> None:
    # Its quality would fill the whole room, were it counted.
    choices = sweep(TWO, {"5": 0, "ceiling=2": TWO.quality.argmax(1), "calls=0": TWO.quality.argmax(1)})

    assert score(TWO, choices).metrics["share_lin"] == score(TWO, sweep(TWO, {"5": 0})).metrics["share_lin"]


def test_a_ceilings_peak_is_sought_in_each_pass_and_not_before_200_requests() -> None:
    world = table(np.tile([0.5, 1.0], (500, 1)), [1_000_000, 3_000_000])
    # The first two requests of each half are dear: 1 + 2 * 2/200 would be the peak, were it not before the 201st.
    choices = lines(world, "ceiling=1", np.arange(500) < 4, halves=True)
    held = score(world, choices).standings[0].ceiling

    assert held is not None
    assert held.run_max == pytest.approx((2 * 3 + 199) / 201)


def test_spread_is_over_seeds_and_the_worst_seed_is_named() -> None:
    world = table(np.tile([0.5, 1.0], (4, 1)), [1_000_000, 3_000_000])
    choices = [*lines(world, "ceiling=2", 0, seed=0), *lines(world, "ceiling=2", 1, seed=7)]
    found = score(world, choices)
    (standing,) = found.standings

    assert found.seeds == (0, 7)
    assert standing.mean_quality == pytest.approx(0.75)
    assert standing.quality.std() == pytest.approx(0.25)
    assert standing.ceiling is not None
    assert (standing.ceiling.spend, standing.ceiling.spend_worst) == pytest.approx((1, 1.5))


def test_a_learning_curve_is_the_lead_over_the_best_single_model() -> None:
    # b is the better one and costs c_hi. With the weight 2, a is worth -2/3 each time and b -1: now a is to be beaten.
    world = table([[0.0, 1.0]] * 4, [1_000_000, 3_000_000])
    choices = [*lines(world, "0", [0, 1, 1, 1], order=[3, 0, 1, 2]), *lines(world, "2", [0, 1, 1, 1])]
    free, weighed = (standing.trail for standing in score(world, choices).standings)

    assert free.requests.tolist() == [1, 2, 3, 4]
    assert free.lead[0] == pytest.approx([0, -1 / 2, -1 / 3, -1 / 4])
    assert weighed.lead[0] == pytest.approx([0, -1 / 6, -2 / 9, -1 / 4])


def test_the_halves_of_a_run_are_graded_together_and_their_curves_averaged() -> None:
    world = table([[0.0, 1.0]] * 4, [1_000_000, 3_000_000])
    (standing,) = score(world, lines(world, "0", [0, 1, 0, 1], halves=True)).standings

    assert standing.mean_quality == pytest.approx(0.5)
    assert standing.trail.requests.tolist() == [1, 2]
    assert standing.trail.lead[0] == pytest.approx([-0.5, -0.5])


def test_a_file_without_costs_has_qualities_only() -> None:
    world = table([[0.2, 0.9], [0.4, 0.3]], None)
    found = score(world, sweep(world, {"0": [1, 0]})).as_json()

    assert world.c_hi is None
    assert found["metrics"] == {"q0": pytest.approx(0.65), "q0_sd": 0}
    assert found["settings"] == [{"setting": "0", "quality": pytest.approx(0.65), "quality_sd": 0}]
    assert found["references"] == {
        "best_single": {"model": "b", "quality": pytest.approx(0.6)},
        "random": {"quality": pytest.approx(0.45)},
        "oracle": {"quality": pytest.approx(0.65)},
    }


def test_free_models_leave_no_figure_that_divides_by_nothing() -> None:
    world = table([[0.2, 0.9], [0.4, 0.3]], [0, 0])
    found = score(world, sweep(world, {"0": [1, 0]})).as_json()["metrics"]

    assert isinstance(found, dict)
    assert found["share_log"] is None
    assert found["cost98"] is None
