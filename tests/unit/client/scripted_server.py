"""A real gRPC server on a free port whose answers the test writes, to see the client from the other side."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.longrunning import operations_pb2 as long_running
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health

from atp_grpc.pb.atp.admin.v1 import catalog_service_pb2 as catalog
from atp_grpc.pb.atp.admin.v1 import event_service_pb2 as events
from atp_grpc.pb.atp.admin.v1 import operations_service_pb2 as operations
from atp_grpc.pb.atp.admin.v1 import policy_service_pb2 as policies
from atp_grpc.pb.atp.admin.v1 import prior_service_pb2 as priors
from atp_grpc.pb.atp.admin.v1 import tenant_service_pb2 as tenants
from atp_grpc.pb.atp.admin.v1 import trial_pb2 as trials
from atp_grpc.pb.atp.v1 import ask_service_pb2 as asks
from atp_grpc.pb.atp.v1 import decision_service_pb2 as decisions
from atp_grpc.pb.atp.v1 import observe_service_pb2 as observations
from atp_grpc.pb.atp.v1 import route_service_pb2 as routes

ANSWERS: Mapping[str, Message] = {
    "/atp.v1.RouteService/Route": routes.RouteResponse(decision_id="d-1"),
    "/atp.v1.RouteService/RouteBatch": routes.RouteBatchResponse(),
    "/atp.v1.RouteService/Plan": routes.PlanResponse(policy="default"),
    "/atp.v1.ObserveService/Observe": observations.ObserveResponse(decision_id="d-1"),
    "/atp.v1.ObserveService/ObserveBatch": observations.ObserveBatchResponse(),
    "/atp.v1.AskService/Ask": asks.AskResponse(text="hi"),
    "/atp.v1.DecisionService/GetDecision": decisions.GetDecisionResponse(),
    "/atp.v1.DecisionService/ListDecisions": decisions.ListDecisionsResponse(),
    "/atp.v1.DecisionService/ListObservations": decisions.ListObservationsResponse(),
    "/atp.v1.DecisionService/ExplainDecision": decisions.ExplainDecisionResponse(),
    "/atp.v1.DecisionService/EvaluatePolicy": long_running.Operation(name="operations/1"),
    "/atp.admin.v1.CatalogService/GetModel": catalog.GetModelResponse(revision=7),
    "/atp.admin.v1.CatalogService/ListModels": catalog.ListModelsResponse(revision=7),
    "/atp.admin.v1.CatalogService/GetDeployment": catalog.GetDeploymentResponse(revision=7),
    "/atp.admin.v1.CatalogService/ListDeployments": catalog.ListDeploymentsResponse(revision=7),
    "/atp.admin.v1.CatalogService/GetProvider": catalog.GetProviderResponse(revision=7),
    "/atp.admin.v1.CatalogService/ListProviders": catalog.ListProvidersResponse(revision=7),
    "/atp.admin.v1.PolicyService/GetPolicy": policies.GetPolicyResponse(revision=7),
    "/atp.admin.v1.PolicyService/ListPolicies": policies.ListPoliciesResponse(revision=7),
    "/atp.admin.v1.PolicyService/CreatePolicy": policies.CreatePolicyResponse(revision=7),
    "/atp.admin.v1.PolicyService/UpdatePolicy": policies.UpdatePolicyResponse(revision=7),
    "/atp.admin.v1.PolicyService/DeletePolicy": policies.DeletePolicyResponse(revision=7),
    "/atp.admin.v1.PolicyService/RollbackPolicy": policies.RollbackPolicyResponse(revision=7),
    "/atp.admin.v1.PolicyService/StartTrial": trials.StartTrialResponse(trial=trials.Trial(id="t")),
    "/atp.admin.v1.PolicyService/GetTrial": trials.GetTrialResponse(trial=trials.Trial(id="t")),
    "/atp.admin.v1.PolicyService/ListTrials": trials.ListTrialsResponse(),
    "/atp.admin.v1.PolicyService/StopTrial": trials.StopTrialResponse(trial=trials.Trial(id="t")),
    "/atp.admin.v1.PolicyService/SimulatePolicy": long_running.Operation(name="operations/1"),
    "/atp.admin.v1.PriorService/ImportPrior": priors.ImportPriorResponse(revision=7),
    "/atp.admin.v1.PriorService/GetPrior": priors.GetPriorResponse(revision=7),
    "/atp.admin.v1.TenantService/SetBudget": tenants.SetBudgetResponse(budget=tenants.Budget(tenant="acme")),
    "/atp.admin.v1.TenantService/GetBudget": tenants.GetBudgetResponse(budget=tenants.Budget(tenant="acme")),
    "/atp.admin.v1.TenantService/ListBudgets": tenants.ListBudgetsResponse(),
    "/atp.admin.v1.TenantService/DeleteBudget": tenants.DeleteBudgetResponse(),
    "/atp.admin.v1.OperationsService/GetServerInfo": operations.GetServerInfoResponse(instance_id="i-1"),
    "/atp.admin.v1.OperationsService/ReloadCatalog": operations.ReloadCatalogResponse(revision=7),
    "/atp.admin.v1.OperationsService/ListDeploymentHealth": operations.ListDeploymentHealthResponse(instance_id="i-1"),
    "/atp.admin.v1.OperationsService/ForceBreaker": operations.ForceBreakerResponse(),
    "/atp.admin.v1.OperationsService/ListFlags": operations.ListFlagsResponse(instance_id="i-1"),
    "/atp.admin.v1.OperationsService/SetFlag": operations.SetFlagResponse(),
    "/atp.admin.v1.OperationsService/GetChaos": operations.GetChaosResponse(instance_id="i-1"),
    "/atp.admin.v1.OperationsService/SetChaos": operations.SetChaosResponse(),
}


@dataclass(frozen=True)
class Received:
    """A call as it arrived."""

    method: str
    request: Any
    metadata: Mapping[str, str | bytes]
    seconds_left: float


@dataclass
class Scripted:
    """Answers every RPC of the contract; `refusals` are used up first, one per attempt; `is_stuck` answers nothing."""

    target: str = ""
    received: list[Received] = field(default_factory=list)
    refusals: list[tuple[grpc.StatusCode, status_pb2.Status | bytes | None]] = field(default_factory=list)
    is_stuck: bool = False
    events: list[Message] = field(default_factory=list)
    """What a stream from the server sends before its refusal, or its good end."""
    answers: dict[str, Message] = field(default_factory=lambda: dict(ANSWERS))
    health: health.HealthServicer = field(default_factory=health.HealthServicer)

    async def set_health(self, status: str) -> None:
        await self.health.set("", health_pb2.HealthCheckResponse.ServingStatus.Value(status))

    async def answer(self, method: str, request: Message, context: grpc.aio.ServicerContext) -> Message:
        metadata = dict(context.invocation_metadata() or ())
        self.received.append(Received(method, request, metadata, context.time_remaining()))
        if self.is_stuck:
            await asyncio.Event().wait()
        if self.refusals:
            code, status = self.refusals.pop(0)
            details = status.SerializeToString() if isinstance(status, status_pb2.Status) else status
            trailers = (("grpc-status-details-bin", details),) if details is not None else ()
            await context.abort(code, getattr(status, "message", "scripted"), trailing_metadata=trailers)
        return self.answers.get(method, request)


def handler_of(scripted: Scripted, path: str, parse: type[Message]) -> grpc.RpcMethodHandler:
    async def handle(request: Message, context: grpc.aio.ServicerContext) -> Message:
        return await scripted.answer(path, request, context)

    return grpc.unary_unary_rpc_method_handler(
        handle, request_deserializer=parse.FromString, response_serializer=lambda message: message.SerializeToString()
    )


def stream_handler_of(scripted: Scripted, path: str, parse: type[Message]) -> grpc.RpcMethodHandler:
    async def handle(request: Message, context: grpc.aio.ServicerContext) -> AsyncIterator[Message]:
        for event in scripted.events:
            yield event
        await scripted.answer(path, request, context)

    return grpc.unary_stream_rpc_method_handler(
        handle, request_deserializer=parse.FromString, response_serializer=lambda message: message.SerializeToString()
    )


def handlers_of(scripted: Scripted) -> list[grpc.GenericRpcHandler]:
    """One handler per RPC, with the request types of the contract's own descriptors."""
    modules = {
        "atp.v1.RouteService": routes,
        "atp.v1.ObserveService": observations,
        "atp.v1.AskService": asks,
        "atp.v1.DecisionService": decisions,
        "atp.admin.v1.CatalogService": catalog,
        "atp.admin.v1.OperationsService": operations,
        "atp.admin.v1.PolicyService": policies,
        "atp.admin.v1.EventService": events,
        "atp.admin.v1.PriorService": priors,
        "atp.admin.v1.TenantService": tenants,
        "google.longrunning.Operations": long_running,
    }
    generic = []
    for service, module in modules.items():
        methods = module.DESCRIPTOR.services_by_name[service.rpartition(".")[2]].methods
        generic.append(
            grpc.method_handlers_generic_handler(
                service,
                {
                    method.name: (stream_handler_of if method.server_streaming else handler_of)(
                        scripted, f"/{service}/{method.name}", GetMessageClass(method.input_type)
                    )
                    for method in methods
                },
            )
        )
    return generic


@asynccontextmanager
async def serving(scripted: Scripted) -> AsyncIterator[Scripted]:
    """Serves the script on a free loopback port, with health beside it."""
    running = grpc.aio.server(
        handlers=handlers_of(scripted),
        options=[("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", 16 * 1024 * 1024)],
    )
    health_pb2_grpc.add_HealthServicer_to_server(scripted.health, running)
    await scripted.set_health("SERVING")
    scripted.target = f"127.0.0.1:{running.add_insecure_port('127.0.0.1:0')}"
    await running.start()
    try:
        yield scripted
    finally:
        await running.stop(grace=None)
