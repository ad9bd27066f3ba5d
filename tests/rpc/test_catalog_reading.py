"""CatalogService over a real socket: what is in force, entry by entry and page by page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from atp_grpc.client.messages import (
    EndpointInfo,
    GetDeploymentRequest,
    GetModelRequest,
    GetProviderRequest,
    ListDeploymentsRequest,
    ListModelsRequest,
    ListProvidersRequest,
    ReloadCatalogRequest,
)
from atp_grpc.config import StoreSettings
from atp_grpc.pb.atp.admin.v1.catalog_service_pb2 import ORIGIN_FILE, ServingStatus
from tests.rpc.provoking import on_catalogue, refused
from tests.rpc.serving import Serving, serving

EVERYTHING = (Path(__file__).parents[1] / "fixtures" / "catalog" / "good_everything.toml").read_text()
LISTS: dict[str, tuple[str, type[Any]]] = {
    "models": ("list_models", ListModelsRequest),
    "deployments": ("list_deployments", ListDeploymentsRequest),
    "providers": ("list_providers", ListProvidersRequest),
}


def catalogue_of(names: list[str]) -> str:
    """A catalogue with as many providers, models and deployments as there are names."""
    return "".join(
        f'[[provider]]\nname = "{name}"\n'
        f'[[model]]\nname = "{name}"\ncontext_tokens = 10\nmax_output_tokens = 5\n'
        f'[[deployment]]\nname = "{name}"\nmodel = "{name}"\nprovider = "{name}"\n'
        "[[deployment.price]]\ninput_usd_per_million_tokens = 1\noutput_usd_per_million_tokens = 1\n"
        for name in names
    )


async def page(server: Serving, kind: str, size: int, token: str = "") -> tuple[list[str], str]:
    method, request = LISTS[kind]
    answer = await getattr(server.acme, method)(request(page_size=size, page_token=token))
    return [entry.name for entry in getattr(answer, kind)], answer.next_page_token


async def walk(server: Serving, kind: str, size: int) -> list[list[str]]:
    pages, token = list[list[str]](), ""
    while not pages or token:
        names, token = await page(server, kind, size, token)
        pages.append(names)
        assert len(pages) < 100, "the walk does not end"
    return pages


async def test_a_model_a_deployment_and_a_provider_read_as_the_file_says(tmp_path: Path) -> None:
    async with on_catalogue(tmp_path, EVERYTHING) as server:
        answer = await server.acme.get_model(GetModelRequest(name="ember"))
        model = answer.model
        assert answer.revision == 1
        assert (model.display_name, model.context_tokens, model.max_output_tokens) == ("Ember", 8192, 1024)
        assert (list(model.capabilities), model.prior_quality) == (["json", "tools"], 0.75)
        assert (model.status, model.origin) == (ServingStatus.SERVING_STATUS_SHADOW, ORIGIN_FILE)
        deployment = (await server.acme.get_deployment(GetDeploymentRequest(name="ember-eu"))).deployment
        assert (deployment.model, deployment.provider) == ("ember", "summit")
        assert (list(deployment.regions), list(deployment.data_scopes)) == (["eu-north"], ["internal", "public"])
        assert deployment.status == ServingStatus.SERVING_STATUS_DRAINING
        always, march, june = deployment.prices
        assert not always.HasField("effective_from")
        assert always.output_nano_usd_per_million_tokens == 12_000_000_001
        assert always.cached_input_nano_usd_per_million_tokens == 300_000_000
        assert always.reasoning_nano_usd_per_million_tokens == 15_000_000_000
        assert always.cache_write_input_nano_usd_per_million_tokens == 3_600_000_000
        assert not march.HasField("cache_write_input_nano_usd_per_million_tokens")
        assert march.effective_from.ToJsonString() == "2026-02-28T22:00:00Z"
        assert june.effective_from.ToJsonString() == "2026-06-01T00:00:00Z"
        assert not june.HasField("reasoning_nano_usd_per_million_tokens")
        provider = (await server.acme.get_provider(GetProviderRequest(name="harbor"))).provider
        assert (provider.display_name, provider.origin) == ("Harbor Cloud", ORIGIN_FILE)
        assert not deployment.HasField("endpoint")
        called = GetDeploymentRequest(name="labs/cobalt-2.1:free@harbor")
        assert (await server.acme.get_deployment(called)).deployment.endpoint == EndpointInfo(
            dialect="openai",
            host="eu.harbor.example",
            upstream_model="cobalt 2.1",
            max_in_flight=8,
            can_resume=True,
            price_is_ceiling=True,
        )


async def test_what_does_not_exist_is_named_in_the_refusal(tmp_path: Path) -> None:
    async with serving(tmp_path, store=StoreSettings("memory")) as server:
        for call, kind in (
            (server.acme.get_deployment(GetDeploymentRequest(name="ghost")), "deployment"),
            (server.acme.get_provider(GetProviderRequest(name="ghost")), "provider"),
        ):
            error = await refused(call, "RESOURCE_NOT_FOUND", "NOT_FOUND")
            assert error.resource is not None
            assert (error.resource.type, error.resource.name) == (kind, "ghost")


@pytest.mark.parametrize("kind", LISTS)
async def test_every_page_size_walks_through_every_entry_once_by_name(tmp_path: Path, kind: str) -> None:
    names = sorted(f"m{number}" for number in range(7))
    async with on_catalogue(tmp_path, catalogue_of(names[::-1])) as server:
        for size in range(1, len(names) + 2):
            pages = await walk(server, kind, size)
            assert [name for each in pages for name in each] == names
            assert [len(each) for each in pages[:-1]] == [size] * (len(pages) - 1)
        assert await page(server, kind, 0) == (names, "")


async def test_a_walk_is_stable_while_entries_come_and_go(tmp_path: Path) -> None:
    """Nothing that was there all the time is missed or repeated, and nothing that left is shown."""
    lasting = [f"k{number}" for number in range(6)]
    async with on_catalogue(tmp_path, catalogue_of([*lasting, "k0-leaves", "k4-leaves"])) as server:
        first, token = await page(server, "models", 3)
        assert first == ["k0", "k0-leaves", "k1"]
        (tmp_path / "catalog.toml").write_text(catalogue_of([*lasting, "a-comes", "k3-comes"]))
        await server.acme.reload_catalog(ReloadCatalogRequest())
        rest = []
        while token:
            names, token = await page(server, "models", 1, token)
            rest += names
        assert rest == ["k2", "k3", "k3-comes", "k4", "k5"]


async def test_the_default_page_holds_a_hundred_entries_and_the_largest_a_thousand(tmp_path: Path) -> None:
    names = [f"m{number:04}" for number in range(1001)]
    async with on_catalogue(tmp_path, catalogue_of(names)) as server:
        assert (await page(server, "models", 0))[0] == names[:100]
        thousand, token = await page(server, "models", 5000)
        assert thousand == names[:1000]
        assert await page(server, "models", 5000, token) == (names[1000:], "")


async def test_a_token_of_one_list_is_none_of_another(tmp_path: Path) -> None:
    async with serving(tmp_path, store=StoreSettings("memory")) as server:
        _, token = await page(server, "models", 1)
        request = ListDeploymentsRequest(page_token=token)
        await refused(server.acme.list_deployments(request), "PAGE_TOKEN_INVALID", "INVALID_ARGUMENT")
