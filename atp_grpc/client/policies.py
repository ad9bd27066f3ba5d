"""Routing policies for Python callers: one method per RPC of PolicyService.

Reached as `AtpClient.policies`. It adds nothing to a call that the client does not.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

import grpc

from atp_grpc.client import messages
from atp_grpc.pb.atp.admin.v1 import policy_service_pb2_grpc

Answer = TypeVar("Answer")


class Caller(Protocol):
    """Makes a call with the client's credential and deadline."""

    def __call__(
        self, method: Callable[..., Awaitable[Answer]], request: object, deadline_seconds: float | None
    ) -> Awaitable[Answer]:
        """Makes one call. Raises `AtpCallError`."""
        ...


class PolicyCalls:
    """The calls; each raises `AtpCallError` and takes `deadline_seconds` to replace the client's own."""

    def __init__(self, channel: grpc.aio.Channel, call: Caller) -> None:
        self._stub = policy_service_pb2_grpc.PolicyServiceStub(channel)
        self._call = call

    async def get(
        self, request: messages.GetPolicyRequest, *, deadline_seconds: float | None = None
    ) -> messages.GetPolicyResponse:
        """Reads one policy."""
        return await self._call(self._stub.GetPolicy, request, deadline_seconds)

    async def list(
        self, request: messages.ListPoliciesRequest, *, deadline_seconds: float | None = None
    ) -> messages.ListPoliciesResponse:
        """Reads one page of policies."""
        return await self._call(self._stub.ListPolicies, request, deadline_seconds)

    async def create(
        self, request: messages.CreatePolicyRequest, *, deadline_seconds: float | None = None
    ) -> messages.CreatePolicyResponse:
        """Makes a policy. It serves when this returns, with all that is known of the models."""
        return await self._call(self._stub.CreatePolicy, request, deadline_seconds)

    async def update(
        self, request: messages.UpdatePolicyRequest, *, deadline_seconds: float | None = None
    ) -> messages.UpdatePolicyResponse:
        """Changes fields of a policy; the new version serves when this returns."""
        return await self._call(self._stub.UpdatePolicy, request, deadline_seconds)

    async def delete(
        self, request: messages.DeletePolicyRequest, *, deadline_seconds: float | None = None
    ) -> messages.DeletePolicyResponse:
        """Deletes a policy."""
        return await self._call(self._stub.DeletePolicy, request, deadline_seconds)

    async def rollback(
        self, request: messages.RollbackPolicyRequest, *, deadline_seconds: float | None = None
    ) -> messages.RollbackPolicyResponse:
        """Takes a policy back to the version before; the new version serves when this returns."""
        return await self._call(self._stub.RollbackPolicy, request, deadline_seconds)
