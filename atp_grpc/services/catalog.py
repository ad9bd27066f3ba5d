"""CatalogService on the wire: reads the catalogue in force."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from atp_grpc.catalog.snapshot import Snapshot
from atp_grpc.domain.call import Call
from atp_grpc.domain.errors import ResourceNotFoundError
from atp_grpc.pb.atp.admin.v1 import catalog_service_pb2 as pb
from atp_grpc.services.convert import catalog as convert
from atp_grpc.services.pages import Pages

_Entry = TypeVar("_Entry")


class CatalogServicer:
    """Serves `atp.admin.v1.CatalogService`."""

    contract = pb.DESCRIPTOR.services_by_name["CatalogService"]

    def __init__(self, *, snapshot: Callable[[], Snapshot], pages: Pages) -> None:
        self._snapshot = snapshot
        self._pages = pages

    async def get_model(self, request: pb.GetModelRequest, call: Call) -> pb.GetModelResponse:
        """Returns one model."""
        snapshot = self._snapshot()
        entry = _find(snapshot.models, "model", request.name)
        return pb.GetModelResponse(model=convert.model(entry), revision=snapshot.revision)

    async def list_models(self, request: pb.ListModelsRequest, call: Call) -> pb.ListModelsResponse:
        """Lists models by name."""
        snapshot = self._snapshot()
        entries, token = self._page(snapshot.models, "models", request, call)
        models = [convert.model(entry) for entry in entries]
        return pb.ListModelsResponse(models=models, next_page_token=token, revision=snapshot.revision)

    async def get_deployment(self, request: pb.GetDeploymentRequest, call: Call) -> pb.GetDeploymentResponse:
        """Returns one deployment."""
        snapshot = self._snapshot()
        entry = _find(snapshot.deployments, "deployment", request.name)
        return pb.GetDeploymentResponse(deployment=convert.deployment(entry), revision=snapshot.revision)

    async def list_deployments(self, request: pb.ListDeploymentsRequest, call: Call) -> pb.ListDeploymentsResponse:
        """Lists deployments by name."""
        snapshot = self._snapshot()
        entries, token = self._page(snapshot.deployments, "deployments", request, call)
        deployments = [convert.deployment(entry) for entry in entries]
        return pb.ListDeploymentsResponse(deployments=deployments, next_page_token=token, revision=snapshot.revision)

    async def get_provider(self, request: pb.GetProviderRequest, call: Call) -> pb.GetProviderResponse:
        """Returns one provider."""
        snapshot = self._snapshot()
        entry = _find(snapshot.providers, "provider", request.name)
        return pb.GetProviderResponse(provider=convert.provider(entry), revision=snapshot.revision)

    async def list_providers(self, request: pb.ListProvidersRequest, call: Call) -> pb.ListProvidersResponse:
        """Lists providers by name."""
        snapshot = self._snapshot()
        entries, token = self._page(snapshot.providers, "providers", request, call)
        providers = [convert.provider(entry) for entry in entries]
        return pb.ListProvidersResponse(providers=providers, next_page_token=token, revision=snapshot.revision)

    def _page(
        self,
        entries: Mapping[str, _Entry],
        collection: str,
        request: pb.ListModelsRequest | pb.ListDeploymentsRequest | pb.ListProvidersRequest,
        call: Call,
    ) -> tuple[list[_Entry], str]:
        return self._pages.cut(
            entries,
            scope=f"{call.tenant}/{collection}",
            page_size=request.page_size,
            page_token=request.page_token,
        )


def _find(entries: Mapping[str, _Entry], kind: str, name: str) -> _Entry:
    try:
        return entries[name]
    except KeyError:
        raise ResourceNotFoundError(kind, name) from None
