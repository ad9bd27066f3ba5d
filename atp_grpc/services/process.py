"""The part of OperationsService that is about the process itself: its figures, and its way out of service.

What the figures are is told by whoever builds the server; this only puts them on the wire.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from google.protobuf.duration_pb2 import Duration

from atp_grpc.domain.call import Call
from atp_grpc.domain.clock import Clock
from atp_grpc.domain.errors import InstanceMismatchError
from atp_grpc.pb.atp.admin.v1 import operations_service_pb2 as pb
from atp_grpc.services.convert.decisions import moment
from atp_grpc.services.operations import Instance


@dataclass(frozen=True, slots=True)
class MethodFigures:
    """Calls of one method. `latency` holds cumulative (bound in seconds, calls); the last bound is infinite."""

    service: str
    method: str
    total_by_code: dict[str, int]
    latency: Sequence[tuple[float, int]]
    total_seconds: float


@dataclass(frozen=True, slots=True)
class ModelFigures:
    """Decisions for one model."""

    model: str
    policy: str
    total_decisions: int
    total_expected_cost_nano_usd: int


@dataclass(frozen=True, slots=True)
class CheckFigures:
    """One health check; `state` is `HEALTHY`, `DEGRADED` or `UNHEALTHY`."""

    name: str
    state: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of a process at a moment."""

    methods: Sequence[MethodFigures] = ()
    models: Sequence[ModelFigures] = ()
    total_decisions_by_engine: dict[str, int] = field(default_factory=dict)
    total_learned: int = 0
    open_calls: int = 0
    open_streams: int = 0
    call_limit: int = 0
    total_overloaded: int = 0
    queue_depths: dict[str, int] = field(default_factory=dict)
    loop_lag_seconds: float = 0.0
    total_cpu_seconds: float = 0.0
    resident_bytes: int = 0
    checks: Sequence[CheckFigures] = ()
    draining: bool = False
    total_incidents: int = 0


class ProcessServicer:
    """Serves GetServerStats and Drain of `atp.admin.v1.OperationsService`."""

    def __init__(
        self, *, instance: Instance, figures: Callable[[], Figures], drain: Callable[[], float], clock: Clock
    ) -> None:
        """`drain` begins the way out and tells within how many seconds the process ends."""
        self._instance = instance
        self._figures = figures
        self._drain = drain
        self._clock = clock

    async def get_server_stats(self, request: pb.GetServerStatsRequest, call: Call) -> pb.GetServerStatsResponse:
        """Returns the counters and gauges of this process."""
        figures, now = self._figures(), self._clock.now_nanos()
        return pb.GetServerStatsResponse(
            instance_id=self._instance.instance_id,
            taken_at=moment(now),
            uptime=_span(max(0, now - self._instance.started_nanos) / 1e9),
            methods=[_method(one) for one in figures.methods],
            models=[
                pb.ModelStats(
                    model=one.model,
                    policy=one.policy,
                    total_decisions=one.total_decisions,
                    total_expected_cost_nano_usd=one.total_expected_cost_nano_usd,
                )
                for one in figures.models
            ],
            total_decisions_by_engine=figures.total_decisions_by_engine,
            total_learned=figures.total_learned,
            open_calls=figures.open_calls,
            open_streams=figures.open_streams,
            call_limit=figures.call_limit,
            total_overloaded=figures.total_overloaded,
            queue_depths=figures.queue_depths,
            loop_lag=_span(figures.loop_lag_seconds),
            total_cpu_seconds=figures.total_cpu_seconds,
            resident_bytes=figures.resident_bytes,
            checks=[
                pb.HealthCheck(name=one.name, state=f"HEALTH_STATE_{one.state}", sentence=one.sentence)
                for one in figures.checks
            ],
            draining=figures.draining,
            total_incidents=figures.total_incidents,
        )

    async def drain(self, request: pb.DrainRequest, call: Call) -> pb.DrainResponse:
        """Begins the way out of service."""
        if request.instance_id != self._instance.instance_id:
            raise InstanceMismatchError(self._instance.instance_id)
        return pb.DrainResponse(instance_id=self._instance.instance_id, ends_within=_span(self._drain()))


def _method(figures: MethodFigures) -> pb.MethodStats:
    return pb.MethodStats(
        service=figures.service,
        method=figures.method,
        total_by_code=figures.total_by_code,
        latency=[pb.LatencyBucket(upper_seconds=bound, total_calls=calls) for bound, calls in figures.latency],
        total_seconds=figures.total_seconds,
    )


def _span(seconds: float) -> Duration:
    span = Duration()
    span.FromNanoseconds(round(seconds * 1e9))
    return span
