"""Which schemas OpenAI is asked to enforce: exactly those of the form that it publishes."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.providers.openai.strict import MOST_CHOICES, MOST_NESTED, MOST_PROPERTIES, fits

TEXT = {"type": "string"}


def closed(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": [*properties], "additionalProperties": False}


def nested(levels: int) -> dict[str, Any]:
    return closed(a=nested(levels - 1)) if levels > 1 else closed()


@pytest.mark.parametrize(
    "schema",
    [
        closed(),
        closed(name=TEXT, size={"type": ["number", "null"], "minimum": 0}),
        closed(items={"type": "array", "items": closed(at={"type": "string", "format": "date"}), "maxItems": 3}),
        closed(kind={"enum": ["a", "b"]}, one={"const": 1}, either={"anyOf": [TEXT, closed(x=TEXT), {"type": "null"}]}),
        {**closed(next={"anyOf": [{"$ref": "#"}, {"type": "null"}]}), "title": "Node", "description": "a list"},
        {**closed(step={"$ref": "#/$defs/step"}), "$defs": {"step": closed(text=TEXT)}},
        nested(MOST_NESTED),
    ],
)
def test_a_schema_of_the_published_form_is_enforced(schema: dict[str, Any]) -> None:
    assert fits(schema)


@pytest.mark.parametrize(
    "schema",
    [
        None,
        True,
        [closed()],
        {},
        TEXT,
        {"type": "object"},
        {"type": "object", "additionalProperties": False},
        {"type": ["object", "null"], **{key: value for key, value in closed().items() if key != "type"}},
        {"anyOf": [closed(), TEXT]},
        {**closed(), "anyOf": [closed()]},
        {**closed(a=TEXT), "required": []},
        {**closed(a=TEXT), "required": ["a", "b"]},
        {**closed(a=TEXT), "required": [["a"]]},
        {**closed(a=TEXT), "additionalProperties": True},
        {**closed(a=TEXT), "additionalProperties": TEXT},
        {**closed(a=TEXT), "allOf": []},
        closed(a={"type": "string", "default": "x"}),
        closed(a={"type": "string", "minLength": 1}),
        closed(a={"type": "array"}),
        closed(a={"type": "array", "items": [TEXT]}),
        closed(a={"type": "array", "prefixItems": [TEXT], "items": False}),
        closed(a={}),
        closed(a={"description": "anything"}),
        closed(a={"type": "object"}),
        closed(a={"$ref": 7}),
        closed(a={"anyOf": [TEXT, {"type": "object"}]}),
        closed(a={"enum": "abc"}),
        closed(a={"anyOf": []}),
        {**closed(), "$defs": {"open": {"type": "object"}}},
        nested(MOST_NESTED + 1),
        closed(a={"enum": [*range(MOST_CHOICES + 1)]}),
        closed(**{f"p{number}": TEXT for number in range(MOST_PROPERTIES + 1)}),
    ],
)
def test_any_other_schema_is_only_shown(schema: object) -> None:
    assert not fits(schema)


leaves = st.sampled_from([TEXT, {"type": "integer"}, {"enum": ["a", 1, None]}, {"type": ["boolean", "null"]}])
schemas = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.dictionaries(st.sampled_from("abc"), inner, max_size=3).map(lambda named: closed(**named)),
        inner.map(lambda one: {"type": "array", "items": one}),
        st.lists(inner, min_size=1, max_size=3).map(lambda some: {"anyOf": some}),
    ),
    max_leaves=6,
)


def objects(schema: Any) -> list[dict[str, Any]]:
    """Every object in a schema."""
    inner = [*schema.get("properties", {}).values(), *schema.get("anyOf", [])]
    if "items" in schema:
        inner.append(schema["items"])
    own = [schema] if schema.get("type") == "object" else []
    return own + [found for one in inner for found in objects(one)]


@given(
    root=st.dictionaries(st.sampled_from("abc"), schemas, max_size=3).map(lambda named: closed(**named)), at=st.data()
)
def test_one_open_object_anywhere_opens_the_whole_schema(root: dict[str, Any], at: st.DataObject) -> None:
    assert fits(root)
    opened = copy.deepcopy(root)
    place = at.draw(st.sampled_from(objects(opened)))
    how = at.draw(st.sampled_from(["additionalProperties", "required", "properties", "more"]))
    if how == "more":
        place["properties"]["optional"] = TEXT
    else:
        del place[how]
    assert not fits(opened)
