"""Outcome files are taken whole or refused with the place and kind of their first fault."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atp_grpc.replay.outcomes import FaultKind, ModelOutcome, OutcomeFileFault, read_outcomes

GOOD: dict[str, Any] = {
    "prompt_id": "a-1",
    "source": "here",
    "category": "sums",
    "prompt": "2 + 2?",
    "outcomes": {
        "small": {"quality": 0.5, "input_tokens": 4, "output_tokens": 1, "cost_usd": 0.0000031, "latency_ms": 250.0},
        "large": {"quality": 1, "cost_usd": None},
    },
}


def write(path: Path, *rows: object) -> Path:
    path.write_text("".join(row if isinstance(row, str) else json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def with_small(**changes: object) -> dict[str, Any]:
    small = {**GOOD["outcomes"]["small"], **changes}
    return {**GOOD, "outcomes": {"small": {k: v for k, v in small.items() if v is not ...}}}


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in GOOD.items() if key != name}


def test_a_row_is_read_into_exact_money_and_seconds(tmp_path: Path) -> None:
    (row,) = read_outcomes([write(tmp_path / "good.jsonl", GOOD)])

    assert (row.prompt_id, row.source, row.category, row.prompt) == ("a-1", "here", "sums", "2 + 2?")
    assert row.outcomes["small"] == ModelOutcome(0.5, 3100, 4, 1, 0.25)
    assert row.outcomes["large"] == ModelOutcome(1.0)


def test_a_gzipped_file_reads_like_a_plain_one_whatever_its_name(tmp_path: Path) -> None:
    plain = write(tmp_path / "plain.jsonl", GOOD, {**GOOD, "prompt_id": "a-2"})
    packed = tmp_path / "also.jsonl"
    packed.write_bytes(gzip.compress(plain.read_bytes()))

    assert read_outcomes([packed]) == read_outcomes([plain])


def test_blank_lines_are_passed_over_and_still_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "gaps.jsonl", "\n", GOOD, "  \n", "nonsense\n")

    with pytest.raises(OutcomeFileFault) as caught:
        read_outcomes([path])
    assert caught.value.line == 4


def test_a_failed_call_is_read_as_one(tmp_path: Path) -> None:
    (row,) = read_outcomes([write(tmp_path / "failed.jsonl", with_small(quality=0, failed=True))])

    assert row.outcomes["small"].failed


def test_rows_of_several_files_stand_in_the_order_of_the_files(tmp_path: Path) -> None:
    first = write(tmp_path / "1.jsonl", {**GOOD, "prompt_id": "b"})
    second = write(tmp_path / "2.jsonl", {**GOOD, "prompt_id": "a"})

    assert [row.prompt_id for row in read_outcomes([first, second])] == ["b", "a"]


@pytest.mark.parametrize(
    ("line", "kind", "words"),
    [
        ("{\n", FaultKind.NOT_JSON, "not JSON at column"),
        ("[" * 100_000 + "\n", FaultKind.NOT_JSON, "nested too deeply"),
        ('{"prompt_id": "a", "prompt_id": "b"}\n', FaultKind.NOT_JSON, "a key stands twice"),
        ('{"outcomes": ' + "9" * 5000 + "}\n", FaultKind.NOT_JSON, "digits"),
        ("7\n", FaultKind.WRONG_TYPE, "the line is not an object"),
        (without("prompt_id"), FaultKind.MISSING_FIELD, "prompt_id is missing"),
        (without("prompt"), FaultKind.MISSING_FIELD, "prompt is missing"),
        (without("outcomes"), FaultKind.MISSING_FIELD, "outcomes is missing"),
        ({**GOOD, "prompt": ""}, FaultKind.MISSING_FIELD, "prompt is empty"),
        ({**GOOD, "prompt": 7}, FaultKind.WRONG_TYPE, "prompt is not text"),
        ({**GOOD, "prompt": "\ud800"}, FaultKind.NOT_UTF8, "prompt holds half a character"),
        ({**GOOD, "outcomes": []}, FaultKind.WRONG_TYPE, "outcomes is not an object"),
        ({**GOOD, "outcomes": {}}, FaultKind.MISSING_MODEL, "outcomes holds no model"),
        ({**GOOD, "outcomes": {"": {"quality": 1}}}, FaultKind.MISSING_MODEL, "a model has no name"),
        ({**GOOD, "outcomes": {"small": 1}}, FaultKind.WRONG_TYPE, "outcomes['small'] is not an object"),
        (with_small(quality=...), FaultKind.MISSING_FIELD, "outcomes['small'] lacks a quality"),
        (with_small(quality=None), FaultKind.MISSING_FIELD, "outcomes['small'] lacks a quality"),
        (with_small(quality=1.01), FaultKind.OUT_OF_RANGE, "outcomes['small'].quality is outside 0..1"),
        (with_small(quality=-0.01), FaultKind.OUT_OF_RANGE, "outcomes['small'].quality is outside 0..1"),
        (with_small(quality=True), FaultKind.WRONG_TYPE, "outcomes['small'].quality is not a number"),
        (with_small(quality="1"), FaultKind.WRONG_TYPE, "outcomes['small'].quality is not a number"),
        (with_small(quality=float("nan")), FaultKind.NOT_FINITE, "NaN is not a number"),
        (with_small(cost_usd=float("-inf")), FaultKind.NOT_FINITE, "-Infinity is not a number"),
        (with_small(cost_usd=-1e-9), FaultKind.OUT_OF_RANGE, "outcomes['small'].cost_usd is outside 0..1e+06"),
        (with_small(cost_usd=10**400), FaultKind.OUT_OF_RANGE, "outcomes['small'].cost_usd is outside"),
        (with_small(latency_ms=-1), FaultKind.OUT_OF_RANGE, "outcomes['small'].latency_ms is outside"),
        (with_small(output_tokens=1.5), FaultKind.WRONG_TYPE, "outcomes['small'].output_tokens is not a whole number"),
        (with_small(input_tokens=-1), FaultKind.OUT_OF_RANGE, "outcomes['small'].input_tokens is outside"),
        (with_small(failed="yes"), FaultKind.WRONG_TYPE, "outcomes['small'].failed is neither true nor false"),
        (with_small(failed=True), FaultKind.OUT_OF_RANGE, "outcomes['small'] failed and has a quality above 0"),
        ('{"quality": 1e999}\n', FaultKind.MISSING_FIELD, "outcomes is missing"),
        (
            json.dumps(GOOD).replace("0.5", "1e999") + "\n",
            FaultKind.NOT_FINITE,
            "outcomes['small'].quality is not finite",
        ),
    ],
)
def test_a_bad_line_is_refused_with_its_place_and_kind(
    tmp_path: Path, line: object, kind: FaultKind, words: str
) -> None:
    path = write(tmp_path / "bad.jsonl", {**GOOD, "prompt_id": "first"}, line)

    with pytest.raises(OutcomeFileFault) as caught:
        read_outcomes([path])
    assert (caught.value.kind, caught.value.path, caught.value.line) == (kind, path, 2)
    assert words in caught.value.complaint
    assert str(caught.value).startswith(f"{path}:2: ")


def test_a_line_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "latin.jsonl"
    path.write_bytes(json.dumps(GOOD).encode() + b"\n" + b'{"prompt": "\xe9"}\n')

    with pytest.raises(OutcomeFileFault, match=r"latin\.jsonl:2: the line is not UTF-8") as caught:
        read_outcomes([path])
    assert caught.value.kind is FaultKind.NOT_UTF8


@pytest.mark.parametrize(
    "content", [b"", b"\n \n", gzip.compress(b"")], ids=["nothing", "blank lines", "an empty archive"]
)
def test_an_empty_file_is_refused_as_a_whole(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "empty.jsonl"
    path.write_bytes(content)

    with pytest.raises(OutcomeFileFault, match="holds no rows") as caught:
        read_outcomes([path])
    assert (caught.value.kind, caught.value.line) == (FaultKind.EMPTY_FILE, 0)


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(OutcomeFileFault, match="No such file") as caught:
        read_outcomes([tmp_path / "nowhere.jsonl"])
    assert (caught.value.kind, caught.value.line) == (FaultKind.UNREADABLE, 0)


def test_an_archive_that_was_cut_short_is_refused(tmp_path: Path) -> None:
    rows = "".join(json.dumps({**GOOD, "prompt_id": str(number)}) + "\n" for number in range(500))
    path = tmp_path / "cut.jsonl.gz"
    path.write_bytes(gzip.compress(rows.encode())[:-40])

    with pytest.raises(OutcomeFileFault, match="damaged or cut short") as caught:
        read_outcomes([path])
    assert caught.value.kind is FaultKind.UNREADABLE


def test_a_prompt_id_that_stands_twice_is_refused_and_both_places_are_named(tmp_path: Path) -> None:
    first = write(tmp_path / "first.jsonl", {**GOOD, "prompt_id": "b"}, GOOD)
    second = write(tmp_path / "second.jsonl", GOOD)

    with pytest.raises(
        OutcomeFileFault, match=r"second\.jsonl:1: prompt id 'a-1' stands already at first\.jsonl:2"
    ) as caught:
        read_outcomes([first, second])
    assert caught.value.kind is FaultKind.DUPLICATE_PROMPT


def test_a_model_that_every_row_must_have_is_missed(tmp_path: Path) -> None:
    path = write(tmp_path / "partial.jsonl", GOOD, {**GOOD, "prompt_id": "a-2", "outcomes": {"small": {"quality": 1}}})

    assert len(read_outcomes([path], required_models=["small"])) == 2
    with pytest.raises(OutcomeFileFault, match=r"partial\.jsonl:2: outcomes lacks the model 'large'") as caught:
        read_outcomes([path], required_models=["small", "large"])
    assert caught.value.kind is FaultKind.MISSING_MODEL


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_bytes_of_any_kind_are_read_or_refused_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("any") / "any.jsonl"
    path.write_bytes(content)

    with pytest.raises(OutcomeFileFault):
        read_outcomes([path])


@settings(max_examples=300, deadline=None)
@given(
    st.integers(0, len(json.dumps(GOOD)) - 1),
    st.integers(1, 12),
    st.text(max_size=6),
)
def test_a_mutated_row_is_read_into_lawful_figures_or_refused(
    tmp_path_factory: pytest.TempPathFactory, start: int, length: int, replacement: str
) -> None:
    text = json.dumps(GOOD)
    path = tmp_path_factory.mktemp("mutated") / "mutated.jsonl"
    path.write_bytes((text[:start] + replacement + text[start + length :]).encode(errors="surrogatepass"))

    try:
        rows = read_outcomes([path])
    except OutcomeFileFault:
        return
    for outcome in (outcome for row in rows for outcome in row.outcomes.values()):
        assert 0 <= outcome.quality <= 1
        assert outcome.cost_nano_usd is None or outcome.cost_nano_usd >= 0
