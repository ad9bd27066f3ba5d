"""The page about the catalogue fits the code: its example is a catalogue, and it explains every key."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from atp_grpc.catalog.loader import parse_catalogue
from atp_grpc.domain.endpoint import Quirk, Timeouts
from tests.unit.catalog.desk import SECOND

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "catalog.md").read_text()


def written_keys(tables: dict[str, Any]) -> Iterator[str]:
    for name, value in tables.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            for entry in value:
                yield from written_keys(entry)
        else:
            yield name


def test_the_example_is_a_catalogue() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)

    catalogue = parse_catalogue(example.encode(), "example.toml")

    assert [deployment.name for deployment in catalogue.deployments] == ["ember-mini@harbor"]
    assert len(catalogue.deployments[0].price_history) == 2


def test_every_key_is_explained() -> None:
    explained = re.findall(r"^\|[^|]*\| `(\w+)` \|", PAGE, re.MULTILINE)

    assert set(explained) == set(written_keys(tomllib.loads(SECOND.decode())))


def test_every_quirk_and_every_timeout_is_named() -> None:
    names = {*Quirk, *(f"{field.name}_seconds" for field in dataclasses.fields(Timeouts))}

    assert names <= set(re.findall(r"`(\w+)`", PAGE))
