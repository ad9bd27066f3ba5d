"""How a setting is declared: type, default, rule and sentence in one place, and the walk over all of them.

`settings` declares with `setting`, the loader and the documentation walk with `leaves_of`, so there is no second list
of fields. It never looks at a value.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_origin, get_type_hints

WORD = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
"""A name that people give: of a tenant, a schema, a policy."""
RULE = "rule"
"""Where a field keeps its `Rule`."""
_PREFIX = "ATP"


class Secret(str):
    """Text that hides itself from `repr`, logs of settings and dumps; empty means that there is none."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret(hidden)" if self else "Secret('')"


@dataclass(frozen=True, slots=True)
class Rule:
    """What a value must satisfy beside its type, and what is said about it.

    `minimum` and `maximum` are inclusive; for a list they count its entries. With `least_above_zero` a number is 0 or
    at least that. `pattern` must match the whole text. `profile_defaults` replace the default under a profile;
    `environment` replaces the derived variable name. With `keyed_by` a list of tables is written as a table of tables,
    each under the value of that field.
    """

    doc: str
    minimum: float | None = None
    maximum: float | None = None
    least_above_zero: float | None = None
    pattern: re.Pattern[str] | None = None
    profile_defaults: Mapping[str, object] = dataclasses.field(default_factory=dict)
    environment: str = ""
    keyed_by: str = ""


def setting(
    doc: str,
    default: Any = dataclasses.MISSING,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    least_above_zero: float | None = None,
    pattern: str = "",
    profile_defaults: Mapping[str, object] | None = None,
    environment: str = "",
    keyed_by: str = "",
) -> Any:
    """Declares a setting; without a default it is required wherever its table is written.

    Args:
        doc: one line for people.
        default: the value when nobody sets it.
        minimum: smallest number, or fewest entries of a list.
        maximum: largest number, or most entries of a list.
        least_above_zero: smallest number that is not 0, where 0 has a meaning of its own.
        pattern: a regular expression that the whole text must match.
        profile_defaults: other defaults by profile.
        environment: the variable's name where it is not `ATP_SECTION_FIELD`.
        keyed_by: for a list of tables that is written as a table of tables: the field that their names go to.
    """
    rule = Rule(
        doc=doc,
        minimum=minimum,
        maximum=maximum,
        least_above_zero=least_above_zero,
        pattern=re.compile(pattern) if pattern else None,
        profile_defaults=profile_defaults or {},
        environment=environment,
        keyed_by=keyed_by,
    )
    return dataclasses.field(default=default, metadata={RULE: rule})


@dataclass(frozen=True, slots=True)
class Leaf:
    """One declared setting. `default` is `dataclasses.MISSING` where it is required."""

    path: tuple[str, ...]
    type: Any
    default: Any
    rule: Rule

    @property
    def key(self) -> str:
        """Its name in files and flags, for example `server.port`."""
        return ".".join(self.path)

    @property
    def name(self) -> str:
        """Its name within its table."""
        return self.path[-1]

    @property
    def environment(self) -> str:
        """Its environment variable, for example `ATP_SERVER_PORT`."""
        return self.rule.environment or "_".join((_PREFIX, *self.path)).upper()

    @property
    def table(self) -> type | None:
        """The dataclass of its entries when it is a list of tables."""
        if get_origin(self.type) is tuple and dataclasses.is_dataclass(entry := get_args(self.type)[0]):
            return entry if isinstance(entry, type) else None
        return None

    def default_under(self, profile: str) -> Any:
        """The default in force under a profile."""
        return self.rule.profile_defaults.get(profile, self.default)


def leaves_of(tree: type, above: tuple[str, ...] = ()) -> Iterator[Leaf]:
    """Every setting below a dataclass, in the order of declaration."""
    hints = get_type_hints(tree)
    for field in dataclasses.fields(tree):
        kind, path = hints[field.name], (*above, field.name)
        if dataclasses.is_dataclass(kind) and isinstance(kind, type):
            yield from leaves_of(kind, path)
        else:
            yield Leaf(path, kind, field.default, field.metadata[RULE])
