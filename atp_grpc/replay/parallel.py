"""Many passes in as many processes as asked for, with the results in the order of the work.

A run enters here three times: to weigh its priors, to make them, and with its passes. Processes are spawned, never
forked. Nothing here knows what the work is, and the results do not depend on how many do it.
"""

from __future__ import annotations

import multiprocessing
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import TypeVar

_Work = TypeVar("_Work")
_Result = TypeVar("_Result")


class WorkerLostError(RuntimeError):
    """A process ended in the middle of its work, for example because memory ran out."""


class Crew:
    """Processes that wait for work; none is started before there is some."""

    def __init__(self, executor: ProcessPoolExecutor | None) -> None:
        """Without an executor, everything is done in this process."""
        self._executor = executor

    def do(self, work: Callable[[_Work], _Result], items: Sequence[_Work]) -> Iterator[_Result]:
        """Does the work on every item; the results come one by one, in the order of the items.

        One item is done in this process.

        Raises:
            WorkerLostError: a process ended in the middle of its work.
        """
        if self._executor is None or len(items) <= 1:
            yield from map(work, items)
            return
        try:
            with _uninterrupted():
                futures = [self._executor.submit(work, item) for item in items]
            for future in futures:
                yield future.result()
        except BrokenProcessPool:
            raise WorkerLostError(
                "a process ended in the middle of its work; is there memory for so many jobs?"
            ) from None


@contextmanager
def crew_of(jobs: int) -> Iterator[Crew]:
    """So many processes, which end with the block; one job is this process alone."""
    if jobs == 1:
        yield Crew(None)
        return
    with tempfile.TemporaryDirectory(prefix="atp-jobs-") as scratch:
        executor = ProcessPoolExecutor(
            jobs, mp_context=multiprocessing.get_context("spawn"), initializer=_begin, initargs=(scratch,)
        )
        try:
            yield Crew(executor)
        finally:
            executor.shutdown(cancel_futures=True)


def run_all(work: Callable[[_Work], _Result], items: Sequence[_Work], *, jobs: int) -> Iterator[_Result]:
    """Does the work on every item by a crew of its own.

    Raises:
        WorkerLostError: a process ended in the middle of its work.
    """
    with crew_of(max(1, min(jobs, len(items)))) as crew:
        yield from crew.do(work, items)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Processes that are started inside hear of no interruption before they know what to do about it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(scratch: str) -> None:
    # A terminal interrupts every process of the group, and only the first one has something to say about it. The others
    # end where they are; what they leave lies where the first one clears up.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    tempfile.tempdir = scratch
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
