"""The words of chaos: where faults can be injected, which, and how often.

Services make rules of messages, sites draw by them. Nothing here has a state.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class ChaosTarget(enum.StrEnum):
    """Where faults can be injected. One to one with `atp.admin.v1.ChaosTarget`, by test."""

    PROVIDER = "provider"
    EDGE = "edge"
    STORE = "store"
    BACKGROUND = "background"


class ChaosFault(enum.StrEnum):
    """A kind of fault. One to one with `atp.admin.v1.ChaosFault`, by test."""

    ERROR = "error"
    DELAY = "delay"
    CUT = "cut"
    STALL = "stall"
    MALFORMED = "malformed"
    RATE_LIMITED = "rate_limited"


_EVERYWHERE = frozenset({ChaosFault.ERROR, ChaosFault.DELAY})

APPLICABLE: Mapping[ChaosTarget, frozenset[ChaosFault]] = MappingProxyType(
    {
        ChaosTarget.PROVIDER: frozenset(ChaosFault),
        ChaosTarget.EDGE: _EVERYWHERE,
        ChaosTarget.STORE: _EVERYWHERE,
        ChaosTarget.BACKGROUND: _EVERYWHERE,
    }
)
"""The faults that a target can have."""


class ChaosRule(NamedTuple):
    """A fault for a share of the occasions at a target.

    `probability` is above 0 and at most 1, `delay_seconds` belongs to DELAY. A rule with a `deployment` strikes calls
    of that one only; such rules are for providers.
    """

    target: ChaosTarget
    fault: ChaosFault
    probability: float
    delay_seconds: float = 0.0
    deployment: str = ""
