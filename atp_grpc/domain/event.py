"""An event: something that a server has done of its own accord, as it is kept and told.

Whoever acts by itself tells one; operators read them. It holds no text of callers.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import NamedTuple


class EventKind(enum.StrEnum):
    """What has happened. One to one with `atp.admin.v1.EventKind`, by test."""

    TRIAL_STARTED = "trial_started"
    TRIAL_VERDICT = "trial_verdict"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled_back"
    STOPPED = "stopped"


class Event(NamedTuple):
    """One event. `sequence` counts from 1 without gaps; `cause` says why in one word, empty when there is no more."""

    sequence: int
    moment_nanos: int
    kind: EventKind
    trial: str
    policy: str
    cause: str
    figures: Mapping[str, float]
