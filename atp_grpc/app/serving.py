"""A process that serves until it is told to stop: one loop, one ready line, two signals.

The command line enters here. The first SIGTERM or SIGINT drains, the second ends the process at once, and a guard
beside the loop ends it when its time is over; a start that fails says in one sentence why. It never decides what is
served.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import sys
from pathlib import Path
from typing import TextIO

import uvloop

from atp_grpc.app.composition import App, open_app
from atp_grpc.app.failures import START_FAILURES, explain
from atp_grpc.app.guard import Guard
from atp_grpc.app.stopping import StopRequest, counted
from atp_grpc.config import Settings

OK, FAILED, REFUSED = 0, 1, 2
"""Exit codes: stopped as told; something broke or would not end; the start was refused."""
FORCED = 130
_LAST_LINES_SECONDS = 0.3
_COLLECTOR_THRESHOLDS = (5_000, 50, 100)
"""grpcio leaves seven objects in a cycle for each call. How often they are collected makes little difference to the CPU
(measured from 700 to 50,000) and much to the pauses: 33 ms at 50,000, 1.7 ms at 5,000."""


def serve(settings: Settings, *, out: TextIO | None = None) -> int:
    """Serves until a signal; returns the exit code.

    Prints one ready line to `out` (standard output by default) once calls are answered; log lines go to standard error.
    A process that does not come to its end in time is ended without returning.
    """
    try:
        with Guard(settings.server.shutdown_seconds, late=FAILED, forced=FORCED) as guard:
            return uvloop.run(_serve(settings, out or sys.stdout, guard))
    except START_FAILURES as failure:
        for line in explain(failure, data_dir=Path(settings.data_dir)):
            sys.stderr.write(line + "\n")
        return REFUSED


async def _serve(settings: Settings, out: TextIO, guard: Guard) -> int:
    stop, loop = StopRequest(), asyncio.get_running_loop()

    def signalled(name: str) -> None:
        with contextlib.suppress(RuntimeError):  # The loop has just come to its end.
            loop.call_soon_threadsafe(stop.make, name)

    with guard.signals(signalled):
        async with open_app(settings, stop=stop) as app:
            guard.speak_through(lambda places: _say_what_holds(app, places))
            _calm_collector()
            _announce(app, settings, out)
            await stop.wait()
            guard.arm()
        guard.speak_through(None)
    if app.door.traffic.open_methods():
        # Everything is written down, and closing the loop would wait for handlers that never return.
        with contextlib.suppress(OSError, ValueError):
            out.flush()
        os._exit(FAILED)
    return FAILED if stop.is_failure else OK


def _say_what_holds(app: App, places: list[str]) -> None:
    """The last line of a process whose time is over. Called beside the loop, which may never turn again."""
    logs = app.rooms.instruments.logs
    logs.logger.error(
        "shutdown time is over",
        calls=counted(app.door.traffic.open_methods()),
        tasks=app.rooms.background.running(),
        loop=places,
    )
    logs.writer.flush(_LAST_LINES_SECONDS)


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
    for notice in (*rooms.notices, *door.notices):
        print(f"atp: {notice}", file=out)
    if door.new_key is not None:
        print(f"atp: a key for development, shown this once: {door.new_key}", file=out)
    ops = f", ops http://{settings.ops.host}:{door.ops_port}" if door.ops_port is not None else ""
    snapshot = rooms.catalogue.snapshot
    print(
        f"atp: ready on {' and '.join(door.addresses)}{ops}, engine {rooms.engine.name}, "
        f"catalogue revision {snapshot.revision} with {len(snapshot.models)} models, "
        f"{rooms.learner.revision} outcomes learned",
        file=out,
    )
    with contextlib.suppress(OSError, ValueError):
        out.flush()
