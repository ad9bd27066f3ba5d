"""The simulated world keeps its documented law, is the same everywhere, and rewards a router that reads."""

import dataclasses
from collections import Counter
from pathlib import Path
from statistics import fmean, pstdev

import numpy as np
import pytest

from atp_grpc.catalog.loader import DEMONSTRATION, read_catalogue
from atp_grpc.domain.money import TokenPrices
from atp_grpc.engine.reference.flags import FlagExtractor
from atp_grpc.replay.outcomes import OutcomeRow
from atp_grpc.replay.pool import pool_of
from atp_grpc.replay.scoring import references
from atp_grpc.replay.world.chance import Chance
from atp_grpc.replay.world.law import GRADED, NATURES, USUAL_LENGTH, Family
from atp_grpc.replay.world.simulation import SIMULATED, simulate

PRICES = {
    deployment.model: deployment.price_history[-1].prices
    for deployment in read_catalogue(DEMONSTRATION).deployments
    if deployment.name != "cobalt-base@summit"  # the dearer of two ways to the same model
}
DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "data.md"


@pytest.fixture(scope="module")
def rows() -> tuple[OutcomeRow, ...]:
    return simulate(PRICES, prompts=2400)


def test_a_uniform_draw_fills_the_open_unit_interval_evenly() -> None:
    draws = [Chance("test", number).uniform("u") for number in range(4000)]

    assert 0 < min(draws) < 0.01
    assert 0.99 < max(draws) < 1
    assert fmean(draws) == pytest.approx(0.5, abs=0.02)
    assert len(set(draws)) == len(draws)


def test_normal_draws_have_mean_zero_and_spread_one() -> None:
    draws = [Chance("test").normal(str(number)) for number in range(4000)]

    assert fmean(draws) == pytest.approx(0, abs=0.06)
    assert pstdev(draws) == pytest.approx(1, abs=0.05)


def test_draws_depend_on_their_whole_path_and_on_nothing_else() -> None:
    assert Chance("a", 1).under("b").uniform("x") == Chance("a", 1, "b").uniform("x")
    assert Chance("ab").uniform("x") != Chance("a", "b").uniform("x")
    assert Chance("a").uniform("x") != Chance("a").uniform("y")


def test_whole_numbers_and_picks_reach_both_ends() -> None:
    chance = Chance("ends")

    assert {chance.whole(str(n), 2, 4) for n in range(100)} == {2, 3, 4}
    assert {chance.pick(str(n), "ab") for n in range(100)} == {"a", "b"}
    assert sorted(chance.order("all", [3, 1, 2])) == [1, 2, 3]


def test_the_same_seed_makes_the_same_world_and_another_seed_another() -> None:
    assert simulate(PRICES, prompts=40) == simulate(PRICES, prompts=40)
    assert [row.prompt for row in simulate(PRICES, prompts=40)] != [
        row.prompt for row in simulate(PRICES, prompts=40, seed=2)
    ]


def test_a_longer_world_begins_with_the_shorter_one(rows: tuple[OutcomeRow, ...]) -> None:
    assert simulate(PRICES, prompts=50) == rows[:50]


def test_the_world_is_pinned_so_that_figures_can_be_compared_across_machines(rows: tuple[OutcomeRow, ...]) -> None:
    first = rows[0]

    assert (first.prompt_id, first.category) == ("simulated-1-000000", "arithmetic")
    assert first.prompt.startswith("Celia runs a bakery and starts the week with 273 bells.")
    assert [outcome.output_tokens for outcome in first.outcomes.values()] == [185, 154, 184, 191, 210, 1060]


def test_every_row_is_labelled_as_simulated(rows: tuple[OutcomeRow, ...]) -> None:
    assert {row.source for row in rows} == {SIMULATED}
    assert all(row.prompt_id.startswith(SIMULATED) for row in rows)
    assert len({row.prompt_id for row in rows}) == len(rows)


def test_every_family_comes_up_and_most_prompts_differ(rows: tuple[OutcomeRow, ...]) -> None:
    families = Counter(row.category for row in rows)

    assert set(families) == {family.value for family in Family}
    assert min(families.values()) > 0.8 * len(rows) / len(Family)
    assert len({row.prompt for row in rows}) > 0.9 * len(rows)


def test_figures_are_lawful_and_costs_follow_the_prices(rows: tuple[OutcomeRow, ...]) -> None:
    for row in rows[:300]:
        for model, outcome in row.outcomes.items():
            assert 0 <= outcome.quality <= 1
            assert outcome.latency_seconds is not None
            assert outcome.latency_seconds > 0
            assert outcome.input_tokens == -(-len(row.prompt.encode()) // 4)
            assert outcome.output_tokens is not None
            if outcome.failed:
                assert (outcome.quality, outcome.output_tokens, outcome.cost_nano_usd) == (0, 0, 0)
            else:
                spent = outcome.input_tokens * PRICES[model].input + outcome.output_tokens * PRICES[model].output
                assert outcome.cost_nano_usd == (spent + 500_000) // 1_000_000


def test_right_or_wrong_families_hold_nothing_between_and_graded_ones_do(rows: tuple[OutcomeRow, ...]) -> None:
    for family in Family:
        qualities = {outcome.quality for row in rows if row.category == family for outcome in row.outcomes.values()}
        assert (qualities == {0.0, 1.0}) is (family not in GRADED)


@pytest.mark.parametrize("model", list(NATURES))
def test_failures_come_as_often_as_the_law_says(rows: tuple[OutcomeRow, ...], model: str) -> None:
    share = fmean(row.outcomes[model].failed for row in rows)
    expected = NATURES[model].failure

    assert abs(share - expected) < 4 * (expected / len(rows)) ** 0.5


def test_no_model_is_best_at_everything_and_quality_has_its_price(rows: tuple[OutcomeRow, ...]) -> None:
    best = {references(pool_of([row for row in rows if row.category == family])).best_single for family in Family}
    singles = references(pool_of(rows)).singles

    assert len(best) > 1
    assert singles["ember-nano"].quality < singles["cobalt-base"].quality < singles["onyx-large"].quality
    assert singles["ember-nano"].usd_per_1k < singles["cobalt-base"].usd_per_1k < singles["onyx-large"].usd_per_1k


def test_whoever_reads_the_prompts_beats_the_best_fixed_choice(rows: tuple[OutcomeRow, ...]) -> None:
    """Fitted on one half and judged on the other: the text of a prompt tells who will do well on it."""
    extractor = FlagExtractor.load()
    features = np.array([[1.0, *np.frombuffer(extractor.extract(row.prompt), "<f4")] for row in rows])
    scale = max(one.usd_per_1k for one in references(pool_of(rows)).singles.values()) * 1e6
    utility = np.array(
        [[o.quality - 0.1 * (o.cost_nano_usd or 0) / scale for o in row.outcomes.values()] for row in rows]
    )
    half = len(rows) // 2
    taught, judged = features[:half], features[half:]
    weights = np.linalg.solve(taught.T @ taught + np.eye(taught.shape[1]), taught.T @ utility[:half])
    chosen = utility[half:][np.arange(len(judged)), (judged @ weights).argmax(axis=1)]
    fixed = utility[half:, utility[:half].mean(axis=0).argmax()]

    gain = chosen - fixed
    assert gain.mean() > 3 * gain.std() / len(gain) ** 0.5


@pytest.mark.parametrize("wrong", [{}, dict.fromkeys([*PRICES, "seventh"], TokenPrices(1, 1))])
def test_prices_of_other_models_are_refused(wrong: dict[str, TokenPrices]) -> None:
    with pytest.raises(ValueError, match="needs prices of exactly ember-nano"):
        simulate(wrong)


def test_the_documented_law_has_the_figures_of_the_code() -> None:
    text = DOCUMENT.read_text(encoding="utf-8").partition("<!-- natures: begin")[2].partition("<!-- natures: end")[0]
    table = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")
    ]
    skills, natures, lengths = table[2:8], table[10:16], table[18]

    assert table[0][1:] == [family.value for family in Family]
    assert {line[0]: [float(cell) for cell in line[1:]] for line in skills} == {
        model: list(nature.skill.values()) for model, nature in NATURES.items()
    }
    assert {line[0]: [float(cell) for cell in line[1:]] for line in natures} == {
        model: [getattr(nature, field.name) for field in dataclasses.fields(nature) if field.name != "skill"]
        for model, nature in NATURES.items()
    }
    assert [float(cell) for cell in lengths[1:]] == list(USUAL_LENGTH.values())
