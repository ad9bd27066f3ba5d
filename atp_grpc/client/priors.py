"""Priors for Python callers: one method per RPC of PriorService.

Reached as `AtpClient.priors`. It adds nothing to a call that the client does not.
"""

from __future__ import annotations

import grpc

from atp_grpc.client import messages
from atp_grpc.client.policies import Caller
from atp_grpc.pb.atp.admin.v1 import prior_service_pb2_grpc


class PriorCalls:
    """The calls; each raises `AtpCallError` and takes `deadline_seconds` to replace the client's own."""

    def __init__(self, channel: grpc.aio.Channel, call: Caller) -> None:
        self._stub = prior_service_pb2_grpc.PriorServiceStub(channel)
        self._call = call

    async def import_prior(
        self, request: messages.ImportPriorRequest, *, deadline_seconds: float | None = None
    ) -> messages.ImportPriorResponse:
        """Teaches a policy a prior."""
        return await self._call(self._stub.ImportPrior, request, deadline_seconds)

    async def get(
        self, request: messages.GetPriorRequest, *, deadline_seconds: float | None = None
    ) -> messages.GetPriorResponse:
        """Reads what a policy was taught beforehand."""
        return await self._call(self._stub.GetPrior, request, deadline_seconds)
