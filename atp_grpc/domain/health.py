"""How well the parts of a process are: states, what a check found, and when a finding is believed.

The regular look at the parts makes these values; the health service, the ops port and the metrics show them. Nothing
here runs a check, and nothing here knows which service needs which part.
"""

from __future__ import annotations

import enum
from collections import deque
from dataclasses import dataclass
from typing import NamedTuple


class State(enum.IntEnum):
    """How well something is: the greater, the worse. The numbers are those of the metric `atp_health_state`."""

    HEALTHY = 0
    DEGRADED = 1
    """It works, but worse or slower than it should."""
    UNHEALTHY = 2
    """It does not work."""

    @property
    def word(self) -> str:
        """The state as documents and log lines spell it."""
        return self.name.lower()


class Finding(NamedTuple):
    """What a check found. The sentence is for operators and never holds the text of an exception."""

    state: State
    sentence: str


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The last finding of a check: what, how long it took, and when (Unix nanoseconds) it was there."""

    name: str
    state: State
    sentence: str
    seconds: float
    checked_nanos: int


class Belief:
    """What is believed of a part whose findings may flap.

    The first finding is believed at once. Later a worse state is believed after `fall` findings in a row that were at
    least as bad, a better one after `rise` findings in a row that were at least as good.
    """

    def __init__(self, *, fall: int, rise: int) -> None:
        """Args: both are at least 1."""
        self._fall = fall
        self._rise = rise
        self._found: deque[State] = deque(maxlen=max(fall, rise))
        self._state: State | None = None

    @property
    def state(self) -> State | None:
        """What is believed; None before the first finding."""
        return self._state

    def hear(self, found: State) -> State:
        """Takes a finding; gives what is believed now."""
        self._found.append(found)
        if self._state is None:
            self._state = found
            return found
        bad, good = self._latest(self._fall), self._latest(self._rise)
        if bad and min(bad) > self._state:
            self._state = min(bad)
        elif good and max(good) < self._state:
            self._state = max(good)
        return self._state

    def _latest(self, count: int) -> list[State]:
        """The last findings; nothing when there are fewer."""
        return list(self._found)[-count:] if len(self._found) >= count else []
