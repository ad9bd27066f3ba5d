"""The health of a process, put together: its checks, its services, and whether it is on its way in or out.

It is there before the rooms are, so that the ops port can say "starting"; the door hands it what to look at. It is the
one place that turns what is believed of the parts into what is said of the services.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from atp_grpc import __version__
from atp_grpc.app.checks import ESSENTIAL, NEEDS, checks_of
from atp_grpc.app.instruments import Instruments
from atp_grpc.app.rooms import Rooms
from atp_grpc.config import OpsSettings, Settings
from atp_grpc.domain.clock import Clock, moment_text
from atp_grpc.domain.health import CheckResult, State
from atp_grpc.telemetry.checkup import Checkup
from atp_grpc.telemetry.loop_watchdog import LoopWatchdog
from atp_grpc.transport.health import WHOLE, Health
from atp_grpc.transport.ops_http import OpsServer

_STARTING = "starting"


@dataclass(frozen=True, slots=True)
class _Watched:
    instance_id: str
    checkup: Checkup
    health: Health


class Condition:
    """What the process says of itself."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began = clock.monotonic()
        self._watched: _Watched | None = None
        self._is_started = False

    @property
    def is_started(self) -> bool:
        """Whether it has ever been able to take calls."""
        return self._is_started

    @property
    def is_ready(self) -> bool:
        """Whether callers should be sent here now. Who asks is taken for a balancer that will ask again."""
        if self._watched is None:
            return False
        self._watched.health.on_poll()
        return self._watched.health.is_serving

    @property
    def is_leaving(self) -> bool:
        """Whether the process is on its way out of service."""
        return self._watched is not None and self._watched.health.has_left

    def results(self) -> tuple[CheckResult, ...]:
        """What the checks found when they last looked."""
        return self._watched.checkup.results if self._watched is not None else ()

    def watch(self, *, instance_id: str, checkup: Checkup, health: Health) -> None:
        """Speaks for these from now on, and turns what the checks believe into the status of each service."""
        self._watched = _Watched(instance_id, checkup, health)
        self.judge()

    def start(self) -> None:
        """The process takes calls."""
        self._is_started = True

    def judge(self) -> None:
        """Tells the health service which services are able to do their work."""
        if self._watched is not None:
            checkup, health = self._watched.checkup, self._watched.health
            able = {name: is_able(name, checkup) for name in health.serving() if name != WHOLE}
            health.judge({**able, WHOLE: able.get(ESSENTIAL, True)})

    async def report(self) -> tuple[bool, Mapping[str, object]]:
        """Whether the process is fit, and the document of `/healthz`."""
        document: dict[str, object] = {
            "state": _STARTING,
            "version": __version__,
            "uptime_seconds": round(self._clock.monotonic() - self._began, 3),
            "started": self._is_started,
            "ready": False,
            "draining": False,
        }
        if self._watched is None:
            return False, document
        checkup, health = self._watched.checkup, self._watched.health
        await checkup.refresh()
        state = overall(checkup)
        document |= {
            "state": state.word if self._is_started else _STARTING,
            "instance_id": self._watched.instance_id,
            "ready": health.is_serving,
            "draining": health.has_left,
            "services": {name: "SERVING" if serves else "NOT_SERVING" for name, serves in health.serving().items()},
            "checks": {result.name: _entry(result, checkup) for result in checkup.results},
        }
        return self._is_started and state is not State.UNHEALTHY, document


def is_able(service: str, checkup: Checkup) -> bool:
    """Whether nothing that a service needs is believed to be unhealthy."""
    return all(checkup.believed(check) is not State.UNHEALTHY for check in NEEDS[service])


def overall(checkup: Checkup) -> State:
    """The state of the whole: unhealthy when it cannot route, degraded when anything is not as it should be."""
    if not is_able(ESSENTIAL, checkup):
        return State.UNHEALTHY
    worst = max((checkup.believed(result.name) for result in checkup.results), default=State.HEALTHY)
    return min(worst, State.DEGRADED)


def watchdog_of(settings: Settings, instruments: Instruments) -> LoopWatchdog:
    """The watchdog of the event loop, not started yet."""
    return LoopWatchdog(
        stall_seconds=settings.telemetry.loop_stall_seconds,
        on_beat=instruments.metrics.loop_lagged,
        on_stall=instruments.loop_stalled,
        on_stall_end=instruments.loop_turned_again,
    )


@asynccontextmanager
async def open_checkup(
    rooms: Rooms, condition: Condition, *, watchdog: LoopWatchdog, health: Health
) -> AsyncIterator[Checkup]:
    """Looks at everything once, then again and again; the loop is watched until the block ends."""
    settings, instruments = rooms.settings.health, rooms.instruments
    checkup = Checkup(
        checks_of(rooms, watchdog),
        clock=rooms.clock,
        limit_seconds=settings.check_timeout_seconds,
        fall=settings.fall_checks,
        rise=settings.rise_checks,
        on_result=lambda result: instruments.metrics.checked(result.name, int(result.state), result.seconds),
        on_change=instruments.health_changed,
        on_fault=instruments.check_failed,
    )
    health.max_watches = settings.max_watches
    instruments.metrics.watch_health_watches(lambda: health.open_watches)
    watchdog.start()
    try:
        await checkup.look()
        condition.watch(instance_id=rooms.instance_id, checkup=checkup, health=health)
        rooms.background.start("health", checkup.run(settings.check_interval_seconds, after=condition.judge))
        yield checkup
    finally:
        watchdog.stop()


@asynccontextmanager
async def open_ops(settings: OpsSettings, instruments: Instruments, condition: Condition) -> AsyncIterator[int | None]:
    """The ops port until the block ends; None when it is off.

    Raises:
        ListenError: the address is taken or not ours.
    """
    if settings.port < 0:
        yield None
        return
    ops = OpsServer(
        host=settings.host,
        port=settings.port,
        registry=instruments.metrics.registry,
        condition=condition,
        on_fault=lambda fault: instruments.incidents.report(fault, method="ops"),
    )
    port = await ops.start()
    try:
        yield port
    finally:
        await ops.stop()


def _entry(result: CheckResult, checkup: Checkup) -> dict[str, object]:
    return {
        "state": result.state.word,
        "believed": checkup.believed(result.name).word,
        "sentence": result.sentence,
        "seconds": round(result.seconds, 6),
        "checked_at": moment_text(result.checked_nanos),
    }
