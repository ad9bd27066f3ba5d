"""Prices are read exactly or refused; none is ever guessed."""

import json
from pathlib import Path

import pytest

from atp_grpc.domain.money import TokenPrices
from atp_grpc.replay.listprices import ListPriceError, read_list_prices


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
        ("{", "no prices of 'here'"),
        ("[]", "no prices of 'here'"),
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
