"""Where settings come from: a TOML file, environment variables, flags; each as raw values with a name for complaints.

The loader enters here once per start. A source says which settings it gives and which of its names are unknown; it
never judges a value and never reads the environment itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atp_grpc.catalog.toml import TomlFault, read_toml
from atp_grpc.config.fields import Leaf
from atp_grpc.config.values import read_text, read_value, unknown

FOREIGN_VARIABLES = re.compile(r"ATP_DATA|ATP_REQUIRE_[A-Z]+")
"""Variables of the tests, the demo and the set-up: not settings, and not mistakes either."""


@dataclass(frozen=True, slots=True)
class Given:
    """A raw value for one setting. `place` is what a complaint calls it; `is_text` when its type is yet to be read."""

    leaf: Leaf
    place: str
    raw: object
    is_text: bool

    def read(self) -> Any:
        """The value as its type.

        Raises:
            MisfitError: it is none.
        """
        if self.is_text and isinstance(self.raw, str):
            return read_text(self.leaf, self.raw)
        return read_value(self.leaf, self.raw)


@dataclass(frozen=True, slots=True)
class Source:
    """What one place gives, and its complaints about names."""

    given: tuple[Given, ...] = ()
    complaints: tuple[str, ...] = ()
    is_readable: bool = True


def from_file(path: Path, leaves: Sequence[Leaf]) -> Source:
    """The settings of a TOML file: sections are tables. An unreadable file is a complaint, not an exception."""
    try:
        tree = read_toml(path.read_bytes(), str(path))
    except TomlFault as fault:
        return Source(complaints=(fault.complaint,), is_readable=False)
    except OSError as error:
        return Source(complaints=(f"{path}: cannot be read: {error.strerror}",), is_readable=False)
    by_path = {leaf.path: leaf for leaf in leaves}
    given: list[Given] = []
    complaints: list[str] = []
    for keys, raw in _entries(tree, by_path):
        key = ".".join(keys)
        if leaf := by_path.get(keys):
            given.append(Given(leaf, f"{path}: {key}", raw, is_text=False))
        elif any(known[: len(keys)] == keys for known in by_path):
            complaints.append(f"{path}: {key}: must be a table")
        else:
            names = [".".join(known[: len(keys)]) for known in by_path]
            complaints.append(f"{path}: {key}: {unknown(key, names)}")
    return Source(tuple(given), tuple(complaints))


def _entries(
    tree: Mapping[str, object], known: Mapping[tuple[str, ...], Leaf], above: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], object]]:
    """The values of a file with their paths. Only tables on the way to a setting are walked into."""
    for name, value in tree.items():
        path = (*above, name)
        is_section = path not in known and any(leaf[: len(path)] == path for leaf in known)
        if is_section and isinstance(value, dict):
            yield from _entries(value, known, path)
        else:
            yield path, value


def from_environment(environ: Mapping[str, str], leaves: Sequence[Leaf]) -> Source:
    """The settings among environment variables. An empty variable counts as not set."""
    by_name = {leaf.environment: leaf for leaf in leaves}
    given: list[Given] = []
    complaints: list[str] = []
    for name in sorted(environ):
        if leaf := by_name.get(name):
            if environ[name].strip():
                given.append(Given(leaf, f"environment: {name}", environ[name], is_text=True))
        elif name.startswith("ATP_") and not FOREIGN_VARIABLES.fullmatch(name):
            complaints.append(f"environment: {name}: {unknown(name, by_name)}")
    return Source(tuple(given), tuple(complaints))


def from_flags(overrides: Mapping[str, object], leaves: Sequence[Leaf]) -> Source:
    """The settings of the command line, by key. None counts as not set; text is read like an environment variable's."""
    by_key = {leaf.key: leaf for leaf in leaves}
    given: list[Given] = []
    complaints: list[str] = []
    for key, raw in overrides.items():
        if key not in by_key:
            complaints.append(f"flag: {key}: {unknown(key, by_key)}")
        elif raw is not None:
            given.append(Given(by_key[key], f"flag: {key}", raw, is_text=True))
    return Source(tuple(given), tuple(complaints))
