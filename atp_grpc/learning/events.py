"""The events of a server, kept by the store: the last thousand, over restarts too.

Trials tell here what they have done; services read. An event of a trial is told once, however often a restart repeats
the step that tells it. It does nothing of what it tells.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Final

from atp_grpc.domain.clock import Clock
from atp_grpc.domain.event import Event, EventKind
from atp_grpc.store.contract import Store, StoreFailure

MOST_EVENTS: Final = 1_000
_FACT = "events"


class EventLog:
    """What happened, the oldest first."""

    def __init__(self, store: Store, clock: Clock, events: tuple[Event, ...] = ()) -> None:
        """`events` are those that the store has kept."""
        self._store = store
        self._clock = clock
        self._events = events
        self._telling = asyncio.Lock()

    @classmethod
    async def open(cls, store: Store, clock: Clock) -> EventLog:
        """The log as the store has kept it.

        Raises:
            StoreFailure: it cannot be read.
        """
        try:
            kept = json.loads(await store.read_fact(_FACT) or "[]")
            return cls(store, clock, tuple(Event(*one)._replace(kind=EventKind(one[2])) for one in kept))
        except (TypeError, ValueError) as damage:
            raise StoreFailure("what it remembers of events is damaged") from damage

    def after(self, sequence: int) -> tuple[Event, ...]:
        """The events that are kept and came after one."""
        events = self._events
        # Without gaps, so the place follows from the number.
        return events[max(sequence - events[0].sequence + 1, 0) :] if events else ()

    async def tell(
        self, kind: EventKind, *, trial: str, policy: str, cause: str = "", figures: Mapping[str, float]
    ) -> None:
        """Keeps an event, unless one of its kind is kept of this trial.

        Raises:
            StoreFailure: it could not be kept, and was not told.
        """
        async with self._telling:
            if any(one.kind is kind and one.trial == trial for one in self._events):
                return
            sequence = self._events[-1].sequence + 1 if self._events else 1
            event = Event(sequence, self._clock.now_nanos(), kind, trial, policy, cause, dict(figures))
            events = (*self._events, event)[-MOST_EVENTS:]
            await self._store.write_fact(_FACT, json.dumps(events))
            self._events = events
