"""Many passes in as many processes as asked for, with the results in the order of the work.

A run enters here twice: with its priors, then with its passes. Processes are spawned, never forked. Nothing here knows
what the work is, and the results do not depend on how many do it.
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


def run_all(work: Callable[[_Work], _Result], items: Sequence[_Work], *, jobs: int) -> Iterator[_Result]:
    """Does the work on every item; the results come one by one, in the order of the items.

    With one job, or one item, all of it is done in this process.

    Raises:
        WorkerLostError: a process ended in the middle of its work.
    """
    if jobs == 1 or len(items) <= 1:
        yield from map(work, items)
        return
    with tempfile.TemporaryDirectory(prefix="atp-jobs-") as scratch:
        executor = ProcessPoolExecutor(
            min(jobs, len(items)),
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_begin,
            initargs=(scratch,),
        )
        try:
            with _uninterrupted():
                futures = [executor.submit(work, item) for item in items]
            for future in futures:
                yield future.result()
        except BrokenProcessPool:
            raise WorkerLostError(
                "a process ended in the middle of its work; is there memory for so many jobs?"
            ) from None
        finally:
            executor.shutdown(cancel_futures=True)


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
