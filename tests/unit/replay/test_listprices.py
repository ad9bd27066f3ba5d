"""Prices are read exactly or refused; none is ever guessed."""

import json
from pathlib import Path

import pytest

from atp_grpc.domain.money import TokenPrices
from atp_grpc.replay.listprices import ListPriceError, find_list_prices, read_list_prices, read_pool


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def listed(**price: object) -> str:
    return json.dumps({"sources": {"here": {"small": price}}})


def test_prices_are_whole_nano_dollars_through_their_decimal_text(tmp_path: Path) -> None:
    path = write(tmp_path / "models.json", listed(input_usd_per_mtok=0.1, output_usd_per_mtok=3))

    assert read_list_prices(path, "here", ["small"]) == {"small": TokenPrices(100_000_000, 3_000_000_000)}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "no JSON object"),
        ("[]", "no JSON object"),
        ('{"sources": {}}', "no prices of 'here'"),
        ('{"sources": {"here": {}}}', "no usable price of 'small'"),
        ('{"sources": {"here": []}}', "no usable price of 'small'"),
        (listed(input_usd_per_mtok=1), "no usable price of 'small'"),
        (listed(input_usd_per_mtok=-1, output_usd_per_mtok=1), "no usable price of 'small'"),
        (listed(input_usd_per_mtok=float("nan"), output_usd_per_mtok=1), "no usable price of 'small'"),
        (listed(input_usd_per_mtok="1", output_usd_per_mtok=1), "no usable price of 'small'"),
    ],
)
def test_a_list_that_cannot_be_used_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ListPriceError, match=words):
        read_list_prices(write(tmp_path / "models.json", text), "here", ["small"])


def test_a_missing_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ListPriceError, match="cannot be read"):
        read_list_prices(tmp_path / "models.json", "here", ["small"])


def test_only_the_models_that_a_source_lists_have_a_list_price(tmp_path: Path) -> None:
    path = write(tmp_path / "models.json", listed(input_usd_per_mtok=1, output_usd_per_mtok=2))

    assert find_list_prices(path, "here", ["large", "small"]) == {"small": TokenPrices(1_000_000_000, 2_000_000_000)}
    assert find_list_prices(path, "elsewhere", ["small"]) == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"sources": []}', "'sources' is no object"),
        ('{"sources": {"here": []}}', "the prices of 'here' are no object"),
        (listed(input_usd_per_mtok=1), "no usable price of 'small'"),
    ],
)
def test_a_list_that_says_something_unusable_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ListPriceError, match=words):
        find_list_prices(write(tmp_path / "models.json", text), "here", ["small"])


def test_a_pool_is_found_by_its_name(tmp_path: Path) -> None:
    path = write(tmp_path / "models.json", '{"pools": {"pair": ["b", "a"], "odd": 3}}')

    assert read_pool(path, "pair") == ("b", "a")
    with pytest.raises(ListPriceError, match="no pool 'odd'; there is odd, pair"):
        read_pool(path, "odd")
    with pytest.raises(ListPriceError, match="no pool 'pair'; there is none"):
        read_pool(write(tmp_path / "empty.json", "{}"), "pair")
