"""Hears the signals of a process, and ends it when its time is over, whatever its event loop does or does not do.

Whoever runs a whole process keeps one. It is a thread beside the loop, woken by the operating system itself, because a
handler of the interpreter waits until the loop's thread comes to its next line; a timer of the interpreter stands
behind it for code that never gives other threads a turn. It never touches a call.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType
from typing import Self

SIGNALS = (signal.SIGTERM, signal.SIGINT)
STDERR = 2
LAST_TIMER_SECONDS = 0.5
"""How much later the interpreter's own timer goes off: the thread comes first, because its words are better."""
PLACES = 24
_REST, _ARM = 0, 255
"""Bytes that no signal has for its number."""


class Guard:
    """A context manager: rests when the block ends."""

    def __init__(self, seconds: float, *, late: int, forced: int) -> None:
        """What it ends a process with, and when.

        Args:
            seconds: from the first signal, or from `arm`, to the end.
            late: exit code when they are over.
            forced: exit code at a second signal.
        """
        self._seconds = seconds
        self._late = late
        self._forced = forced
        self._end: float | None = None
        self._is_signalled = False
        self._on_first: Callable[[str], None] = lambda _: None
        self._say: Callable[[list[str]], None] = _say_plainly
        self._watched = threading.get_ident()
        self._hears, self._tells = os.pipe()
        os.set_blocking(self._tells, False)
        self._thread = threading.Thread(target=self._run, name="guard", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tell(_REST)
        self._thread.join()
        if self._end is not None:
            faulthandler.cancel_dump_traceback_later()
        os.close(self._hears)
        os.close(self._tells)

    @contextlib.contextmanager
    def signals(self, on_first: Callable[[str], None]) -> Iterator[None]:
        """Takes SIGTERM and SIGINT while the block runs; only the main thread may enter it.

        The first arms the guard and is told to `on_first` by name, from the guard's own thread. The second ends the
        process at once.
        """
        self._on_first = on_first
        # In this order: a signal must never find a handler that does nothing and nobody to be woken.
        woken = signal.set_wakeup_fd(self._tells, warn_on_full_buffer=False)
        before = {number: signal.signal(number, _leave_it_to_the_guard) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler if handler is not None else signal.SIG_DFL)
            signal.set_wakeup_fd(woken)

    def speak_through(self, say: Callable[[list[str]], None] | None) -> None:
        """Who says the last words: gets the calls of the watched thread, innermost last. None: standard error."""
        self._say = say or _say_plainly

    def arm(self) -> None:
        """Lets the time begin; a second time does nothing."""
        self._tell(_ARM)

    def _tell(self, byte: int) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(self._tells, bytes((byte,)))

    def _run(self) -> None:
        while True:
            left = None if self._end is None else max(0.0, self._end - time.monotonic())
            heard, _, _ = select.select([self._hears], [], [], left)
            if not heard:
                self._end_late()
            for byte in os.read(self._hears, select.PIPE_BUF):
                if byte == _REST:
                    return
                self._heed(byte)

    def _heed(self, byte: int) -> None:
        is_signal = byte in SIGNALS
        if not is_signal and byte != _ARM:
            return
        if self._end is None:
            self._end = time.monotonic() + self._seconds
            faulthandler.dump_traceback_later(self._seconds + LAST_TIMER_SECONDS, exit=True, file=STDERR)
        if not is_signal:
            return
        if self._is_signalled:
            os.write(STDERR, b"atp: a second signal, so the process ends at once; what was acknowledged is kept\n")
            os._exit(self._forced)
        self._is_signalled = True
        self._on_first(signal.Signals(byte).name)

    def _end_late(self) -> None:
        try:
            self._say(_places(sys._current_frames().get(self._watched)))  # noqa: SLF001 - the documented way in
        finally:
            os._exit(self._late)


def _leave_it_to_the_guard(_number: int, _frame: FrameType | None) -> None:
    """A signal must have a handler, or its default action ends the process."""


def _places(frame: FrameType | None) -> list[str]:
    """The innermost calls of a thread, as `module:function:line`."""
    places: list[str] = []
    while frame is not None and len(places) < PLACES:
        places.append(f"{frame.f_globals.get('__name__', '?')}:{frame.f_code.co_qualname}:{frame.f_lineno}")
        frame = frame.f_back
    return places[::-1]


def _say_plainly(places: list[str]) -> None:
    where = places[-1] if places else "nowhere"
    os.write(STDERR, f"atp: the time to shut down is over and the process is still at {where}\n".encode())
