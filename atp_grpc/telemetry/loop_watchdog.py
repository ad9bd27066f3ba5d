"""Notices when the event loop stands still, and says in the log which line of code it stands on.

A heartbeat on the loop says that it turns; a thread beside the loop looks whether the heartbeat comes, because a loop
that stands still can tell nobody. The thread sleeps nearly always and never touches anything of the loop; what it
writes down of a stack are places, never values.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

BEATS_PER_STALL = 2
"""What stands still for the length of a stall is always noticed, half of that sometimes. More beats would be more exact
and would wake an idle machine more often: a beat costs it 0.1 ms of CPU (measured), a busy one a few microseconds."""
LONGEST_BEAT_SECONDS = 0.05
SUSPICIOUS = 0.6
"""Part of a stall after which it is worth to look where the loop stands; within the stall, wherever it began."""
PLACES = 24
WINDOW_SECONDS = 5.0
"""The greatest lag is remembered for one to two of these."""
_LEAST_NAP_SECONDS = 0.001


class LoopWatchdog:
    """Watches one event loop, from `start` to `stop`."""

    def __init__(
        self,
        *,
        stall_seconds: float,
        on_beat: Callable[[float], None],
        on_stall: Callable[[list[str]], None],
        on_stall_end: Callable[[float, float, float], None],
    ) -> None:
        """Takes the length of a stall and whom to tell.

        Args:
            stall_seconds: a loop that does not turn for longer than this has stalled.
            on_beat: hears, on the loop, how late each heartbeat was, in seconds.
            on_stall: hears once of each stall, as soon as it is one and usually in the watching thread, where the loop
                stands: calls as `module:function:line`, outermost first. Nothing when the thread could not look,
                because something held the interpreter all the while.
            on_stall_end: hears, on the loop, how long it lasted, how much of that the loop's thread was computing, and
                how much was garbage collection; all in seconds.
        """
        self._stall = stall_seconds
        self._interval = min(stall_seconds / BEATS_PER_STALL, LONGEST_BEAT_SECONDS)
        self._on_beat = on_beat
        self._on_stall = on_stall
        self._on_stall_end = on_stall_end
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._loop_thread = 0
        self._beats = 0
        self._beat_at = 0.0
        self._cpu_at_beat = 0.0
        self._lag = 0.0
        self._told = -1
        """The beat after which a stall was told of."""
        self._seen: tuple[int, list[str]] = (-1, [])
        """A beat, and where the loop stood when the next one seemed to be late."""
        self._collection_began = 0.0
        self._collected = 0.0
        self._window_began = 0.0
        self._worst = self._worst_before = 0.0

    @property
    def lag_seconds(self) -> float:
        """How late the loop is now: the lateness of its last heartbeat, or of the one that should have come."""
        if self._thread is None:
            return 0.0
        return max(self._lag, time.monotonic() - self._beat_at - self._interval)

    @property
    def recent_lag_seconds(self) -> float:
        """The greatest lag of the last five to ten seconds."""
        return max(self._worst, self._worst_before, self.lag_seconds)

    def start(self) -> None:
        """Watches the running loop; this thread is the loop's."""
        self._loop_thread = threading.get_ident()
        self._beat_at = self._window_began = time.monotonic()
        self._cpu_at_beat = time.thread_time()
        self._stopping.clear()
        gc.callbacks.append(self._note_collection)
        self._timer = asyncio.get_running_loop().call_later(self._interval, self._beat)
        self._thread = threading.Thread(target=self._watch, name="loop-watchdog", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Watches no more. Stopping again is fine."""
        if self._thread is None:
            return
        self._stopping.set()
        self._thread.join()
        self._thread = None
        if self._timer is not None:
            self._timer.cancel()
        gc.callbacks.remove(self._note_collection)

    def _beat(self) -> None:
        """On the loop: it turns."""
        now = time.monotonic()
        gap = now - self._beat_at
        self._lag = lag = max(gap - self._interval, 0.0)
        if gap > self._stall:
            self._tell_of_its_end(gap)
        if now - self._window_began > WINDOW_SECONDS:
            self._window_began, self._worst_before, self._worst = now, self._worst, 0.0
        self._worst = max(self._worst, lag)
        self._collected = 0.0
        self._cpu_at_beat = time.thread_time()
        # The number first: whoever sees the new time must not take it for the old beat's.
        self._beats += 1
        self._beat_at = time.monotonic()
        self._timer = asyncio.get_running_loop().call_later(self._interval, self._beat)
        self._on_beat(lag)

    def _tell_of_its_end(self, gap: float) -> None:
        beat, places = self._seen
        self._tell(self._beats, places if beat == self._beats else [])
        self._on_stall_end(gap, time.thread_time() - self._cpu_at_beat, self._collected)

    def _tell(self, beat: int, places: list[str]) -> None:
        """Tells of the stall after a beat, unless that was done."""
        with self._lock:
            if self._told == beat or self._beats != beat:
                return
            self._told = beat
            self._on_stall(places)

    def _watch(self) -> None:
        """In the thread beside the loop."""
        # A stall may be over before this thread has seen that it is one: so it looks where the loop stands a little
        # earlier, and keeps that for whoever finds out.
        suspicious = self._stall * SUSPICIOUS
        nap = suspicious
        while not self._stopping.wait(nap):
            beat, quiet = self._beats, time.monotonic() - self._beat_at
            if quiet < suspicious:
                nap = max(suspicious - quiet, _LEAST_NAP_SECONDS)
            elif quiet <= self._stall:
                if self._seen[0] != beat:
                    self._seen = (beat, self._places())
                nap = max(self._stall - quiet, _LEAST_NAP_SECONDS)
            else:
                if self._told != beat:
                    self._tell(beat, self._places())
                nap = self._stall

    def _places(self) -> list[str]:
        """Where the loop's thread stands, as `module:function:line`."""
        frame: FrameType | None = sys._current_frames().get(self._loop_thread)  # noqa: SLF001 - there is no other way to see another thread's stack
        places: list[str] = []
        while frame is not None and len(places) < PLACES:
            module = frame.f_globals.get("__name__", "?")
            # This module's own note of a collection would hide what the collector ran in.
            if module != __name__:
                places.append(f"{module}:{frame.f_code.co_qualname}:{frame.f_lineno}")
            frame = frame.f_back
        places.reverse()
        return places

    def _note_collection(self, phase: str, _info: dict[str, Any]) -> None:
        """Adds up garbage collections since the last beat; whichever thread they run in, they hold up all."""
        now = time.monotonic()
        if phase == "start":
            self._collection_began = now
        else:
            self._collected += now - self._collection_began
