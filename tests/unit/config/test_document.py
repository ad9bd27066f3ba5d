"""What people read about the settings is derived from them, and shows no secret."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from atp_grpc.config import ClientSettings, Secret, Settings, document, dump, load
from atp_grpc.config.fields import leaves_of

PAGE = Path(__file__).resolve().parents[3] / "docs" / "configuration.md"
LEAVES = list(leaves_of(Settings))


def test_the_page_in_docs_is_the_one_the_code_writes() -> None:
    assert PAGE.read_text() == document(), "write it anew: python -m atp_grpc config doc > docs/configuration.md"


def test_the_page_names_each_setting_and_its_variable() -> None:
    page = document()

    for leaf in LEAVES:
        assert f"| `{leaf.name}` | `{leaf.environment}` |" in page


def test_the_page_shows_rules_and_defaults() -> None:
    lines = document().splitlines()

    assert any(line.startswith("| `port` |") and "whole number, -1 to 65,535 | `7443`" in line for line in lines)
    assert any(line.startswith("| `drain_delay_seconds` |") and "`0.5`; prod: `5`" in line for line in lines)
    assert any(line.startswith("| `digest` |") and "| required |" in line for line in lines)


def test_each_setting_is_explained_in_one_sentence() -> None:
    for leaf in LEAVES:
        assert leaf.rule.doc.endswith("."), leaf.key
        assert "\n" not in leaf.rule.doc, leaf.key


def test_each_number_of_seconds_or_dollars_says_so_in_its_name() -> None:
    for leaf in LEAVES:
        said = leaf.rule.doc.lower()
        if leaf.type is float and ("time" in said.split() or "deadline" in said.split()):
            assert leaf.name.endswith("_seconds"), leaf.key


def test_a_dump_is_json_and_holds_every_setting() -> None:
    tables = json.loads(json.dumps(dump(Settings())))

    for leaf in LEAVES:
        found = tables
        for name in leaf.path:
            found = found[name]


def test_a_dump_hides_secrets_and_shows_that_they_are_set() -> None:
    settings = load(None, {"ATP_KEY": "atp_dev_id_hush"}, {})

    assert "hush" not in json.dumps(dump(settings))
    shown: list[Any] = [dump(one)["client"] for one in (settings, Settings())]
    assert [client["key"] for client in shown] == ["(hidden)", ""]
    assert shown[0]["target"] == "127.0.0.1:7443"


def test_a_secret_hides_itself_from_repr_and_still_is_what_it_is() -> None:
    client = ClientSettings(key=Secret("atp_dev_id_hush"))

    assert "hush" not in repr(client)
    assert repr(Secret("")) == "Secret('')"
    assert client.key == "atp_dev_id_hush"
