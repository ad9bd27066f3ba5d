"""Who is calling: the principal that a credential stands for."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final

EVERYBODY: Final = "-"
"""In place of a tenant's name: all of them (Google AIP-159). No tenant is called that."""


class Permission(enum.StrEnum):
    """What a credential allows. One to one with `atp.v1.Permission`, by test."""

    ROUTE = "route"
    OBSERVE = "observe"
    READ_DECISIONS = "read_decisions"
    READ_CATALOG = "read_catalog"
    OPERATE = "operate"
    READ_POLICIES = "read_policies"
    WRITE_POLICIES = "write_policies"
    ASK = "ask"


@dataclass(frozen=True, slots=True)
class Principal:
    """A tenant's key in use. The tenant never comes from a message."""

    tenant: str
    key_id: str
    permissions: frozenset[Permission]
