"""Hot reload over a real socket: whole or not at all, by the watch and by hand, visible and counted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from atp_grpc.client.messages import (
    CatalogInfo,
    GetDecisionRequest,
    GetModelRequest,
    GetServerInfoRequest,
    ObserveRequest,
    ReloadCatalogRequest,
    RouteBatchRequest,
)
from atp_grpc.config import CatalogSettings
from atp_grpc.store.contract import StoreFailure
from tests.rpc.catalogues import ONE_MODEL, TWO_MODELS
from tests.rpc.provoking import on_catalogue, prompt, refused
from tests.rpc.serving import Serving, serving
from tests.rpc.waiting import eventually

BAD = ONE_MODEL.replace("context_tokens = 8000", "context_tokens = -1").replace(
    'provider = "one"', 'provider = "nobody"'
)


@asynccontextmanager
async def watched(tmp_path: Path, text: str) -> AsyncIterator[Serving]:
    path = tmp_path / "catalog.toml"
    path.write_text(text)
    async with serving(tmp_path / "data", catalog=CatalogSettings(str(path), watch_interval_seconds=0.01)) as server:
        yield server


async def catalog(server: Serving) -> CatalogInfo:
    return (await server.acme.get_server_info(GetServerInfoRequest())).catalog


def counted(server: Serving, metric: str) -> float:
    value = server.app.rooms.instruments.metrics.registry.get_sample_value(metric)
    assert value is not None
    return value


async def test_a_changed_file_comes_into_force_by_itself_and_shows_in_the_next_decision(tmp_path: Path) -> None:
    async with watched(tmp_path, ONE_MODEL) as server:
        before = await catalog(server)
        assert (before.revision, before.models, before.deployments) == (1, 1, 1)
        (tmp_path / "catalog.toml").write_text(TWO_MODELS)
        after = await eventually(lambda: catalog(server), is_it=lambda info: info.revision == 2)
        assert (after.models, after.deployments) == (2, 2)
        assert after.digest != before.digest
        assert after.loaded_at.ToNanoseconds() >= before.loaded_at.ToNanoseconds()
        answer = await server.acme.route(prompt(min_revision=2))
        assert answer.catalog_revision == 2
        assert counted(server, "atp_catalog_revision") == 2


async def test_a_bad_file_keeps_what_is_in_force_and_shows_every_complaint_until_it_is_mended(tmp_path: Path) -> None:
    async with watched(tmp_path, ONE_MODEL) as server:
        (tmp_path / "catalog.toml").write_text(BAD)
        info = await eventually(lambda: catalog(server), is_it=lambda info: info.HasField("last_failure"))
        assert info.revision == 1
        assert len(info.last_failure.complaints) == 2
        assert all(str(tmp_path) not in complaint for complaint in info.last_failure.complaints)
        assert (await server.acme.route(prompt())).target.model == "solo"
        assert counted(server, "atp_catalog_reload_failures_total") == 1
        (tmp_path / "catalog.toml").write_text(TWO_MODELS)
        mended = await eventually(lambda: catalog(server), is_it=lambda info: info.revision == 2)
        assert not mended.HasField("last_failure")


async def test_a_file_that_vanishes_changes_nothing_but_the_failure_shown(tmp_path: Path) -> None:
    async with watched(tmp_path, ONE_MODEL) as server:
        (tmp_path / "catalog.toml").unlink()
        info = await eventually(lambda: catalog(server), is_it=lambda info: info.HasField("last_failure"))
        assert (info.revision, info.models) == (1, 1)
        await server.acme.route(prompt())


async def test_reload_by_hand_says_whether_anything_changed(tmp_path: Path) -> None:
    async with on_catalogue(tmp_path, ONE_MODEL) as server:
        same = await server.acme.reload_catalog(ReloadCatalogRequest())
        assert (same.revision, same.changed) == (1, False)
        (tmp_path / "catalog.toml").write_text(TWO_MODELS)
        instance = (await server.acme.get_server_info(GetServerInfoRequest())).instance_id
        other = await server.acme.reload_catalog(ReloadCatalogRequest(instance_id=instance))
        assert (other.revision, other.changed) == (2, True)
        assert (await server.acme.get_model(GetModelRequest(name="duet"))).revision == 2


async def test_validate_only_judges_the_file_and_changes_nothing(tmp_path: Path) -> None:
    async with on_catalogue(tmp_path, ONE_MODEL) as server:
        before = await catalog(server)
        (tmp_path / "catalog.toml").write_text(TWO_MODELS)
        answer = await server.acme.reload_catalog(ReloadCatalogRequest(validate_only=True))
        assert (answer.revision, answer.changed) == (1, True)
        (tmp_path / "catalog.toml").write_text(BAD)
        check = server.acme.reload_catalog(ReloadCatalogRequest(validate_only=True))
        error = await refused(check, "CATALOG_INVALID", "FAILED_PRECONDITION")
        assert error.metadata == {"complaints": "2"}
        assert await catalog(server) == before
        assert counted(server, "atp_catalog_reload_failures_total") == 0


async def test_a_removed_model_is_no_candidate_and_its_decisions_can_still_be_reported_on(tmp_path: Path) -> None:
    async with on_catalogue(tmp_path, TWO_MODELS) as server:
        old = await server.acme.route(prompt(constraints={"allowed_models": ["duet"]}))
        (tmp_path / "catalog.toml").write_text(ONE_MODEL)
        await server.acme.reload_catalog(ReloadCatalogRequest())
        answer = await server.acme.route(prompt())
        lookup = GetDecisionRequest(decision_id=answer.decision_id)
        record = (await server.acme.get_decision(lookup)).decision
        assert [candidate.target.model for candidate in record.candidates] == ["solo"]
        gone = prompt(constraints={"allowed_models": ["duet"]})
        await refused(server.acme.route(gone), "UNKNOWN_MODEL", "INVALID_ARGUMENT")
        report = ObserveRequest(feedback_token=old.feedback_token, quality=0.5, attempts=[{"model": "duet"}])
        assert list((await server.acme.observe(report)).recorded_fields) == ["quality", "attempts"]
        # What was learned of it waits for its return.
        (tmp_path / "catalog.toml").write_text(TWO_MODELS)
        await server.acme.reload_catalog(ReloadCatalogRequest())
        back = await server.acme.route(prompt(constraints={"allowed_models": ["duet"]}))
        assert back.expected.quality < old.expected.quality
        assert back.catalog_revision == 3


async def test_decisions_under_a_storm_of_reloads_never_mix_two_catalogues(tmp_path: Path) -> None:
    """The output price is US$ `revision` x 10 a million tokens, so a price of another revision would show."""

    def priced(revision: int) -> str:
        return ONE_MODEL.replace("per_million_tokens = 4.0", f"per_million_tokens = {10 * revision}")

    request = prompt(input_tokens=0, max_output_tokens=100)
    seen: set[int] = set()
    async with on_catalogue(tmp_path, priced(1)) as server:

        async def keep_routing(stop: asyncio.Event) -> None:
            while not stop.is_set():
                batch = await server.acme.route_batch(RouteBatchRequest(requests=[request] * 32))
                answers = [result.response for result in batch.results]
                assert len({answer.catalog_revision for answer in answers}) == 1
                for answer in answers:
                    assert answer.expected.cost_nano_usd == answer.catalog_revision * 10 * 1_000 * 100
                    seen.add(answer.catalog_revision)

        stop = asyncio.Event()
        routing = [asyncio.create_task(keep_routing(stop)) for _ in range(2)]
        for revision in range(2, 12):
            (tmp_path / "catalog.toml").write_text(priced(revision))
            assert (await server.acme.reload_catalog(ReloadCatalogRequest())).revision == revision
        stop.set()
        await asyncio.gather(*routing)
        assert len(seen) > 2
        assert (await server.acme.route(request)).catalog_revision == 11


async def test_a_revision_that_cannot_be_remembered_is_not_put_in_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(key: str, value: str) -> None:
        raise StoreFailure("disk full")

    async with on_catalogue(tmp_path, ONE_MODEL) as server:
        (tmp_path / "catalog.toml").write_text(TWO_MODELS)
        with monkeypatch.context() as patch:
            patch.setattr(server.app.rooms.store, "write_fact", full)
            reload = server.acme.reload_catalog(ReloadCatalogRequest())
            error = await refused(reload, "STORE_UNAVAILABLE", "UNAVAILABLE", retry=True)
        assert "disk" not in error.message
        assert (await catalog(server)).revision == 1
        assert (await server.acme.reload_catalog(ReloadCatalogRequest())).revision == 2


async def test_the_revision_survives_a_restart_and_goes_on_from_there(tmp_path: Path) -> None:
    async with on_catalogue(tmp_path, ONE_MODEL) as server:
        (tmp_path / "catalog.toml").write_text(TWO_MODELS)
        await server.acme.reload_catalog(ReloadCatalogRequest())
    async with on_catalogue(tmp_path, TWO_MODELS) as server:
        assert (await catalog(server)).revision == 2
    async with on_catalogue(tmp_path, ONE_MODEL) as server:
        assert (await catalog(server)).revision == 3
        assert (await server.acme.route(prompt())).catalog_revision == 3
