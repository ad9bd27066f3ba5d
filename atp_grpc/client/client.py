"""ATP for Python callers: one method per RPC, messages in and out, one exception for every refusal.

Backends, the command line and the demo enter here. It adds the credential, a deadline and request ids, and nothing
else: it never caches, never batches behind the caller's back and never retries what the service config does not.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Self

import grpc

from atp_grpc.client import messages, naming
from atp_grpc.client.asking import AskingClient
from atp_grpc.client.budgets import BudgetCalls
from atp_grpc.client.channel import open_channel
from atp_grpc.client.evaluations import EvaluationCalls
from atp_grpc.client.health import HealthClient
from atp_grpc.client.observe_stream import ObserveStream
from atp_grpc.client.operations import OperationCalls
from atp_grpc.client.policies import PolicyCalls
from atp_grpc.client.priors import PriorCalls
from atp_grpc.client.resending import DEFAULT_WINDOW
from atp_grpc.client.route_stream import RouteStream
from atp_grpc.client.trials import EventCalls, TrialCalls
from atp_grpc.pb.atp.admin.v1 import catalog_service_pb2_grpc, operations_service_pb2_grpc
from atp_grpc.pb.atp.v1 import decision_service_pb2_grpc, observe_service_pb2_grpc, route_service_pb2_grpc

DEFAULT_TARGET = "127.0.0.1:7443"
DEFAULT_DEADLINE_SECONDS = 10.0


class AtpClient(AskingClient, HealthClient):
    """A client of one ATP server or fleet. Built by `AtpClient.open`; safe to share among tasks of one event loop.

    Every method raises `AtpCallError` when the call is refused or does not arrive, and takes `deadline_seconds` to
    replace the client's own for one call.
    """

    def __init__(
        self,
        channel: grpc.aio.Channel,
        *,
        open_health_channel: Callable[[], grpc.aio.Channel],
        credential: str,
        deadline_seconds: float,
        request_ids: naming.RequestIds | None,
    ) -> None:
        super().__init__(channel, credential=credential, deadline_seconds=deadline_seconds, request_ids=request_ids)
        self._open_health_channel = open_health_channel
        self._routes = route_service_pb2_grpc.RouteServiceStub(channel)
        self._observations = observe_service_pb2_grpc.ObserveServiceStub(channel)
        self._decisions = decision_service_pb2_grpc.DecisionServiceStub(channel)
        self._catalog = catalog_service_pb2_grpc.CatalogServiceStub(channel)
        self._operations = operations_service_pb2_grpc.OperationsServiceStub(channel)
        self.policies = PolicyCalls(channel, self._call)
        """The calls of PolicyService."""
        self.trials = TrialCalls(channel, self._call)
        """The calls of PolicyService that try a policy."""
        self.events = EventCalls(channel, lambda: self._metadata)
        """What the server does of its own accord."""
        self.evaluations = EvaluationCalls(channel, self._call)
        """What another policy would have earned."""
        self.priors = PriorCalls(channel, self._call)
        self.budgets = BudgetCalls(channel, self._call)
        """The calls of TenantService."""
        self.operations = OperationCalls(channel, self._call)
        """The calls of OperationsService that steer one process."""

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        target: str = DEFAULT_TARGET,
        *,
        credential: str = "",
        secure: bool = False,
        root_certificates: bytes | None = None,
        allow_insecure: bool = False,
        deadline_seconds: float = DEFAULT_DEADLINE_SECONDS,
        request_ids: naming.RequestIds | None = None,
        watches_health: bool = True,
    ) -> AsyncIterator[Self]:
        """Opens a client and closes its connections at the end.

        Args:
            target: A gRPC target, for example `127.0.0.1:7443` or `dns:///atp.internal:7443`.
            credential: The key, `atp_...`. Empty: none is sent.
            secure: Whether to use TLS.
            root_certificates: PEM certificates to trust in place of the machine's own.
            allow_insecure: Permits sending the key in clear text to another machine.
            deadline_seconds: Longest time for a call, retries included.
            request_ids: Names the requests of Route and Ask that have no id, so that a retry gets the first decision
                or answer again, for example `random_request_id`. None: they go out as they are; then a retry of Route
                may be a second decision, and Ask is not retried. A server remembers a limited number of ids for each
                tenant.
            watches_health: Whether calls avoid servers that are not serving. An operator's calls are for them too.

        Raises:
            InsecureTargetError: Without TLS, the target is not on this machine.
            MalformedCredentialError: The credential cannot be a key.
        """

        def channel(*, is_watching: bool) -> grpc.aio.Channel:
            return open_channel(
                target,
                secure=secure,
                root_certificates=root_certificates,
                allow_insecure=allow_insecure,
                watches_health=is_watching,
            )

        async with AsyncExitStack() as stack:
            yield cls(
                await stack.enter_async_context(channel(is_watching=watches_health)),
                open_health_channel=lambda: channel(is_watching=False),
                credential=credential,
                deadline_seconds=deadline_seconds,
                request_ids=request_ids,
            )

    async def route(
        self, request: messages.RouteRequest, *, deadline_seconds: float | None = None
    ) -> messages.RouteResponse:
        """Decides which model should serve a request."""
        if self._request_ids is not None:
            request = naming.named(request, self._request_ids)
        return await self._call(self._routes.Route, request, deadline_seconds)

    async def route_batch(
        self, request: messages.RouteBatchRequest, *, deadline_seconds: float | None = None
    ) -> messages.RouteBatchResponse:
        """Decides for up to 256 requests. `refusal(result.error)` reads the error of one of them."""
        if self._request_ids is not None:
            request = naming.named_batch(request, self._request_ids)
        return await self._call(self._routes.RouteBatch, request, deadline_seconds)

    @asynccontextmanager
    async def route_stream(
        self, *, window: int = DEFAULT_WINDOW, deadline_seconds: float | None = None
    ) -> AsyncIterator[RouteStream]:
        """A stream of requests: cheaper than as many calls, and with many of them on their way at once.

        Args:
            window: How many requests may await their decision.
            deadline_seconds: Longest time for each request; in place of the client's own.
        """
        async with RouteStream.open(
            lambda: self._routes.RouteStream(metadata=self._metadata),
            request_ids=self._request_ids,
            window=window,
            deadline_seconds=self._deadline_seconds if deadline_seconds is None else deadline_seconds,
        ) as stream:
            yield stream

    async def plan(
        self, request: messages.PlanRequest, *, deadline_seconds: float | None = None
    ) -> messages.PlanResponse:
        """Shows what Route would weigh, without a decision."""
        return await self._call(self._routes.Plan, request, deadline_seconds)

    async def observe(
        self, request: messages.ObserveRequest, *, deadline_seconds: float | None = None
    ) -> messages.ObserveResponse:
        """Reports what a decision led to. When it returns, the report is durable and will be learned once."""
        return await self._call(self._observations.Observe, request, deadline_seconds)

    async def observe_batch(
        self, request: messages.ObserveBatchRequest, *, deadline_seconds: float | None = None
    ) -> messages.ObserveBatchResponse:
        """Reports up to 256 outcomes. `refusal(result.error)` reads the error of one of them."""
        return await self._call(self._observations.ObserveBatch, request, deadline_seconds)

    @asynccontextmanager
    async def observe_stream(
        self, *, window: int = DEFAULT_WINDOW, deadline_seconds: float | None = None
    ) -> AsyncIterator[ObserveStream]:
        """A stream of reports: cheaper than as many calls, and with many of them on their way at once.

        Args:
            window: How many reports may await their acknowledgement.
            deadline_seconds: Longest time for each report; in place of the client's own.
        """
        async with ObserveStream.open(
            lambda: self._observations.ObserveStream(metadata=self._metadata),
            window=window,
            deadline_seconds=self._deadline_seconds if deadline_seconds is None else deadline_seconds,
        ) as stream:
            yield stream

    async def get_decision(
        self, request: messages.GetDecisionRequest, *, deadline_seconds: float | None = None
    ) -> messages.GetDecisionResponse:
        """Reads one decision of the caller's tenant with its outcome."""
        return await self._call(self._decisions.GetDecision, request, deadline_seconds)

    async def list_decisions(
        self, request: messages.ListDecisionsRequest, *, deadline_seconds: float | None = None
    ) -> messages.ListDecisionsResponse:
        """Reads one page of decisions with their outcomes; `pages` walks to the end."""
        return await self._call(self._decisions.ListDecisions, request, deadline_seconds)

    async def list_observations(
        self, request: messages.ListObservationsRequest, *, deadline_seconds: float | None = None
    ) -> messages.ListObservationsResponse:
        """Reads one page of what has been observed."""
        return await self._call(self._decisions.ListObservations, request, deadline_seconds)

    async def explain_decision(
        self, request: messages.ExplainDecisionRequest, *, deadline_seconds: float | None = None
    ) -> messages.ExplainDecisionResponse:
        """Says why a decision came out as it did."""
        return await self._call(self._decisions.ExplainDecision, request, deadline_seconds)

    async def get_model(
        self, request: messages.GetModelRequest, *, deadline_seconds: float | None = None
    ) -> messages.GetModelResponse:
        """Reads one model of the catalogue."""
        return await self._call(self._catalog.GetModel, request, deadline_seconds)

    async def list_models(
        self, request: messages.ListModelsRequest, *, deadline_seconds: float | None = None
    ) -> messages.ListModelsResponse:
        """Reads one page of models."""
        return await self._call(self._catalog.ListModels, request, deadline_seconds)

    async def get_deployment(
        self, request: messages.GetDeploymentRequest, *, deadline_seconds: float | None = None
    ) -> messages.GetDeploymentResponse:
        """Reads one deployment with its prices."""
        return await self._call(self._catalog.GetDeployment, request, deadline_seconds)

    async def list_deployments(
        self, request: messages.ListDeploymentsRequest, *, deadline_seconds: float | None = None
    ) -> messages.ListDeploymentsResponse:
        """Reads one page of deployments with their prices."""
        return await self._call(self._catalog.ListDeployments, request, deadline_seconds)

    async def get_provider(
        self, request: messages.GetProviderRequest, *, deadline_seconds: float | None = None
    ) -> messages.GetProviderResponse:
        """Reads one provider."""
        return await self._call(self._catalog.GetProvider, request, deadline_seconds)

    async def list_providers(
        self, request: messages.ListProvidersRequest, *, deadline_seconds: float | None = None
    ) -> messages.ListProvidersResponse:
        """Reads one page of providers."""
        return await self._call(self._catalog.ListProviders, request, deadline_seconds)

    async def get_server_info(
        self, request: messages.GetServerInfoRequest, *, deadline_seconds: float | None = None
    ) -> messages.GetServerInfoResponse:
        """Asks a server process what it is, what it has loaded and what it has learned."""
        return await self._call(self._operations.GetServerInfo, request, deadline_seconds)

    async def get_server_stats(
        self, request: messages.GetServerStatsRequest, *, deadline_seconds: float | None = None
    ) -> messages.GetServerStatsResponse:
        """Reads the counters and gauges of a server process."""
        return await self._call(self._operations.GetServerStats, request, deadline_seconds)

    async def drain(
        self, request: messages.DrainRequest, *, deadline_seconds: float | None = None
    ) -> messages.DrainResponse:
        """Takes a server process out of service for good. Not retried: it is meant for one process."""
        return await self._call(self._operations.Drain, request, deadline_seconds)

    async def reload_catalog(
        self, request: messages.ReloadCatalogRequest, *, deadline_seconds: float | None = None
    ) -> messages.ReloadCatalogResponse:
        """Makes a server process read its catalogue file again. Not retried: it is meant for one process."""
        return await self._call(self._operations.ReloadCatalog, request, deadline_seconds)
