"""Whether a JSON schema lies within the part of the language that OpenAI enforces.

Requests are written with what it says: a schema within is enforced while the answer is written, any other one would be
refused with a 400 and is therefore only shown to the model. It looks at the schema's form and never changes it.

The part is the one OpenAI publishes (*Structured Outputs*, supported schemas): the root is an object, every object
lists all of its properties as required and allows no others, and keywords that compose or transform are left out.
"""

from __future__ import annotations

from typing import Any, Final

MOST_NESTED: Final = 10
"""Levels of objects, lists and alternatives in each other."""
MOST_PROPERTIES: Final = 5000
MOST_CHOICES: Final = 1000
"""Values of all enumerations together."""
_KEYWORDS: Final = frozenset(
    {
        *("$schema", "$id", "$defs", "definitions", "$ref", "title", "description"),
        *("type", "enum", "const", "anyOf", "properties", "required", "additionalProperties", "items"),
        *("pattern", "format", "minItems", "maxItems"),
        *("multipleOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    }
)
_SAYS_WHAT: Final = frozenset({"type", "enum", "const", "anyOf", "$ref"})


def fits(schema: object) -> bool:
    """Whether the schema may be sent to be enforced."""
    if not isinstance(schema, dict) or schema.get("type") != "object" or "anyOf" in schema:
        return False
    walk = _Walk()
    return walk.passes(schema, 1) and walk.properties <= MOST_PROPERTIES and walk.choices <= MOST_CHOICES


class _Walk:
    """One look at a schema, counting on the way."""

    def __init__(self) -> None:
        self.properties = self.choices = 0

    def passes(self, schema: object, level: int) -> bool:
        if not isinstance(schema, dict) or level > MOST_NESTED or not schema.keys() <= _KEYWORDS:
            return False
        if schema.keys().isdisjoint(_SAYS_WHAT) or not isinstance(schema.get("$ref", "#"), str):
            return False
        choices = schema.get("enum", [])
        if not isinstance(choices, list):
            return False
        self.choices += len(choices)
        parts = [*self._named(schema, "$defs"), *self._named(schema, "definitions"), *_alternatives(schema)]
        if _is_a(schema, "object") or "properties" in schema:
            if not _is_closed(schema):
                return False
            self.properties += len(schema["properties"])
            parts += schema["properties"].values()
        if _is_a(schema, "array") or "items" in schema:
            parts.append(schema.get("items"))
        return all(self.passes(part, level + 1) for part in parts)

    @staticmethod
    def _named(schema: dict[str, Any], key: str) -> list[object]:
        named = schema.get(key, {})
        return list(named.values()) if isinstance(named, dict) else [None]


def _alternatives(schema: dict[str, Any]) -> list[object]:
    alternatives = schema.get("anyOf", [])
    return alternatives if isinstance(alternatives, list) and ("anyOf" not in schema or alternatives) else [None]


def _is_a(schema: dict[str, Any], kind: str) -> bool:
    said = schema.get("type")
    return kind in said if isinstance(said, list) else said == kind


def _is_closed(schema: dict[str, Any]) -> bool:
    """Whether an object has all of its properties and no others."""
    properties, required = schema.get("properties"), schema.get("required")
    if not isinstance(properties, dict) or not isinstance(required, list):
        return False
    if not all(isinstance(name, str) for name in required):
        return False
    return schema.get("additionalProperties") is False and properties.keys() == set(required)
