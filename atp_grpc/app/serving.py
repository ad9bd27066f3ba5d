"""A process that serves until it is told to stop: one loop, one ready line, two signals.

The command line enters here. The first SIGTERM or SIGINT drains, the second ends the process at once; a start that
fails says in one sentence why. It never decides what is served.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import sys
from pathlib import Path
from typing import TextIO

import uvloop

from atp_grpc.app.composition import App, open_app
from atp_grpc.app.failures import START_FAILURES, explain
from atp_grpc.config import Settings

OK, FAILED, REFUSED = 0, 1, 2
"""Exit codes: stopped as told; a background task died; the start was refused."""
FORCED = 130
_COLLECTOR_THRESHOLDS = (50_000, 20, 100)


def serve(settings: Settings, *, out: TextIO | None = None) -> int:
    """Serves until a signal; returns the exit code.

    Prints one ready line to `out` (standard output by default) once calls are answered; log lines go to standard error.
    """
    try:
        return uvloop.run(_serve(settings, out or sys.stdout))
    except START_FAILURES as failure:
        for line in explain(failure, data_dir=Path(settings.data_dir)):
            sys.stderr.write(line + "\n")
        return REFUSED


async def _serve(settings: Settings, out: TextIO) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def signalled() -> None:
        if stop.is_set():
            os._exit(FORCED)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, signalled)
    guard: asyncio.TimerHandle | None = None
    async with open_app(settings) as app:
        _calm_collector()
        _announce(app, settings, out)
        waiters = [asyncio.ensure_future(stop.wait()), asyncio.ensure_future(app.failed.wait())]
        await asyncio.wait(waiters, return_when=asyncio.FIRST_COMPLETED)
        for waiter in waiters:
            waiter.cancel()
        # Whatever hangs on the way out must not hold the process beyond its time.
        guard = loop.call_later(settings.server.shutdown_seconds, os._exit, FAILED)
        failed = app.failed.is_set()
    guard.cancel()
    return FAILED if failed else OK


def _calm_collector() -> None:
    """Leaves what start-up made out of every collection, and looks for garbage less often.

    Decisions kept for look-ups are many long-lived objects without cycles; with the default thresholds the collector
    walks them again and again (measured: a tenth of the CPU of a Route).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECTOR_THRESHOLDS)


def _announce(app: App, settings: Settings, out: TextIO) -> None:
    rooms, door = app.rooms, app.door
    for notice in rooms.notices:
        print(f"atp: {notice}", file=out)
    if door.new_key is not None:
        print(f"atp: a key for development, shown this once: {door.new_key}", file=out)
    ops = f", ops http://{settings.ops.host}:{door.ops_port}" if door.ops_port is not None else ""
    snapshot = rooms.catalogue.snapshot
    print(
        f"atp: ready on {settings.server.host}:{door.grpc_port}{ops}, engine {rooms.engine.name}, "
        f"catalogue revision {snapshot.revision} with {len(snapshot.models)} models, "
        f"{rooms.learner.revision} outcomes learned",
        file=out,
    )
    with contextlib.suppress(OSError, ValueError):
        out.flush()
