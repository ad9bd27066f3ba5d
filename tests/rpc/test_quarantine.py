"""A panic of the native engine, end to end: callers notice nothing, operators do, and nothing learned is lost."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from atp_grpc.app import App, open_app
from atp_grpc.client import AtpClient
from atp_grpc.client.messages import (
    EngineInfo,
    GetServerInfoRequest,
    ObserveRequest,
    PlanRequest,
    ReloadCatalogRequest,
    RouteBatchRequest,
)
from atp_grpc.config import CatalogSettings, EngineSettings
from tests.native_engine import need_native
from tests.rpc.catalogues import ONE_MODEL, TWO_MODELS
from tests.rpc.provoking import prompt
from tests.rpc.serving import ACME, key_for, settings_for

pytestmark = pytest.mark.native


@pytest.fixture(autouse=True)
def native() -> None:
    need_native()


@asynccontextmanager
async def on_native(tmp_path: Path, log: io.StringIO) -> AsyncIterator[tuple[App, AtpClient]]:
    (tmp_path / "catalog.toml").write_text(TWO_MODELS)
    catalog = CatalogSettings(str(tmp_path / "catalog.toml"), watch_interval_seconds=3600.0)
    credential, key = key_for(tmp_path / "data", ACME)
    settings = settings_for(tmp_path / "data", (key,), catalog=catalog, engine=EngineSettings("native"))
    async with (
        open_app(settings, log_stream=log) as app,
        AtpClient.open(f"127.0.0.1:{app.door.grpc_port}", credential=credential, request_ids=None) as client,
    ):
        yield app, client


def arm_panic(app: App) -> None:
    """The next choice of the native engine fails in the middle."""
    engine: Any = app.rooms.engine
    engine._engine.inject_panic(1)


async def engine_of(client: AtpClient) -> EngineInfo:
    return (await client.get_server_info(GetServerInfoRequest())).engine


async def metrics(app: App) -> str:
    url = f"http://127.0.0.1:{app.door.ops_port}/metrics"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return await response.text()


async def test_a_panic_is_answered_by_the_reference_engine_with_all_that_was_learned(tmp_path: Path) -> None:
    log = io.StringIO()
    async with on_native(tmp_path, log) as (app, client):
        for quality in (0.1, 0.9, 0.4):
            token = (await client.route(prompt())).feedback_token
            await client.observe(ObserveRequest(feedback_token=token, quality=quality))
        before = await engine_of(client)
        weighed = await client.plan(PlanRequest(request=prompt()))
        assert (before.name, before.quarantined, before.learned) == ("native", False, 3)
        text = await metrics(app)
        assert 'atp_engine_info{engine="native"' in text
        assert "atp_engine_quarantined 0.0" in text

        arm_panic(app)
        answer = await client.route(prompt())

        assert answer.engine == "reference"
        assert answer.learner_revision == 3
        after = await engine_of(client)
        assert (after.name, after.quarantined, after.learned) == ("reference", True, 3)
        for now, then in zip(after.arms, before.arms, strict=True):
            assert now.model == then.model
            assert now.observations == pytest.approx(then.observations, rel=1e-9)
            assert now.quality == pytest.approx(then.quality, rel=1e-9)
        again = await client.plan(PlanRequest(request=prompt()))
        utilities = {c.target.model: c.utility for c in weighed.candidates}
        assert {c.target.model: c.utility for c in again.candidates} == pytest.approx(utilities, rel=1e-9)
        text = await metrics(app)
        assert "atp_engine_quarantined 1.0" in text
        assert 'atp_engine_info{engine="reference"' in text
        assert 'atp_engine_info{engine="native"' not in text
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    (told,) = [line for line in lines if line["event"] == "native engine quarantined"]
    assert (told["level"], told["reason"]) == ("error", "choose: EnginePanicError")


async def test_a_batch_that_meets_a_panic_is_served_whole(tmp_path: Path) -> None:
    async with on_native(tmp_path, io.StringIO()) as (app, client):
        arm_panic(app)
        batch = await client.route_batch(RouteBatchRequest(requests=[prompt(str(n)) for n in range(64)]))
        assert {result.WhichOneof("result") for result in batch.results} == {"response"}
        assert {result.response.engine for result in batch.results} == {"reference"}


async def test_life_goes_on_in_quarantine_and_the_next_start_is_native_again(tmp_path: Path) -> None:
    async with on_native(tmp_path, io.StringIO()) as (app, client):
        arm_panic(app)
        answer = await client.route(prompt())
        await client.observe(ObserveRequest(feedback_token=answer.feedback_token, quality=0.5))
        (tmp_path / "catalog.toml").write_text(ONE_MODEL)
        await client.reload_catalog(ReloadCatalogRequest())
        answer = await client.route(prompt())
        assert (answer.target.model, answer.learner_revision, answer.catalog_revision) == ("solo", 1, 2)
    async with on_native(tmp_path, io.StringIO()) as (_, client):
        restarted = await engine_of(client)
        assert (restarted.name, restarted.quarantined, restarted.learned) == ("native", False, 1)
