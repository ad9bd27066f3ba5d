"""The smallest value that a JSON schema allows, so that the dry run can answer in the shape it was asked for.

`dry_run` enters here. Knows the keywords that model providers take for structured answers (JSON Schema 2020-12: types,
enum, const, properties, items, least lengths and bounds, anyOf, oneOf, allOf, local `$ref`); keywords beyond them
(`pattern`, `not`, `dependentSchemas`) are not looked at. It validates nothing, fetches nothing, and works no longer
for a hostile schema than for a large one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

_MOST_WORK = 50_000
"""Keywords looked at and characters made, in all: many times what a reasonable schema takes."""
_DEEPEST = 64
_TEXT = "dry run"
_CHOICES = ("anyOf", "oneOf")
_FORMATS = {
    "date-time": "2000-01-01T00:00:00Z",
    "date": "2000-01-01",
    "time": "00:00:00Z",
    "duration": "PT0S",
    "email": "dry-run@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-0000-0000-000000000000",
}


class NoExample(Exception):
    """The schema has no example here: it is no schema, allows nothing, asks for too much, or never ends."""


def example_of(schema: object) -> Any:
    """A value of the schema, made of no more than the schema demands.

    Raises:
        NoExample: there is none to be found.
    """
    try:
        return _Search(schema).example(schema, 0)
    except (TypeError, ValueError, LookupError, ArithmeticError, AttributeError, RecursionError):
        # A keyword holds what the standard does not allow there.
        raise NoExample from None


class _Search:
    def __init__(self, root: object) -> None:
        self._root = root
        self._work_left = _MOST_WORK

    def example(self, schema: Any, depth: int) -> Any:
        self._work(1)
        if schema is True:
            return {}
        if schema is False or depth > _DEEPEST:
            raise NoExample
        self._work(len(schema))
        if "const" in schema or "enum" in schema:
            value = schema["const"] if "const" in schema else schema["enum"][0]
            self._work(len(json.dumps(value, allow_nan=False)))
            return value
        if "$ref" in schema:
            return self.example(self._both(self._resolved(schema["$ref"]), _without(schema, "$ref")), depth + 1)
        if "allOf" in schema:
            whole: Any = _without(schema, "allOf")
            for one in schema["allOf"]:
                whole = self._both(whole, one)
            return self.example(whole, depth + 1)
        for keyword in _CHOICES:
            if keyword in schema:
                return self._first_of(schema[keyword], _without(schema, keyword), depth + 1)
        return self._of_type(schema, depth)

    def _first_of(self, schemas: Any, rest: Mapping[str, Any], depth: int) -> Any:
        for schema in schemas:
            try:
                return self.example(self._both(rest, schema), depth)
            except (NoExample, LookupError):
                self._work(1)
        raise NoExample

    def _of_type(self, schema: Mapping[str, Any], depth: int) -> Any:
        kind = schema.get("type", "array" if "items" in schema else "object")
        match kind[0] if isinstance(kind, list) else kind:
            case "object":
                properties = schema.get("properties", {})
                return {
                    name: self.example(properties.get(name, True), depth + 1) for name in schema.get("required", ())
                }
            case "array":
                first = schema.get("prefixItems", ())
                schemas = (first[at] if at < len(first) else schema.get("items", True) for at in range(_least(schema)))
                return [self.example(one, depth + 1) for one in schemas]
            case "string":
                return self._string(schema)
            case "integer" | "number":
                return _number(schema)
            case "boolean":
                return True
            case "null":
                return None
            case _:
                raise NoExample

    def _string(self, schema: Mapping[str, Any]) -> str:
        least = schema.get("minLength", 0)
        self._work(least)
        text: str = _FORMATS.get(schema.get("format", ""), _TEXT[: schema.get("maxLength")])
        return text.ljust(least, ".")

    def _both(self, one: Any, other: Any) -> Any:
        """Both schemas at once, as far as their keywords say it plainly."""
        if isinstance(one, bool) or isinstance(other, bool):
            return (one is not False and other) if isinstance(one, bool) else (other is not False and one)
        self._work(len(one) + len(other))
        both = {**one, **other}
        if "properties" in one and "properties" in other:
            self._work(len(one["properties"]) + len(other["properties"]))
            both["properties"] = {**one["properties"], **other["properties"]}
        if "required" in one and "required" in other:
            self._work(len(one["required"]) + len(other["required"]))
            both["required"] = [*dict.fromkeys([*one["required"], *other["required"]])]
        return both

    def _resolved(self, reference: str) -> Any:
        """What a local reference (RFC 6901 in a fragment) points to."""
        if not reference.startswith("#"):
            raise NoExample
        found: Any = self._root
        for token in unquote(reference[1:]).split("/")[1:]:
            self._work(1)
            name = token.replace("~1", "/").replace("~0", "~")
            found = found[int(name)] if isinstance(found, list) else found[name]
        return found

    def _work(self, amount: int) -> None:
        self._work_left -= max(amount, 0)
        if self._work_left < 0:
            raise NoExample


def _without(schema: Mapping[str, Any], keyword: str) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if name != keyword}


def _least(schema: Mapping[str, Any]) -> int:
    return int(schema.get("minItems", 0))


def _number(schema: Mapping[str, Any]) -> Any:
    """The allowed multiple that is next to zero on the side the bounds leave."""
    step = schema.get("multipleOf", 1)
    if schema.get("minimum", 0) > 0:
        return step * math.ceil(schema["minimum"] / step)
    if schema.get("exclusiveMinimum", -1) >= 0:
        return step * (math.floor(schema["exclusiveMinimum"] / step) + 1)
    if schema.get("maximum", 0) < 0:
        return step * math.floor(schema["maximum"] / step)
    if schema.get("exclusiveMaximum", 1) <= 0:
        return step * (math.ceil(schema["exclusiveMaximum"] / step) - 1)
    return 0
