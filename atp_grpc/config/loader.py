"""Reads the settings: defaults, then the file, then the environment, then flags; later sources win.

The command line enters here once per start. Every complaint of every source comes in one error, each with the file and
key, the variable or the flag that it is about. It is written over the declared fields and names none but `profile`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from atp_grpc.config.fields import leaves_of
from atp_grpc.config.rules import JOINT_RULES
from atp_grpc.config.settings import Settings
from atp_grpc.config.sources import Source, from_environment, from_file, from_flags
from atp_grpc.config.values import MisfitError

_Tree = TypeVar("_Tree")
_Path = tuple[str, ...]
_PROFILE: _Path = ("profile",)


class ConfigurationError(ValueError):
    """The settings cannot be used; `complaints` holds everything that is wrong with them."""

    def __init__(self, complaints: Sequence[str]) -> None:
        super().__init__("\n".join(complaints))
        self.complaints = tuple(complaints)


def load(path: Path | None, environ: Mapping[str, str], overrides: Mapping[str, object]) -> Settings:
    """The settings in force.

    Args:
        path: a TOML file, or None for none.
        environ: environment variables; those that begin with `ATP_` are settings.
        overrides: flags by key, for example `server.port`; text is read by type, None counts as not given.

    Raises:
        ConfigurationError: something is wrong, with every complaint at once.
    """
    leaves = list(leaves_of(Settings))
    file = Source() if path is None else from_file(path, leaves)
    sources = (file, from_environment(environ, leaves), from_flags(overrides, leaves))
    complaints = [complaint for source in sources for complaint in source.complaints]
    values: dict[_Path, Any] = {}
    places: dict[str, str] = {}
    faulty: set[str] = set()
    for given in (given for source in sources for given in source.given):
        try:
            values[given.leaf.path] = given.read()
            places[given.leaf.key] = given.place
        except MisfitError as error:
            faulty.add(given.leaf.key)
            complaints += [f"{given.place}{misfit.where}: {misfit.sentence}" for misfit in error.misfits]
    profile = values.get(_PROFILE, Settings().profile)
    for leaf in leaves:
        values.setdefault(leaf.path, leaf.default_under(profile))
    settings = _build(Settings, values, ())
    # What an unreadable file says is unknown, so nothing joined with it can be judged.
    for rule in JOINT_RULES if file.is_readable else ():
        if faulty.isdisjoint(rule.keys) and (sentence := rule.complaint(settings)):
            where = ", ".join(dict.fromkeys(places[key] for key in rule.keys if key in places))
            complaints.append(f"{where or ', '.join(rule.keys)}: {sentence}")
    if complaints:
        raise ConfigurationError(complaints)
    return settings


def _build(tree: type[_Tree], values: Mapping[_Path, Any], above: _Path) -> _Tree:
    """The dataclass of a part of the tree, from values by path."""
    hints = get_type_hints(tree)
    parts = {}
    for field in dataclasses.fields(tree):  # type: ignore[arg-type]
        path = (*above, field.name)
        parts[field.name] = values[path] if path in values else _build(hints[field.name], values, path)
    return tree(**parts)
