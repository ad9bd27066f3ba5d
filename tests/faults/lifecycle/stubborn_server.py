"""The real server with one bad method: Plan never ends, in the way named by the first argument. Run as a program."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import sys
import time
from collections import deque

from atp_grpc.app.guard import Guard
from atp_grpc.cli import program
from atp_grpc.services.route import RouteServicer

INSIDE = "inside"

told = asyncio.Event()
"""Set when the process has been asked to end and its guard keeps the time."""


async def ignore_cancellation(*_: object) -> None:
    print(INSIDE, flush=True)
    while True:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()


async def sleep_on_the_loop(*_: object) -> None:
    print(INSIDE, flush=True)
    time.sleep(3600)  # noqa: ASYNC251 - the mistake that this program is for


async def spin_on_the_loop(*_: object) -> None:
    print(INSIDE, flush=True)
    while True:
        pass


async def never_give_way(*_: object) -> None:
    """Native code that neither returns nor lets another thread of the interpreter run, once the end is asked for."""
    print(INSIDE, flush=True)
    await told.wait()
    deque(itertools.repeat(None), maxlen=0)


WAYS = {way.__name__: way for way in (ignore_cancellation, sleep_on_the_loop, spin_on_the_loop, never_give_way)}

arm = Guard.arm


def arm_and_tell(guard: Guard) -> None:
    arm(guard)
    told.set()


if __name__ == "__main__":
    Guard.arm = arm_and_tell  # type: ignore[method-assign, assignment]
    RouteServicer.plan = WAYS[sys.argv[1]]  # type: ignore[assignment]
    sys.exit(program.run(["serve", *sys.argv[2:]]))
