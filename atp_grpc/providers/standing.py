"""How an endpoint says it is doing, for those dialects in which it can say so.

The fleet reads it before it chooses among deployments. It is what the endpoint claims, never what calls have shown.
"""

from __future__ import annotations

import enum
from typing import NamedTuple


class ServingState(enum.StrEnum):
    """In which state a model is at its endpoint. All but AWAY are one to one with `atp.adapter.v1`, by test."""

    READY = "ready"
    BUSY = "busy"
    """It takes calls, but others should be preferred."""
    PAUSED = "paused"
    """It takes no calls for now."""
    DRAINING = "draining"
    """It takes no more calls and goes away."""
    AWAY = "away"
    """It has not been heard of, or not for as long as its last word was to hold."""

    @property
    def takes_calls(self) -> bool:
        """Whether it may be called."""
        return self in (ServingState.READY, ServingState.BUSY)


class Standing(NamedTuple):
    """A state, and how many calls at once the endpoint suggests; None for as many as turn out well."""

    state: ServingState
    suggested_window: int | None = None
