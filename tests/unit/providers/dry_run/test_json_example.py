"""A schema that a model could answer has an example, and one that nobody could answer ends quickly."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.providers.json_example import NoExample, example_of

NODE = {
    "$ref": "#/$defs/node",
    "$defs": {
        "node": {
            "type": "object",
            "required": ["name", "children"],
            "properties": {
                "name": {"type": "string"},
                "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
            },
        }
    },
}


@pytest.mark.parametrize(
    ("schema", "example"),
    [
        (True, {}),
        ({}, {}),
        ({"type": "string"}, "dry run"),
        ({"type": "string", "minLength": 9}, "dry run.."),
        ({"type": "string", "maxLength": 3}, "dry"),
        ({"type": "string", "format": "date"}, "2000-01-01"),
        ({"type": "integer"}, 0),
        ({"type": "integer", "minimum": 3, "multipleOf": 2}, 4),
        ({"type": "integer", "exclusiveMinimum": 4, "multipleOf": 2}, 6),
        ({"type": "number", "maximum": -1.5}, -2),
        ({"type": "number", "exclusiveMaximum": 0}, -1),
        ({"type": ["null", "string"]}, None),
        ({"type": "boolean"}, True),
        ({"enum": ["a", "b"]}, "a"),
        ({"const": {"a": 1}}, {"a": 1}),
        ({"items": {"type": "integer"}, "minItems": 2}, [0, 0]),
        (
            {"type": "array", "prefixItems": [{"type": "null"}], "items": {"type": "boolean"}, "minItems": 2},
            [None, True],
        ),
        ({"anyOf": [False, {"type": "string"}]}, "dry run"),
        ({"oneOf": [{"$ref": "#/nowhere"}, {"const": 1}]}, 1),
        (
            {"allOf": [{"required": ["a"]}, {"required": ["b"], "properties": {"b": {"type": "null"}}}]},
            {"a": {}, "b": None},
        ),
        (NODE, {"name": "dry run", "children": []}),
    ],
)
def test_the_example_is_the_least_that_the_schema_demands(schema: Any, example: Any) -> None:
    assert example_of(schema) == example


@pytest.mark.parametrize(
    "schema",
    [
        False,
        None,
        3,
        {"type": "colour"},
        {"enum": []},
        {"const": float("nan")},
        {"type": "integer", "multipleOf": 0, "minimum": 1},
        {"type": "number", "minimum": float("inf")},
        {"type": "string", "minLength": 10**9},
        {"type": "string", "minLength": "long"},
        {"type": "array", "minItems": 10**9, "items": {"type": "null"}},
        {"type": "array", "minItems": 10**9},
        {"$ref": "https://example.com/schema"},
        {"$ref": "#"},
        {"$ref": "#/$defs/gone"},
        {"anyOf": [False, {"enum": []}]},
        {"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#"}}},
    ],
)
def test_a_schema_that_nothing_fits_has_no_example(schema: Any) -> None:
    with pytest.raises(NoExample):
        example_of(schema)


def test_nested_lists_that_multiply_are_given_up() -> None:
    levels = {f"l{n}": {"type": "array", "minItems": 1000, "items": {"$ref": f"#/$defs/l{n + 1}"}} for n in range(20)}
    levels["l20"] = {"const": "x" * 1000}

    with pytest.raises(NoExample):
        example_of({"$ref": "#/$defs/l0", "$defs": levels})


def test_a_choice_whose_branches_all_fail_is_given_up() -> None:
    levels: dict[str, Any] = {f"l{n}": {"anyOf": [{"$ref": f"#/$defs/l{n + 1}"}] * 10} for n in range(20)}
    levels["l20"] = False

    with pytest.raises(NoExample):
        example_of({"$ref": "#/$defs/l0", "$defs": levels})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYWORDS = [
    *("type", "enum", "const", "required", "properties", "items", "prefixItems", "minItems", "minLength", "maxLength"),
    *("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "multipleOf", "anyOf", "oneOf", "allOf", "$ref"),
]


@given(st.recursive(JSON, lambda inner: st.dictionaries(st.sampled_from(KEYWORDS), inner, max_size=4), max_leaves=12))
def test_whatever_is_called_a_schema_ends_in_an_example_or_in_none(schema: Any) -> None:
    try:
        example_of(schema)
    except NoExample:
        return
