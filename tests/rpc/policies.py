"""Routing policies as the tests of their service make them, and how their refusals are provoked."""

from __future__ import annotations

from typing import Any

from atp_grpc.client.messages import (
    CreatePolicyRequest,
    DeletePolicyRequest,
    FieldMask,
    GetPolicyRequest,
    RollbackPolicyRequest,
    RoutingPolicy,
    UpdatePolicyRequest,
)
from tests.rpc.provoking import refused
from tests.rpc.serving import Serving


async def made(server: Serving, name: str = "fast", **fields: Any) -> RoutingPolicy:
    """A policy that was made."""
    answer = await server.acme.policies.create(CreatePolicyRequest(policy=RoutingPolicy(name=name, **fields)))
    return answer.policy


async def changed(server: Serving, name: str, *paths: str, etag: str = "", **fields: Any) -> RoutingPolicy:
    """A policy after some of its fields were changed."""
    policy = RoutingPolicy(name=name, etag=etag, **fields)
    answer = await server.acme.policies.update(UpdatePolicyRequest(policy=policy, update_mask=FieldMask(paths=paths)))
    return answer.policy


async def read(server: Serving, name: str = "fast") -> RoutingPolicy:
    """A policy in force."""
    return (await server.acme.policies.get(GetPolicyRequest(name=name))).policy


async def provoke_every_refusal(server: Serving) -> None:
    """Provokes each reason that only policies have."""
    await made(server)
    await refused(made(server), "POLICY_EXISTS", "ALREADY_EXISTS")
    error = await refused(made(server, "odd", feature_dimension=3), "POLICY_INVALID", "INVALID_ARGUMENT")
    assert (error.metadata, error.violations[0].field) == ({"kinds": "unknown_schema"}, "policy.feature_dimension")
    rollback = server.acme.policies.rollback(RollbackPolicyRequest(name="fast"))
    await refused(rollback, "POLICY_WITHOUT_PREVIOUS", "FAILED_PRECONDITION")
    stale = server.acme.policies.delete(DeletePolicyRequest(name="fast", etag="stale"))
    await refused(stale, "ETAG_MISMATCH", "ABORTED")
    own = server.acme.policies.delete(DeletePolicyRequest(name="default"))
    await refused(own, "POLICY_READ_ONLY", "FAILED_PRECONDITION")
