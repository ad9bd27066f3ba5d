"""Two tenants who see the same models differently: each one's predictions go its own way, wherever they are made."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from atp_grpc.client import AtpClient
from atp_grpc.client.messages import ObserveRequest, PlanRequest, RouteBatchRequest
from atp_grpc.config import CatalogSettings, EngineSettings, PolicySettings, StoreSettings
from atp_grpc.engine.contract import ContextMode
from tests.native_engine import need_native
from tests.rpc.catalogues import ONE_MODEL
from tests.rpc.provoking import prompt
from tests.rpc.serving import Serving, serving

PSEUDO_COUNT, LIMIT = 2.0, 0.25
POLICY = PolicySettings(context=ContextMode.OFF, tenant_pseudo_count=PSEUDO_COUNT, tenant_offset_limit=LIMIT)
PRIOR = 0.5
CATALOGUE = ONE_MODEL.replace('name = "solo"', f'name = "solo"\nprior_quality = {PRIOR}')

ENGINES = [
    pytest.param(EngineSettings("reference"), id="reference"),
    pytest.param(EngineSettings("native"), id="native", marks=pytest.mark.native),
    pytest.param(EngineSettings("native", native_share=0.5), id="both", marks=pytest.mark.native),
]


@pytest.fixture(params=ENGINES, name="engine")
def each_engine(request: pytest.FixtureRequest) -> EngineSettings:
    settings: EngineSettings = request.param
    if settings.kind == "native":
        need_native()
    return settings


def catalogue_in(folder: Path) -> CatalogSettings:
    (folder / "catalog.toml").write_text(CATALOGUE)
    return CatalogSettings(str(folder / "catalog.toml"), watch_interval_seconds=3600.0)


async def grade(client: AtpClient, grades: list[float]) -> None:
    """Asks once for each grade before any of them is given, so that every prediction is the one of now."""
    batch = await client.route_batch(RouteBatchRequest(requests=[prompt() for _ in grades]))
    for result, quality in zip(batch.results, grades, strict=True):
        await client.observe(ObserveRequest(feedback_token=result.response.feedback_token, quality=quality))


async def expected(client: AtpClient) -> float:
    """The quality that a tenant is told to expect, the same from every call that tells one."""
    (planned,) = (await client.plan(PlanRequest(request=prompt()))).candidates
    batch = await client.route_batch(RouteBatchRequest(requests=[prompt()] * 8))
    told = [(await client.route(prompt())).expected.quality for _ in range(4)]
    told += [result.response.expected.quality for result in batch.results]
    async with client.route_stream() as stream:
        told += [(await stream.route(prompt())).expected.quality for _ in range(4)]
    assert told == pytest.approx([planned.expected.quality] * len(told), rel=1e-9)
    return planned.expected.quality


async def both(server: Serving) -> tuple[float, float]:
    return await expected(server.acme), await expected(server.globex)


async def test_a_tenant_is_everybody_until_another_one_comes_and_then_each_goes_its_own_way(
    tmp_path: Path, engine: EngineSettings
) -> None:
    async with serving(
        tmp_path / "data", catalog=catalogue_in(tmp_path), engine=engine, policy=POLICY, store=StoreSettings("memory")
    ) as server:
        assert await both(server) == (PRIOR, PRIOR)

        await grade(server.acme, [0.4] * 10)
        # One pseudo-observation at the prior, then ten grades, all of them of one tenant.
        acme, globex = await both(server)
        assert acme == globex == pytest.approx((PRIOR + 4.0) / 11, rel=1e-9)

        await grade(server.globex, [1.0] * 10)
        better = (PRIOR + 4.0 + 10.0) / 21
        acme, globex = await both(server)
        # To each, the other ten and the prior are the others; acme's grades were 0.1 below what was predicted.
        told_apart = 1 - PSEUDO_COUNT / 11
        assert acme == pytest.approx(better - told_apart * 1.0 / (10 + PSEUDO_COUNT), rel=1e-9)
        # Ten times 0.59 above what was predicted would be 0.4 on twelve, and no offset is above the limit.
        assert globex == pytest.approx(better + LIMIT, rel=1e-9)


async def test_what_a_tenant_taught_is_its_own_after_a_restart_with_and_without_the_checkpoint(
    tmp_path: Path, engine: EngineSettings
) -> None:
    catalog = catalogue_in(tmp_path)
    async with serving(tmp_path / "data", catalog=catalog, engine=engine, policy=POLICY) as server:
        await grade(server.acme, [0.1] * 5)
        await grade(server.globex, [0.9] * 5)
        before = await both(server)
        assert before[0] < PRIOR < before[1]
    async with serving(tmp_path / "data", catalog=catalog, engine=engine, policy=POLICY) as server:
        assert await both(server) == pytest.approx(before, rel=1e-9)
    with sqlite3.connect(tmp_path / "data" / "atp.db") as connection:
        assert connection.execute("DELETE FROM checkpoints").rowcount == 1
    connection.close()
    async with serving(tmp_path / "data", catalog=catalog, engine=engine, policy=POLICY) as server:
        assert await both(server) == pytest.approx(before, rel=1e-9)


async def test_without_room_for_tenants_all_are_treated_alike(tmp_path: Path, engine: EngineSettings) -> None:
    policy = PolicySettings(context=ContextMode.OFF, tenant_limit=0)
    async with serving(
        tmp_path / "data", catalog=catalogue_in(tmp_path), engine=engine, policy=policy, store=StoreSettings("memory")
    ) as server:
        await grade(server.acme, [0.1] * 5)
        acme, globex = await both(server)
        assert acme == globex == pytest.approx((PRIOR + 0.5) / 6, rel=1e-9)
