"""The part of OperationsService that is about deployments: how their calls end, and who decides about their breakers.

The fleet is the judge; this puts what it says on the wire, and hands an operator's will to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from google.protobuf.duration_pb2 import Duration

from atp_grpc.domain.call import Call
from atp_grpc.domain.clock import NANOS_PER_SECOND, Clock
from atp_grpc.domain.errors import InstanceMismatchError, ResourceNotFoundError
from atp_grpc.pb.atp.admin.v1 import deployment_health_pb2 as health_pb
from atp_grpc.pb.atp.admin.v1 import operations_service_pb2 as pb
from atp_grpc.providers.breaker import BreakerMode, BreakerPhase, BreakerState
from atp_grpc.providers.fleet import DeploymentHealth, Fleet, UnknownDeploymentError
from atp_grpc.services.convert.decisions import moment

STATES: Mapping[BreakerPhase, health_pb.BreakerState] = MappingProxyType(
    {
        BreakerPhase.CLOSED: health_pb.BREAKER_STATE_CLOSED,
        BreakerPhase.OPEN: health_pb.BREAKER_STATE_OPEN,
        BreakerPhase.HALF_OPEN: health_pb.BREAKER_STATE_HALF_OPEN,
    }
)
MODES: Mapping[BreakerMode, health_pb.BreakerMode] = MappingProxyType(
    {
        BreakerMode.AUTO: health_pb.BREAKER_MODE_AUTO,
        BreakerMode.OPEN: health_pb.BREAKER_MODE_FORCED_OPEN,
        BreakerMode.CLOSED: health_pb.BREAKER_MODE_FORCED_CLOSED,
    }
)
_MODES_BY_NUMBER = {number: mode for mode, number in MODES.items()}


class DeploymentHealthServicer:
    """Serves ListDeploymentHealth and ForceBreaker of `atp.admin.v1.OperationsService`."""

    def __init__(self, *, instance_id: str, fleet: Fleet, clock: Clock, on_forced: Callable[[str, str], None]) -> None:
        """`on_forced` hears of a breaker whose mode was changed: the deployment and the mode's name."""
        self._instance_id = instance_id
        self._fleet = fleet
        self._clock = clock
        self._on_forced = on_forced

    async def list_deployment_health(
        self, request: pb.ListDeploymentHealthRequest, call: Call
    ) -> pb.ListDeploymentHealthResponse:
        """Returns how every deployment with an endpoint does, by name."""
        return pb.ListDeploymentHealthResponse(
            instance_id=self._instance_id, deployments=[self._told(health) for health in self._fleet.health()]
        )

    async def force_breaker(self, request: pb.ForceBreakerRequest, call: Call) -> pb.ForceBreakerResponse:
        """Puts a breaker into another mode."""
        if request.instance_id and request.instance_id != self._instance_id:
            raise InstanceMismatchError(self._instance_id)
        mode = _MODES_BY_NUMBER[request.mode]
        try:
            self._fleet.force(request.deployment, mode)
        except UnknownDeploymentError:
            raise ResourceNotFoundError("deployment", request.deployment) from None
        self._on_forced(request.deployment, mode.value)
        forced = next(one for one in self._fleet.health() if one.deployment.name == request.deployment)
        return pb.ForceBreakerResponse(deployment=self._told(forced))

    def _told(self, health: DeploymentHealth) -> health_pb.DeploymentHealth:
        breaker = health.breaker
        told = health_pb.DeploymentHealth(
            deployment=health.deployment.name,
            model=health.deployment.model,
            provider=health.deployment.provider,
            state=STATES[breaker.phase],
            mode=MODES[breaker.mode],
            in_flight=health.in_flight,
            concurrency_limit=health.limit,
            total_succeeded=health.total_succeeded,
            total_failed={kind.value: count for kind, count in health.total_failed.items()},
            keys_ready=health.keys_ready,
            keys_resting=health.keys_resting,
        )
        if _is_open_by_itself(breaker):
            until = self._clock.now_nanos() + round(breaker.retry_after_seconds * NANOS_PER_SECOND)
            told.open_until.CopyFrom(moment(until))
        if health.first_token_seconds is not None:
            told.first_token.CopyFrom(_span(health.first_token_seconds))
        return told


def _is_open_by_itself(breaker: BreakerState) -> bool:
    return breaker.phase is BreakerPhase.OPEN and breaker.mode is BreakerMode.AUTO


def _span(seconds: float) -> Duration:
    span = Duration()
    span.FromNanoseconds(round(seconds * NANOS_PER_SECOND))
    return span
