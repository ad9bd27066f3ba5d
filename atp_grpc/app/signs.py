"""Signs of trouble that the rooms told of, kept until the next good sign, for the checks that look for them.

The instruments note them; nothing here is a counter, those are the metrics.
"""

from __future__ import annotations

from collections.abc import Callable


class Signs:
    """What went wrong last and has not gone right since. Only the event loop touches it."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._dropped_at: float | None = None
        self.has_commit_failed = False
        """Whether the last commit of reports failed."""
        self.failing: dict[str, None] = {}
        """Upkeep (`checkpoint`, `prune`) whose last run failed."""
        self.dead: dict[str, None] = {}
        """Background tasks that ended by a fault."""

    def dropped(self) -> None:
        """Records of decisions were given up."""
        self._dropped_at = self._monotonic()

    def seconds_since_dropped(self) -> float | None:
        """How long ago a record was given up; None when that never happened."""
        return None if self._dropped_at is None else self._monotonic() - self._dropped_at
