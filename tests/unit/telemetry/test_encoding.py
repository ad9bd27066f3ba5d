"""Log lines are one line of printable ASCII JSON, whatever is put into them."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.telemetry.encoding import encode_line

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=5),
    max_leaves=10,
)


@given(st.dictionaries(st.text(max_size=10), VALUES, max_size=6))
def test_whatever_goes_in_comes_out_as_one_line_of_json(fields: dict[str, Any]) -> None:
    line = encode_line(fields)

    assert line.isascii()
    assert line.isprintable()
    assert _finite(fields) == json.loads(line)


def test_line_breaks_escape_sequences_and_foreign_letters_are_escaped() -> None:
    line = encode_line({"method": "a\r\nb\x1b[31m\x00\x7f\u2028é"})

    assert line == '{"method":"a\\r\\nb\\u001b[31m\\u0000\\u007f\\u2028\\u00e9"}'


def test_long_text_and_long_lists_are_cut() -> None:
    cut = json.loads(encode_line({"text": "x" * 100_000, "list": list(range(1_000))}))

    assert cut["text"] == "x" * 512 + "..."
    assert cut["list"] == list(range(64))


@pytest.mark.parametrize("value", [ValueError("secret"), b"secret", {"secret": 1}, object()])
def test_an_object_leaves_as_the_name_of_its_type(value: object) -> None:
    assert json.loads(encode_line({"it": value})) == {"it": f"<{type(value).__name__}>"}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_does_not_know_become_text(value: float) -> None:
    assert json.loads(encode_line({"it": value})) == {"it": str(value)}


def _finite(value: Any) -> Any:
    match value:
        case dict():
            return {key: _finite(item) for key, item in value.items()}
        case list():
            return [_finite(item) for item in value]
        case float() if not math.isfinite(value):
            return str(value)
        case _:
            return value
