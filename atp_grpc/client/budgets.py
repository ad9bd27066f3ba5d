"""Budgets for Python callers: one method per RPC of TenantService.

Reached as `AtpClient.budgets`. It adds nothing to a call that the client does not.
"""

from __future__ import annotations

import grpc

from atp_grpc.client import messages
from atp_grpc.client.policies import Caller
from atp_grpc.pb.atp.admin.v1 import tenant_service_pb2_grpc


class BudgetCalls:
    """The calls; each raises `AtpCallError` and takes `deadline_seconds` to replace the client's own."""

    def __init__(self, channel: grpc.aio.Channel, call: Caller) -> None:
        self._stub = tenant_service_pb2_grpc.TenantServiceStub(channel)
        self._call = call

    async def set(
        self, request: messages.SetBudgetRequest, *, deadline_seconds: float | None = None
    ) -> messages.SetBudgetResponse:
        """Gives a tenant a budget, or changes the one it has; it is in force when this returns."""
        return await self._call(self._stub.SetBudget, request, deadline_seconds)

    async def get(
        self, request: messages.GetBudgetRequest, *, deadline_seconds: float | None = None
    ) -> messages.GetBudgetResponse:
        """Reads a tenant's budget and what is left of it."""
        return await self._call(self._stub.GetBudget, request, deadline_seconds)

    async def list(
        self, request: messages.ListBudgetsRequest, *, deadline_seconds: float | None = None
    ) -> messages.ListBudgetsResponse:
        """Reads one page of budgets with what is left of each."""
        return await self._call(self._stub.ListBudgets, request, deadline_seconds)

    async def delete(
        self, request: messages.DeleteBudgetRequest, *, deadline_seconds: float | None = None
    ) -> messages.DeleteBudgetResponse:
        """Takes a tenant's budget away."""
        return await self._call(self._stub.DeleteBudget, request, deadline_seconds)
