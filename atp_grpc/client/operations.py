"""Steering one process for Python callers: breakers, feature flags, faults on purpose.

Reached as `AtpClient.operations`. It adds nothing to a call that the client does not, and nothing here is retried: each
is meant for one process.
"""

from __future__ import annotations

import grpc

from atp_grpc.client import messages
from atp_grpc.client.policies import Caller
from atp_grpc.pb.atp.admin.v1 import operations_service_pb2_grpc


class OperationCalls:
    """The calls; each raises `AtpCallError` and takes `deadline_seconds` to replace the client's own."""

    def __init__(self, channel: grpc.aio.Channel, call: Caller) -> None:
        self._stub = operations_service_pb2_grpc.OperationsServiceStub(channel)
        self._call = call

    async def list_deployment_health(
        self, request: messages.ListDeploymentHealthRequest, *, deadline_seconds: float | None = None
    ) -> messages.ListDeploymentHealthResponse:
        """Reads how the deployments do that the process may call."""
        return await self._call(self._stub.ListDeploymentHealth, request, deadline_seconds)

    async def force_breaker(
        self, request: messages.ForceBreakerRequest, *, deadline_seconds: float | None = None
    ) -> messages.ForceBreakerResponse:
        """Forces a breaker open or closed, or gives it back to the outcomes of calls."""
        return await self._call(self._stub.ForceBreaker, request, deadline_seconds)

    async def list_flags(
        self, request: messages.ListFlagsRequest, *, deadline_seconds: float | None = None
    ) -> messages.ListFlagsResponse:
        """Reads the feature flags."""
        return await self._call(self._stub.ListFlags, request, deadline_seconds)

    async def set_flag(
        self, request: messages.SetFlagRequest, *, deadline_seconds: float | None = None
    ) -> messages.SetFlagResponse:
        """Switches a feature."""
        return await self._call(self._stub.SetFlag, request, deadline_seconds)

    async def get_chaos(
        self, request: messages.GetChaosRequest, *, deadline_seconds: float | None = None
    ) -> messages.GetChaosResponse:
        """Reads which faults are injected, and how often each was."""
        return await self._call(self._stub.GetChaos, request, deadline_seconds)

    async def set_chaos(
        self, request: messages.SetChaosRequest, *, deadline_seconds: float | None = None
    ) -> messages.SetChaosResponse:
        """Replaces the faults that are injected at one target."""
        return await self._call(self._stub.SetChaos, request, deadline_seconds)
