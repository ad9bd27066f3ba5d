"""Priors over a real socket: taken in at once, kept across a restart, refused with a reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from atp_grpc.client.messages import GetPriorRequest, GetServerInfoRequest, ImportPriorRequest
from atp_grpc.config import CatalogSettings, load
from atp_grpc.learning.prior import digest_of
from tests.rpc.catalogues import ONE_MODEL, TWO_MODELS
from tests.rpc.priors import made_prior
from tests.rpc.provoking import prompt, refused
from tests.rpc.serving import serving


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("outcomes")


@pytest.fixture(scope="module")
def prior(folder: Path) -> bytes:
    return made_prior(folder, ("solo", "duet"))


@pytest.fixture(scope="module")
def of_strangers(folder: Path) -> bytes:
    return made_prior(folder, ("nobody", "knows"))


@pytest.fixture(scope="module")
def fading(folder: Path) -> bytes:
    return made_prior(folder, ("solo", "duet"), load(None, {}, {"policy.half_life_seconds": "3600"}))


@pytest.fixture(scope="module")
def half_known(folder: Path) -> bytes:
    return made_prior(folder, ("solo", "stranger"))


def catalogue_in(folder: Path, text: str = TWO_MODELS) -> CatalogSettings:
    path = folder / "catalog.toml"
    path.write_text(text)
    return CatalogSettings(str(path))


async def test_an_imported_prior_is_known_at_once_and_after_a_restart(tmp_path: Path, prior: bytes) -> None:
    catalogue = catalogue_in(tmp_path)
    async with serving(tmp_path / "data", catalog=catalogue) as server:
        before = await server.acme.route(prompt())
        answer = await server.acme.priors.import_prior(ImportPriorRequest(prior=prior))
        after = await server.acme.route(prompt())
    assert (answer.prior.digest, answer.prior.rows) == (digest_of(prior), 60)
    assert answer.prior.row_weight > 0
    assert answer.revision == 120
    assert before.expected.quality > 0.9
    assert after.expected.quality < 0.3

    async with serving(tmp_path / "data", catalog=catalogue) as server:
        again = await server.acme.priors.get(GetPriorRequest())
        routed = await server.acme.route(prompt())
        info = await server.acme.get_server_info(GetServerInfoRequest())
    assert [one.digest for one in again.priors] == [digest_of(prior)]
    assert again.priors[0].applied_at.ToNanoseconds() > 0
    assert again.revision == info.engine.learned == 120
    assert routed.expected.quality < 0.3


async def test_what_does_not_fit_is_refused_and_changes_nothing(
    tmp_path: Path, prior: bytes, of_strangers: bytes, fading: bytes
) -> None:
    async with serving(tmp_path / "data", catalog=catalogue_in(tmp_path)) as server:
        calls = server.acme.priors
        await refused(calls.import_prior(ImportPriorRequest(prior=prior[:-1])), "PRIOR_DAMAGED", "INVALID_ARGUMENT")
        await refused(calls.import_prior(ImportPriorRequest(prior=of_strangers)), "PRIOR_MISFIT", "FAILED_PRECONDITION")
        misfit = await refused(
            calls.import_prior(ImportPriorRequest(prior=fading)), "PRIOR_MISFIT", "FAILED_PRECONDITION"
        )
        assert "half-life" in misfit.preconditions[0].description
        nobody = ImportPriorRequest(prior=prior, policy="nobody")
        await refused(calls.import_prior(nobody), "RESOURCE_NOT_FOUND", "NOT_FOUND")
        await refused(calls.get(GetPriorRequest(policy="nobody")), "RESOURCE_NOT_FOUND", "NOT_FOUND")
        assert (await calls.get(GetPriorRequest())).revision == 0
        await calls.import_prior(ImportPriorRequest(prior=prior))
        twice = await refused(
            calls.import_prior(ImportPriorRequest(prior=prior)), "PRIOR_ALREADY_APPLIED", "ALREADY_EXISTS"
        )
        assert twice.resource is not None
        assert twice.resource.name == digest_of(prior)
        assert (await calls.get(GetPriorRequest())).revision == 120


async def test_looking_changes_nothing_and_tells_of_models_that_nobody_serves(
    tmp_path: Path, half_known: bytes
) -> None:
    async with serving(tmp_path / "data", catalog=catalogue_in(tmp_path, ONE_MODEL)) as server:
        looked = await server.acme.priors.import_prior(ImportPriorRequest(prior=half_known, validate_only=True))
        assert list(looked.unknown_models) == ["stranger"]
        assert not looked.prior.HasField("applied_at")
        assert looked.revision == 0
        assert not (await server.acme.priors.get(GetPriorRequest())).priors
