"""Every reason that operators meet, provoked over a real socket; and that none of the contract's was left out.

The last test looks back at the others and at those of `test_error_reasons`, which come before these.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from atp_grpc.client.messages import GetServerInfoRequest, ListModelsRequest, ReloadCatalogRequest
from atp_grpc.pb.atp.v1.error_reason_pb2 import ErrorReason
from tests.rpc.catalogues import ONE_MODEL
from tests.rpc.evaluations import provoke_refusals_of_operations
from tests.rpc.policies import provoke_every_refusal
from tests.rpc.priors import provoke_refusals_of_priors
from tests.rpc.provoking import PROVOKED, on_catalogue, prompt, refused
from tests.rpc.serving import Serving, serving
from tests.rpc.trials import provoke_refusals_of_trials


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Serving]:
    async with serving(tmp_path / "data") as running:
        yield running


async def test_catalog_invalid_keeps_what_is_in_force(tmp_path: Path) -> None:
    async with on_catalogue(tmp_path, ONE_MODEL) as server:
        (tmp_path / "catalog.toml").write_text(ONE_MODEL.replace("context_tokens = 8000", "context_tokens = -1"))
        error = await refused(
            server.acme.reload_catalog(ReloadCatalogRequest()), "CATALOG_INVALID", "FAILED_PRECONDITION"
        )
        assert "context_tokens" in error.preconditions[0].description
        info = await server.acme.get_server_info(GetServerInfoRequest())
        assert (info.catalog.revision, len(info.catalog.last_failure.complaints)) == (1, 1)
        await server.acme.route(prompt())


async def test_instance_mismatch(server: Serving) -> None:
    request = ReloadCatalogRequest(instance_id="another")
    error = await refused(server.acme.reload_catalog(request), "INSTANCE_MISMATCH", "FAILED_PRECONDITION")
    assert error.metadata == {"instance_id": (await server.acme.get_server_info(GetServerInfoRequest())).instance_id}


async def test_page_token_invalid(server: Serving) -> None:
    token = (await server.acme.list_models(ListModelsRequest(page_size=2))).next_page_token
    assert token
    for bad in ("forged", token[:-2], token + "AA"):
        request = ListModelsRequest(page_token=bad)
        await refused(server.acme.list_models(request), "PAGE_TOKEN_INVALID", "INVALID_ARGUMENT")
    foreign = server.globex.list_models(ListModelsRequest(page_token=token))
    await refused(foreign, "PAGE_TOKEN_INVALID", "INVALID_ARGUMENT")


async def test_refusals_of_policies_and_their_priors(server: Serving, tmp_path: Path) -> None:
    await provoke_every_refusal(server)
    await provoke_refusals_of_priors(server, tmp_path)


async def test_refusals_of_trials(server: Serving) -> None:
    await provoke_refusals_of_trials(server)


async def test_refusals_of_operations(server: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    await provoke_refusals_of_operations(server, monkeypatch)


def test_every_reason_of_the_contract_was_provoked() -> None:
    assert len(PROVOKED) >= 20, "run tests/rpc/test_error_reasons*.py as a whole: this test looks back at the others"
    names = {value.name.removeprefix("ERROR_REASON_") for value in ErrorReason.DESCRIPTOR.values}
    assert names - {"UNSPECIFIED"} == PROVOKED
