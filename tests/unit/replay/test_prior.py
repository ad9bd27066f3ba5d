"""A prior is what an engine knows that has learned every outcome of the rows, at the weight it deserves."""

from __future__ import annotations

import asyncio
import dataclasses
import math
import random
from pathlib import Path

import numpy as np
import pytest

from atp_grpc.domain.clock import ManualClock
from atp_grpc.domain.money import TokenPrices
from atp_grpc.engine.contract import EngineSummary
from atp_grpc.learning.prior import decode_prior
from atp_grpc.replay.pricing import by_the_list
from atp_grpc.replay.prior import teach
from atp_grpc.replay.rooms import replay_rooms
from atp_grpc.replay.teaching import Teaching
from tests.unit.replay.made import SETTINGS, Outcomes, plain_law, policy, run_in, write_file

COUNT = 80


@pytest.fixture(scope="module")
def teaching(tmp_path_factory: pytest.TempPathFactory) -> Teaching:
    run = run_in(write_file(tmp_path_factory.mktemp("outcomes") / "made.jsonl", COUNT))
    return Teaching(run.track, range(COUNT), run.settings[0].tariff, SETTINGS, 1.0)


def learned_of(teaching: Teaching) -> EngineSummary:
    """What rooms know that have adopted the prior."""
    prior = teach(teaching)

    async def adopted() -> EngineSummary:
        clock = ManualClock()
        async with replay_rooms(teaching.settings, teaching.tariff, clock) as rooms:
            await rooms.learner.import_prior(prior)
            return rooms.engine.summary(clock.now_nanos())

    return asyncio.run(adopted())


def by_hand(values: np.ndarray, prior: float, weight: float = 1.0) -> float:
    return (weight * float(values.sum()) + prior) / (weight * len(values) + 1)


@pytest.mark.parametrize("weight", [1.0, 0.25])
def test_every_outcome_of_every_row_is_known(teaching: Teaching, weight: float) -> None:
    summary = learned_of(dataclasses.replace(teaching, weight=weight))

    track = teaching.track
    assert summary.learned == 2 * COUNT
    for arm, known in enumerate(summary.arms):
        assert known.observations == pytest.approx(weight * COUNT)
        assert known.quality == pytest.approx(by_hand(track.quality[:, arm], 1.0, weight))
        assert known.output_tokens == pytest.approx(by_hand(track.cost_nano_usd[:, arm], 0.0, weight))


def test_the_same_rows_are_the_same_prior(teaching: Teaching) -> None:
    assert teach(teaching) == teach(teaching)


def test_only_the_rows_that_are_named_are_taught(teaching: Teaching) -> None:
    summary = learned_of(dataclasses.replace(teaching, rows=[3, 1, 4]))

    assert summary.learned == 6


def test_what_context_is_worth_is_known_before_the_first_request(tmp_path: Path) -> None:
    def law(number: int, chance: random.Random) -> Outcomes:
        outcomes = plain_law(number, chance)
        outcomes["cheap"]["quality"], outcomes["dear"]["quality"] = float(number % 2), float(not number % 2)
        return outcomes

    told = run_in(write_file(tmp_path / "told.jsonl", COUNT, law))
    tariff = told.settings[0].tariff
    teaching = Teaching(told.track, range(COUNT), tariff, SETTINGS, 1.0)
    noise = dataclasses.replace(told.track, quality=np.random.default_rng(7).random(told.track.quality.shape))

    assert learned_of(teaching).context_z > 5.0
    assert learned_of(dataclasses.replace(teaching, track=noise)).context_z < 0.0


def test_what_a_row_does_not_have_teaches_nothing(teaching: Teaching) -> None:
    quality, cost = teaching.track.quality.copy(), teaching.track.cost_nano_usd.copy()
    quality[:10, 0], cost[10:20, 1] = math.nan, math.nan
    holes = dataclasses.replace(teaching.track, quality=quality, cost_nano_usd=cost)

    summary = learned_of(dataclasses.replace(teaching, track=holes))

    assert [arm.observations for arm in summary.arms] == [COUNT - 10, COUNT]
    known = np.delete(teaching.track.cost_nano_usd[:, 1], np.arange(10, 20))
    assert summary.arms[1].output_tokens == pytest.approx(by_hand(known, 0.0))


def test_a_failed_call_teaches_failure_and_no_quality(teaching: Teaching) -> None:
    failed = teaching.track.failed.copy()
    failed[:, 1] = True
    track = dataclasses.replace(teaching.track, failed=failed)

    summary = learned_of(dataclasses.replace(teaching, track=track))

    assert summary.arms[1].observations == 0
    assert summary.arms[1].failure_rate > 0.9


def test_the_rows_end_just_before_the_first_request(teaching: Teaching) -> None:
    fading = dataclasses.replace(teaching, settings=policy(half_life_seconds=10))

    known = learned_of(fading).arms[0].observations

    # One row a second; evidence is read on a grid that is off by 1.1 % at most.
    assert known == pytest.approx(sum(2 ** (-age / 10) for age in range(1, COUNT + 1)), rel=0.012)


def test_the_expected_cost_follows_the_prompt_and_is_the_file_s_on_average(tmp_path: Path) -> None:
    listed = {"cheap": TokenPrices(10_000_000, 20_000_000), "dear": TokenPrices(1_000_000_000, 3_000_000_000)}

    def law(number: int, chance: random.Random) -> Outcomes:
        outcomes = plain_law(number, chance)
        for model, figures in outcomes.items():
            tokens = 10 + 10 * number
            figures |= {"input_tokens": tokens}
            figures["cost_usd"] = (tokens * listed[model].input + chance.randint(50, 90) * listed[model].output) / 1e15
        return outcomes

    run = run_in(write_file(tmp_path / "billed.jsonl", COUNT, law), listed=listed)
    known = learned_of(Teaching(run.track, range(COUNT), run.settings[0].tariff, SETTINGS, 1.0))

    tokens = np.array(run.track.input_tokens)
    for arm, (model, summary) in enumerate(zip(run.track.models, known.arms, strict=True)):
        expected = (tokens * listed[model].input + summary.output_tokens * listed[model].output) / 1e6
        cost = run.track.cost_nano_usd[:, arm]
        # The prior of 256 tokens still counts for one observation in 81.
        assert expected.mean() == pytest.approx(cost.mean(), rel=0.04)
        assert np.corrcoef(expected, cost)[0, 1] > 0.9


def test_where_no_price_is_known_no_ceiling_has_a_first_price(teaching: Teaching) -> None:
    def first_price(listed: dict[str, TokenPrices]) -> float:
        tariff = by_the_list(teaching.track, listed, 1e6)
        header = decode_prior(teach(dataclasses.replace(teaching, tariff=tariff))).header
        return header.first_price(10_000, cost_weight=0, cost_scale_nano_usd=1e6)

    assert first_price({}) == 0
    assert first_price({"dear": TokenPrices(0, 1_000_000_000), "cheap": TokenPrices(0, 1_000_000)}) > 0
