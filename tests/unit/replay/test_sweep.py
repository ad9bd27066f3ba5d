"""A decision costs what the file says, in the unit of the whole file; the sweep is the one that scorers expect."""

from __future__ import annotations

import dataclasses
import random
import tomllib
from pathlib import Path

import numpy as np
import pytest

from atp_grpc.catalog.loader import parse_catalogue
from atp_grpc.domain.money import TokenPrices
from atp_grpc.replay.grading import OutcomeTable
from atp_grpc.replay.pricing import by_the_bill, by_the_call, for_free
from atp_grpc.replay.sweep import settings_of
from tests.unit.replay.made import Outcomes, plain_law, pool_in, run_in, write_file


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_file(tmp_path_factory.mktemp("outcomes") / "made.jsonl", 60)


def test_the_sweep_is_the_protocol_s(file: Path) -> None:
    settings = run_in(file, cost_weight=None).settings

    dollars = [setting for setting in settings if not setting.text.startswith("calls=")]
    assert [setting.cost_weight for setting in dollars] == [0.0, *np.geomspace(1e-3, 300, 18)]
    assert [setting.text for setting in dollars] == ["0", *(f"{weight:.6g}" for weight in np.geomspace(1e-3, 300, 18))]
    calls = [setting.text for setting in settings if setting.text.startswith("calls=")]
    assert [float(text.removeprefix("calls=")) for text in calls] == pytest.approx(np.linspace(-0.3, 0.7, 21))
    assert "calls=0" in calls


def test_a_negative_price_of_the_strong_model_is_a_price_of_the_weak_one(file: Path) -> None:
    by_text = {setting.text: setting for setting in run_in(file, cost_weight=None).settings}

    for text, priced in (("calls=-0.3", "cheap"), ("calls=0.3", "dear")):
        setting = by_text[text]
        prices = dict(zip(setting.tariff.models, setting.tariff.prices, strict=True))
        assert setting.cost_weight == pytest.approx(0.3)
        assert [model for model, price in prices.items() if price.output] == [priced]


def test_three_models_are_not_priced_by_the_call(tmp_path: Path) -> None:
    def law(number: int, chance: random.Random) -> Outcomes:
        return plain_law(number, chance) | {"third": {"quality": 0.3, "cost_usd": 0.1}}

    settings = run_in(write_file(tmp_path / "three.jsonl", 20, law), cost_weight=None).settings

    assert len(settings) == 19


def test_the_cost_scale_is_that_of_the_whole_file(file: Path) -> None:
    run = run_in(file)
    table = OutcomeTable.of("made", run.pool)

    [setting] = run.settings

    assert table.c_hi is not None
    assert setting.tariff.cost_scale_nano_usd == pytest.approx(table.c_hi / 1000 * 1e9)
    assert setting.tariff.cost_scale_nano_usd == pytest.approx(run.track.cost_nano_usd[:, 1].mean())


def test_without_list_prices_the_whole_bill_is_output(file: Path) -> None:
    run = run_in(file)
    [setting] = run.settings

    cost = float(run.track.cost_nano_usd[3, 1])

    assert setting.tariff.output_tokens(1, cost, 100) == cost
    assert setting.tariff.prices == (TokenPrices(0, 1_000_000),) * 2
    assert setting.tariff.prior_output_tokens == (0.0, 0.0)


def test_what_the_input_does_not_explain_of_a_bill_is_output(file: Path) -> None:
    listed = {"dear": TokenPrices(input=10_000_000_000, output=30_000_000_000)}

    tariff = by_the_bill(run_in(file).track, listed, 1e6)

    # 100 tokens at 10 dollars per million are a million nano-dollars, the rest is bought at 30 dollars per million.
    assert tariff.output_tokens(1, 4_000_000, 100) == pytest.approx(100)
    assert tariff.output_tokens(1, 900_000, 100) == 0
    assert tariff.prior_output_tokens == (0.0, 256.0)


def test_a_price_list_that_gives_output_away_is_not_believed(file: Path) -> None:
    listed = {"dear": TokenPrices(input=10_000_000_000, output=0)}

    assert by_the_bill(run_in(file).track, listed, 1e6) == by_the_bill(run_in(file).track, {}, 1e6)


def test_a_call_dearer_than_a_dollar_makes_the_token_dearer(file: Path) -> None:
    track = run_in(file).track
    dear = dataclasses.replace(track, cost_nano_usd=track.cost_nano_usd * 2000)

    tariff = by_the_bill(dear, {}, 1e9)

    most = float(dear.cost_nano_usd.max())
    tokens = tariff.output_tokens(1, most, 0)
    assert tokens is not None
    assert tokens <= 1e9
    assert tokens * tariff.prices[1].output / 1e6 == pytest.approx(most)


def test_input_tokens_are_the_fewest_that_were_charged_for_or_a_guess(tmp_path: Path) -> None:
    def law(number: int, chance: random.Random) -> Outcomes:
        outcomes = plain_law(number, chance)
        if number:
            outcomes["cheap"]["input_tokens"], outcomes["dear"]["input_tokens"] = 30 + number, 20 + number
        return outcomes

    run = run_in(write_file(tmp_path / "counted.jsonl", 3, law))

    assert run.track.input_tokens == (-(-len(run.pool.rows[0].prompt) // 4), 21, 22)


@pytest.mark.parametrize("models", [("a", "b"), ("org/model-1:free", "x@y+z")], ids=["plain", "signs"])
def test_a_tariff_is_a_catalogue_that_a_server_would_take(models: tuple[str, ...]) -> None:
    for tariff in (for_free(models), by_the_call(models, models[0])):
        text = tariff.catalogue()

        catalogue = parse_catalogue(text.encode(), "made")

        assert tuple(model.name for model in catalogue.models) == models
        assert [deployment.price_history[-1].prices for deployment in catalogue.deployments] == list(tariff.prices)
        assert tomllib.loads(text)["model"][0]["prior_output_tokens"] == tariff.prior_output_tokens[0]


def test_one_cost_weight_is_one_setting(file: Path) -> None:
    run = run_in(file, cost_weight=0.25)
    table = OutcomeTable.of("made", pool_in(file))

    [setting] = settings_of(table, run.track, {}, 0.25)

    assert (setting.text, setting.cost_weight) == ("0.25", 0.25)
