"""Every check of a process, and which service needs which of them.

The door starts them; a part of the process that can be unwell gets a line in `checks_of` or, where the door owns it, in
an `add` of the door. A check looks and never mends, but for one write that proves that a store can be written again.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from atp_grpc.app.rooms import Rooms
from atp_grpc.app.signs import Signs
from atp_grpc.catalog.snapshot import Snapshot
from atp_grpc.domain.health import Finding, State
from atp_grpc.domain.model import ServingStatus
from atp_grpc.store.contract import Store, StoreFailure
from atp_grpc.telemetry.checkup import Check
from atp_grpc.telemetry.loop_watchdog import LoopWatchdog

NEARLY_FULL = 0.8
"""Part of a queue above which it is said to be nearly full."""
DROPPED_SECONDS = 30.0
"""How long a lost record is held against the flusher."""
_ACTIVE = frozenset({ServingStatus.ACTIVE})
_NOT_FOR_LONG = frozenset({ServingStatus.ACTIVE, ServingStatus.DRAINING})
_BYTES_PER_GIB = 2**30
_PROBE = "health.written"

NEEDS: Mapping[str, frozenset[str]] = {
    "atp.v1.AskService": frozenset({"catalog", "providers", "store", "journal", "background"}),
    "atp.v1.RouteService": frozenset({"catalog"}),
    "atp.v1.ObserveService": frozenset({"store", "journal", "background"}),
    "atp.v1.DecisionService": frozenset({"store"}),
    "atp.admin.v1.CatalogService": frozenset(),
    "atp.admin.v1.PolicyService": frozenset(),
    "atp.admin.v1.PriorService": frozenset({"store"}),
    "atp.admin.v1.TenantService": frozenset({"store"}),
    "atp.admin.v1.OperationsService": frozenset(),
    "atp.admin.v1.EventService": frozenset(),
    "google.longrunning.Operations": frozenset(),
}
"""What must not be unhealthy for a service to do its work. Route goes on without a store."""
ESSENTIAL = "atp.v1.RouteService"
"""The service that the whole server stands for."""


def checks_of(rooms: Rooms, watchdog: LoopWatchdog) -> list[Check]:
    """What there is to look at."""
    settings, signs = rooms.settings, rooms.instruments.signs
    limits = settings.health
    return [
        Check("store", lambda: look_at_store(rooms.store)),
        Check(
            "journal",
            lambda: look_at_journal(rooms.store, signs, rooms.journal.depth, settings.learning.observation_queue),
        ),
        _at_once("decisions", lambda: look_at_decisions(signs)),
        _at_once("catalog", lambda: look_at_catalog(rooms.catalogue.at(rooms.clock.now_nanos()), _refusals(rooms))),
        _at_once("providers", lambda: look_at_providers(rooms.upstream.callable_providers())),
        _at_once("engine", lambda: look_at_engine(is_quarantined=rooms.quarantined())),
        _at_once("upkeep", lambda: look_at_upkeep(signs)),
        _at_once("background", lambda: look_at_tasks(signs)),
        _at_once("loop", lambda: look_at_loop(watchdog.recent_lag_seconds, settings.telemetry.loop_stall_seconds)),
        Check("disk", lambda: look_at_disk(settings.data_dir, limits.disk_low_bytes, limits.disk_full_bytes)),
    ]


async def look_at_store(store: Store) -> Finding:
    """A real read."""
    try:
        await store.ping()
    except StoreFailure:
        return Finding(State.UNHEALTHY, "cannot be read")
    return Finding(State.HEALTHY, "answers")


async def look_at_journal(store: Store, signs: Signs, depth: int, limit: int) -> Finding:
    """Whether reports become durable. After a failed commit a write of our own tells when they do again.

    Nobody may send a report while the service is out of service, so without it a store that was mended would never be
    found out.
    """
    if signs.has_commit_failed:
        try:
            await store.write_fact(_PROBE, "")
        except StoreFailure:
            return Finding(State.UNHEALTHY, "the store cannot be written; reports are refused")
        signs.has_commit_failed = False
    if depth > NEARLY_FULL * limit:
        return Finding(State.DEGRADED, f"{depth} of {limit} places in the queue of reports are taken")
    return Finding(State.HEALTHY, "reports become durable")


def look_at_decisions(signs: Signs) -> Finding:
    """Whether records of decisions reach the store."""
    seconds = signs.seconds_since_dropped()
    if seconds is not None and seconds < DROPPED_SECONDS:
        return Finding(State.DEGRADED, f"a record was dropped {seconds:.0f} s ago; decisions are still answered")
    return Finding(State.HEALTHY, "records are written")


def look_at_catalog(snapshot: Snapshot, refused: int) -> Finding:
    """Whether there is a model to choose, and whether the file as it is now could be used.

    Models that are all draining are no reason to take the server out: they come back, and a refused Route says so.

    Args:
        snapshot: the catalogue in force.
        refused: complaints about the file, if its last content was refused.
    """
    offered, active = _offered(snapshot, _ACTIVE), [one for one in snapshot.models.values() if one.status in _ACTIVE]
    if not offered:
        if _offered(snapshot, _NOT_FOR_LONG):
            return Finding(State.DEGRADED, "every model that could be chosen is draining")
        return Finding(State.UNHEALTHY, "no active model has an active deployment with a price in force")
    if refused:
        return Finding(State.DEGRADED, f"the last file was refused with {refused} complaints; the one before stays")
    if 2 * offered < len(active):
        return Finding(State.DEGRADED, f"only {offered} of {len(active)} active models can be bought now")
    return Finding(State.HEALTHY, f"{offered} models can be chosen")


def look_at_providers(callable_by_name: Mapping[str, bool]) -> Finding:
    """Whether somebody may be called; `callable_by_name` are the providers with endpoints.

    What is known comes from calls that were made anyway. A breaker lets calls through again after a while, so a server
    that was taken out of service for its providers' sake comes back by itself.
    """
    away = [name for name, is_callable in callable_by_name.items() if not is_callable]
    if not away:
        return Finding(State.HEALTHY, f"{len(callable_by_name)} providers can be called")
    if len(away) == len(callable_by_name):
        return Finding(State.UNHEALTHY, "no provider can be called; every breaker is open")
    half = 2 * (len(callable_by_name) - len(away)) < len(callable_by_name)
    sentence = f"{', '.join(away)} cannot be called for a while"
    return Finding(State.DEGRADED if half else State.HEALTHY, sentence)


def look_at_engine(*, is_quarantined: bool) -> Finding:
    """Which engine decides."""
    if is_quarantined:
        return Finding(State.DEGRADED, "the native engine failed and was set aside; the reference engine decides")
    return Finding(State.HEALTHY, "decides")


def look_at_upkeep(signs: Signs) -> Finding:
    """Whether the learner's checkpoint is written, and what is old forgotten."""
    if signs.failing:
        return Finding(State.DEGRADED, f"{', '.join(signs.failing)} failed and will be tried again")
    return Finding(State.HEALTHY, "what was learned is written down")


def look_at_tasks(signs: Signs) -> Finding:
    """Whether every task beside the calls is alive."""
    if signs.dead:
        return Finding(State.UNHEALTHY, f"{', '.join(signs.dead)} died; the process has to be replaced")
    return Finding(State.HEALTHY, "every task runs")


def look_at_loop(lag_seconds: float, limit_seconds: float) -> Finding:
    """Whether calls get their turn in time."""
    if lag_seconds > limit_seconds:
        return Finding(State.DEGRADED, f"the event loop was {lag_seconds:.2f} s late within the last ten seconds")
    return Finding(State.HEALTHY, "turns in time")


async def look_at_disk(folder: Path, low_bytes: int, full_bytes: int) -> Finding:
    """What is left on the disk of the data folder."""
    found = await asyncio.to_thread(os.statvfs, folder)
    free = found.f_bavail * found.f_frsize
    sentence = f"{free / _BYTES_PER_GIB:.2f} GiB free"
    if free < full_bytes:
        return Finding(State.UNHEALTHY, sentence)
    return Finding(State.DEGRADED if free < low_bytes else State.HEALTHY, sentence)


def _at_once(name: str, look: Callable[[], Finding]) -> Check:
    """A check that has nothing to wait for."""

    async def looked() -> Finding:
        return look()

    return Check(name, looked)


def _offered(snapshot: Snapshot, statuses: frozenset[ServingStatus]) -> int:
    """How many models of these statuses have a deployment of these statuses with a price in force."""
    return sum(
        model.status in statuses and any(one.deployment.status in statuses for one in snapshot.offerings[name])
        for name, model in snapshot.models.items()
    )


def _refusals(rooms: Rooms) -> int:
    failure = rooms.catalogue.last_failure
    return len(failure.complaints) if failure is not None else 0
