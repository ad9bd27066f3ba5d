"""What a log holds of one decision: the decision as it was recorded, and all that has been observed of it.

Stores give it out in the order in which decisions were kept; whoever lists, explains or judges decisions reads it.
"""

from __future__ import annotations

from typing import NamedTuple

from atp_grpc.domain.decision import Decision
from atp_grpc.domain.outcome import Report


class Place(NamedTuple):
    """A place in a store's log of decisions. Places grow in the order in which decisions were kept, and stay."""

    segment: int
    offset: int


class Logged(NamedTuple):
    """A decision of the log with what stands for it, and its place."""

    place: Place
    decision: Decision
    outcome: Report


class HistoryQuery(NamedTuple):
    """Which decisions of a log to give out.

    With `tenant` None those of every tenant. `since_nanos` and `before_nanos` bound the moment of the decision, the
    first included and the second not; None is no bound.
    """

    tenant: str | None
    since_nanos: int | None = None
    before_nanos: int | None = None
    newest_first: bool = False


class HistoryPage(NamedTuple):
    """A stretch of the log. `next_after` is where to go on; None at the end of what was kept when it was read."""

    entries: tuple[Logged, ...]
    next_after: Place | None
