"""Choices are read as they were written, and a file that holds anything else is refused with its line."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atp_grpc.replay.choices import ChoiceLine, ChoicesFault, read_choices, write_choices

LINE = ChoiceLine("d", "0.1", 0, "p-1", "a", 0.25)
TEXT = st.text(st.characters(codec="utf-8"), min_size=1)
LINES = st.builds(
    ChoiceLine, TEXT, TEXT, st.integers(0, 99), TEXT, TEXT, st.floats(0, 1, exclude_min=True, allow_nan=False)
)


@pytest.mark.parametrize("name", ["choices.jsonl", "choices.jsonl.gz"])
@settings(deadline=None)
@given(lines=st.lists(LINES))
def test_choices_are_read_as_they_were_written(
    name: str, lines: list[ChoiceLine], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("choices") / name

    write_choices(path, lines)

    assert list(read_choices(path)) == lines


def test_a_line_has_exactly_the_six_keys(tmp_path: Path) -> None:
    write_choices(tmp_path / "c.jsonl", [LINE])

    assert list(json.loads((tmp_path / "c.jsonl").read_text())) == [
        "dataset",
        "setting",
        "seed",
        "prompt_id",
        "model",
        "propensity",
    ]


def test_the_name_decides_whether_choices_are_gzipped(tmp_path: Path) -> None:
    write_choices(tmp_path / "c.jsonl", [LINE])
    write_choices(tmp_path / "c.jsonl.gz", [LINE])

    assert gzip.decompress((tmp_path / "c.jsonl.gz").read_bytes()) == (tmp_path / "c.jsonl").read_bytes()


def test_the_same_choices_are_the_same_bytes_under_any_name(tmp_path: Path) -> None:
    write_choices(tmp_path / "one.gz", [LINE])
    write_choices(tmp_path / "two.gz", [LINE])

    assert (tmp_path / "one.gz").read_bytes() == (tmp_path / "two.gz").read_bytes()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"seed": "0"}, "seed is not a whole number"),
        ({"seed": True}, "seed is not a whole number"),
        ({"propensity": 1}, "propensity is not a fraction"),
        ({"model": 3}, "model is not text"),
        ({"more": 1}, "exactly the keys"),
    ],
)
def test_a_line_that_is_no_choice_is_refused_with_its_number(
    tmp_path: Path, change: dict[str, object], complaint: str
) -> None:
    path = tmp_path / "c.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in (LINE._asdict(), LINE._asdict() | change)))

    with pytest.raises(ChoicesFault, match=complaint) as refused:
        list(read_choices(path))

    assert (refused.value.path, refused.value.line) == (path, 2)


def test_what_is_no_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "c.jsonl").write_text("{\n")

    with pytest.raises(ChoicesFault, match=r"c\.jsonl:1: not a line of JSON"):
        list(read_choices(tmp_path / "c.jsonl"))


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "c.jsonl").write_bytes(b'"\xff"\n')

    with pytest.raises(ChoicesFault, match="not UTF-8"):
        list(read_choices(tmp_path / "c.jsonl"))


def test_a_damaged_or_missing_file_is_refused(tmp_path: Path) -> None:
    write_choices(tmp_path / "c.gz", [LINE] * 500)
    (tmp_path / "c.gz").write_bytes((tmp_path / "c.gz").read_bytes()[:-9])

    with pytest.raises(ChoicesFault, match="damaged or cut short"):
        list(read_choices(tmp_path / "c.gz"))
    with pytest.raises(ChoicesFault, match="cannot be read"):
        list(read_choices(tmp_path / "none"))
