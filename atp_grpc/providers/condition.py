"""How the deployments do, for people and for those who spread load.

The fleet tells it; operators' services read it. Nothing here decides anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from atp_grpc.domain.model import Deployment
from atp_grpc.providers.breaker import BreakerState
from atp_grpc.providers.contract import FaultKind
from atp_grpc.providers.permit import Line


class Load(NamedTuple):
    """Calls under way at a deployment, and how many there may be."""

    deployment: str
    in_flight: int
    limit: int


class DeploymentHealth(NamedTuple):
    """How a deployment does, for people. Totals count attempts since the process knows the deployment.

    `first_token_seconds` is a moving mean over streamed answers, None before the first.
    """

    deployment: Deployment
    breaker: BreakerState
    in_flight: int
    limit: int
    total_succeeded: int
    total_failed: Mapping[FaultKind, int]
    first_token_seconds: float | None
    keys_ready: int
    keys_resting: int


def health_of(line: Line, now: float) -> DeploymentHealth:
    """How a deployment does at a moment."""
    ready = sum(key.rests_until <= now for key in line.keys)
    return DeploymentHealth(
        deployment=line.deployment,
        breaker=line.breaker.state(line.deployment.name, now),
        in_flight=line.limiter.in_flight,
        limit=line.limiter.limit,
        total_succeeded=line.successes,
        total_failed=dict(line.failures),
        first_token_seconds=line.first_token_seconds,
        keys_ready=ready,
        keys_resting=len(line.keys) - ready,
    )
