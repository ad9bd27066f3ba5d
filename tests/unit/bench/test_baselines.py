"""Each baseline learns what it can, from what it chose and from nothing else, for every setting as if it were alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bench.quality.baselines.clusters import ClusterTable, centres, nearest
from tests.bench.quality.baselines.contract import Baseline, Matrix, Task
from tests.bench.quality.baselines.distance import Yardstick
from tests.bench.quality.baselines.linucb import DisjointLinUcb
from tests.bench.quality.baselines.means import FIRST_QUALITY, ArmMeans
from tests.bench.quality.baselines.neighbours import NearestNeighbours
from tests.bench.quality.baselines.online import Picks, Stream, Terms, serve
from tests.bench.quality.baselines.single import SingleModel
from tests.bench.quality.policies import BASELINES

Make = Callable[[Task], Baseline]
CONTEXTUAL = ("cluster_table", "nearest_neighbours", "disjoint_linucb")
FREE = Terms(np.zeros(1), np.zeros((1, 2)), np.zeros(2))


def two_kinds(count: int, *, seed: int = 3) -> Stream:
    """Prompts of two kinds that lie apart; each of two arms, equally dear, is good at one of them."""
    chance = np.random.default_rng(seed)
    kind = chance.integers(2, size=count)
    features = np.column_stack((kind, chance.random(count), np.full(count, 0.5)))
    skill = np.where(kind[:, None] == np.arange(2), 0.9, 0.2)
    quality = (chance.random((count, 2)) < skill).astype(float)
    return Stream(features, quality, np.full((count, 2), 0.5), np.zeros((count, 2)))


def served(make: Make, stream: Stream, terms: Terms = FREE, prior: Stream | None = None, *, seed: int = 0) -> Picks:
    prompts = stream.features if prior is None else np.concatenate((stream.features, prior.features))
    settings, arms = terms.charge.shape
    task = Task(settings, arms, prompts)
    return serve(make(task), terms, stream, prior, np.random.default_rng(seed))


def rightly(picks: Picks, stream: Stream) -> float:
    """Share of requests of the second half that went to the arm that is good at their kind."""
    half = len(stream.features) // 2
    return float((picks.arms[half:, 0] == stream.features[half:, 0]).mean())


@pytest.mark.parametrize("name", CONTEXTUAL)
def test_a_baseline_that_looks_at_prompts_learns_which_arm_is_good_at_which(name: str) -> None:
    stream = two_kinds(600)

    assert rightly(served(BASELINES[name], stream), stream) > 0.9


def test_arm_means_cannot_tell_prompts_apart() -> None:
    stream = two_kinds(600)

    assert 0.35 < rightly(served(BASELINES["epsilon_greedy"], stream), stream) < 0.65


def test_arm_means_find_the_better_arm() -> None:
    chance = np.random.default_rng(1)
    quality = (chance.random((400, 2)) < (0.4, 0.8)).astype(float)
    stream = Stream(np.zeros((400, 1)), quality, np.ones((400, 2)), np.zeros((400, 2)))

    assert (served(BASELINES["epsilon_greedy"], stream).arms[200:] == 1).mean() > 0.9


@pytest.mark.parametrize("name", CONTEXTUAL)
def test_with_a_prior_the_first_choices_are_right(name: str) -> None:
    stream = two_kinds(600)
    prior, rest = stream.at(np.arange(500)), stream.at(np.arange(500, 520))

    picks = served(BASELINES[name], rest, prior=prior)

    assert (picks.arms[:, 0] == rest.features[:, 0]).mean() >= 0.9


@pytest.mark.parametrize("name", BASELINES)
def test_an_outcome_that_was_not_chosen_changes_nothing(name: str) -> None:
    stream = two_kinds(200)
    priced = Terms(np.array([1.0]), np.zeros((1, 2)), np.array([0.5, 0.5]))
    picks = served(BASELINES[name], stream, priced)
    others = picks.arms != np.arange(2)
    poisoned = dataclasses.replace(
        stream, quality=np.where(others, 1 - stream.quality, stream.quality), cost=np.where(others, 9.0, stream.cost)
    )

    again = served(BASELINES[name], poisoned, priced)

    assert np.array_equal(again.arms, picks.arms)
    assert np.array_equal(again.propensities, picks.propensities)


@pytest.mark.parametrize("name", [*CONTEXTUAL, "epsilon_greedy"])
def test_an_outcome_that_was_chosen_is_learned(name: str) -> None:
    stream = two_kinds(200)
    picks = served(BASELINES[name], stream)
    chosen = picks.arms == np.arange(2)
    turned = dataclasses.replace(stream, quality=np.where(chosen, 1 - stream.quality, stream.quality))

    assert not np.array_equal(served(BASELINES[name], turned).arms, picks.arms)


@pytest.mark.parametrize("name", BASELINES)
def test_the_same_chance_makes_the_same_choices(name: str) -> None:
    stream = two_kinds(200)

    assert np.array_equal(served(BASELINES[name], stream).arms, served(BASELINES[name], stream).arms)


STILL: dict[str, Make] = {
    "cluster_table": lambda task: ClusterTable(task, clusters=20, exploration=0.0),
    "nearest_neighbours": lambda task: NearestNeighbours(task, neighbours=50, exploration=0.0),
    "disjoint_linucb": BASELINES["disjoint_linucb"],
    "arm_means": lambda task: ArmMeans(task, exploration=0.0),
}
"""Without exploration, whose draws are made for all settings at once."""


@pytest.mark.parametrize("name", STILL)
def test_the_settings_of_a_sweep_do_not_see_each_other(name: str) -> None:
    stream = two_kinds(150)
    sweep = Terms(np.array([0.0, 0.5, 3.0]), np.array([[0, 0], [0, 0.1], [0.3, 0]]), np.array([0.1, 0.4]))

    together = served(STILL[name], stream, sweep)

    for at in range(3):
        alone = Terms(sweep.weight[[at]], sweep.charge[[at]], sweep.first_cost)
        assert np.array_equal(served(STILL[name], stream, alone).arms[:, 0], together.arms[:, at])


def test_of_equal_utilities_the_cheaper_arm_is_taken_then_the_earlier() -> None:
    stream = Stream(np.zeros((1, 1)), np.ones((1, 3)), np.ones((1, 3)), np.zeros((1, 3)))
    equal = Terms(np.zeros(1), np.zeros((1, 3)), np.array([0.5, 0.2, 0.2]))

    assert served(BASELINES["disjoint_linucb"], stream, equal).arms.tolist() == [[1]]


def test_costs_are_learned_from_bills() -> None:
    chance = np.random.default_rng(1)
    cost = np.column_stack((chance.random(300) + 0.5, chance.random(300) * 0.1))
    stream = Stream(np.zeros((300, 1)), np.full((300, 2), 0.8), cost, np.zeros((300, 2)))
    believed = Terms(np.array([1.0]), np.zeros((1, 2)), np.array([0.0, 0.3]))

    arms = served(BASELINES["epsilon_greedy"], stream, believed).arms[:, 0]

    assert arms[0] == 0
    assert (arms[100:] == 1).mean() > 0.9


def test_what_a_request_is_known_to_cost_counts_for_that_request() -> None:
    dear = np.arange(200)[:, None] % 2 == np.arange(2)
    stream = Stream(np.zeros((200, 1)), np.full((200, 2), 0.8), dear * 0.4 + 0.2, dear * 0.4)
    fair = Terms(np.array([1.0]), np.zeros((1, 2)), np.array([0.2, 0.2]))

    arms = served(lambda task: ArmMeans(task, exploration=0.0), stream, fair).arms[:, 0]

    assert (arms[20:] != np.arange(200)[20:] % 2).all()


def test_a_charge_turns_choices_away_from_an_arm() -> None:
    stream = two_kinds(100)
    charged = Terms(np.zeros(1), np.array([[2.0, 0.0]]), np.zeros(2))

    assert (served(BASELINES["disjoint_linucb"], stream, charged).arms == 1).all()


def test_a_propensity_is_the_chance_of_the_choice() -> None:
    stream = two_kinds(4000)

    picks = served(lambda task: ArmMeans(task, exploration=0.2), stream)

    strays = picks.propensities < 0.5
    assert np.allclose(picks.propensities[strays], 0.1)
    assert np.allclose(picks.propensities[~strays], 0.9)
    assert abs(strays.mean() - 0.1) < 4 * np.sqrt(0.1 * 0.9 / 4000)


def test_the_uniform_draw_gives_every_arm_the_same_share() -> None:
    stream = two_kinds(4000)

    picks = served(BASELINES["uniform_random"], stream)

    assert (picks.propensities == 0.5).all()
    assert abs(picks.arms.mean() - 0.5) < 4 * 0.5 / np.sqrt(4000)


def test_a_single_model_serves_everything_at_any_price() -> None:
    dear = Terms(np.array([300.0]), np.array([[0.0, 9.0]]), np.array([0.0, 5.0]))

    assert (served(lambda task: SingleModel(task, arm=1), two_kinds(50), dear).arms == 1).all()


unit = st.floats(0, 1, allow_subnormal=False)


@given(st.lists(st.tuples(unit, unit, st.booleans(), unit), min_size=1, max_size=30), unit, unit)
@settings(deadline=None, max_examples=60)
def test_linucb_is_ridge_regression_and_its_width(
    lessons: list[tuple[float, float, bool, float]], one: float, two: float
) -> None:
    model = DisjointLinUcb(Task(1, 2, np.zeros((1, 2))), alpha=0.7)
    for first, second, arm, quality in lessons:
        model.learn(np.array([first, second]), np.array([[not arm, arm]]), np.full((1, 2), quality))

    estimate = model.estimate(np.array([one, two]))[0]

    for arm in (False, True):
        rows = [lesson for lesson in lessons if lesson[2] is arm]
        design = np.array([[1, first, second] for first, second, *_ in rows]).reshape(-1, 3)
        gram = np.eye(3) + design.T @ design
        x = np.array([1, one, two])
        mean = x @ np.linalg.solve(gram, design.T @ np.array([row[3] for row in rows]))
        assert estimate[int(arm)] == pytest.approx(mean + 0.7 * np.sqrt(x @ np.linalg.solve(gram, x)), abs=1e-9)


@given(st.lists(st.tuples(unit, unit), min_size=1, max_size=40, unique=True), unit)
@settings(deadline=None, max_examples=60)
def test_neighbours_are_the_nearest_past_requests(lessons: list[tuple[float, float]], place: float) -> None:
    prompts: Matrix = np.array([[where] for where, _ in lessons])
    model = NearestNeighbours(Task(1, 1, prompts), neighbours=5, exploration=0.0)
    for where, quality in lessons:
        model.learn(np.array([where]), np.ones((1, 1), bool), np.array([[quality]]))

    estimate = model.estimate(np.array([place]))[0, 0]

    overall = (FIRST_QUALITY + sum(quality for _, quality in lessons)) / (1 + len(lessons))
    yardstick = Yardstick.of(prompts)
    apart = (yardstick.scaled(prompts) - yardstick.scaled(np.array([[place]])))[:, 0] ** 2
    rim = np.sort(apart)[:5][-1]
    sure, open_ = apart < rim, apart == rim
    places = min(5, len(lessons)) - int(sure.sum())
    if open_.sum() == places:  # equals on the rim may be any of them
        near = [lessons[at][1] for at in np.flatnonzero(sure | open_)]
        assert estimate == pytest.approx((overall + sum(near)) / (1 + len(near)))


def test_clusters_are_found_where_prompts_lie_together() -> None:
    chance = np.random.default_rng(5)
    middles = np.array([[0.0, 0.0], [5.0, 0.0], [0.0, 5.0]])
    points = np.repeat(middles, 40, axis=0) + chance.normal(0, 0.3, (120, 2))

    found = centres(points, 3)

    assert sorted(nearest(middles, found).tolist()) == [0, 1, 2]
    assert np.abs(found[nearest(middles, found)] - middles).max() < 0.2
    assert np.array_equal(found, centres(points, 3))


def test_fewer_different_prompts_than_clusters_are_a_cluster_each() -> None:
    assert len(centres(np.array([[0.0], [1.0], [1.0], [0.0]]), 20)) == 2
