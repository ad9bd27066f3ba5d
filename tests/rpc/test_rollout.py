"""Both engines in one server, over a real socket: who chose is said of each decision, and a panic costs nothing."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from atp_grpc.client.messages import (
    Decision,
    EngineInfo,
    GetDecisionRequest,
    GetServerInfoRequest,
    ObserveRequest,
    PlanRequest,
    RouteBatchRequest,
    RouteResponse,
)
from atp_grpc.config import CatalogSettings, EngineSettings
from atp_grpc.engine.reference.chance import uniform
from tests.native_engine import need_native
from tests.rpc.catalogues import TWO_MODELS
from tests.rpc.provoking import prompt
from tests.rpc.serving import Serving, serving

pytestmark = pytest.mark.native
SHARE = 0.4


@pytest.fixture(autouse=True)
def native() -> None:
    need_native()


@asynccontextmanager
async def with_both(tmp_path: Path, log: io.StringIO | None = None) -> AsyncIterator[Serving]:
    (tmp_path / "catalog.toml").write_text(TWO_MODELS)
    catalog = CatalogSettings(str(tmp_path / "catalog.toml"), watch_interval_seconds=3600.0)
    engine = EngineSettings("native", native_share=SHARE)
    async with serving(tmp_path / "data", catalog=catalog, engine=engine, log_stream=log) as server:
        yield server


async def answers(server: Serving) -> list[RouteResponse]:
    """Decisions by each way there is to ask for one."""
    told = [await server.acme.route(prompt(str(number))) for number in range(12)]
    batch = await server.acme.route_batch(RouteBatchRequest(requests=[prompt(str(number)) for number in range(24)]))
    told += [result.response for result in batch.results]
    async with server.acme.route_stream() as stream:
        told += [await stream.route(prompt(str(number))) for number in range(12)]
    return told


async def record(server: Serving, answer: RouteResponse) -> Decision:
    return (await server.acme.get_decision(GetDecisionRequest(decision_id=answer.decision_id))).decision


async def learn(server: Serving, told: list[RouteResponse]) -> None:
    for number, answer in enumerate(told):
        report = ObserveRequest(feedback_token=answer.feedback_token, quality=number % 5 / 4)
        await server.acme.observe(report)


async def engine_of(server: Serving) -> EngineInfo:
    return (await server.acme.get_server_info(GetServerInfoRequest())).engine


async def metrics(server: Serving) -> list[str]:
    url = f"http://127.0.0.1:{server.app.door.ops_port}/metrics"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return (await response.text()).splitlines()


def arm_panic(server: Serving) -> None:
    """The next choice of the native engine fails in the middle."""
    engine: Any = server.app.rooms.engine
    engine._native.inject_panic(1)


def assert_alike(now: EngineInfo, then: EngineInfo) -> None:
    assert now.learned == then.learned
    for one, other in zip(now.arms, then.arms, strict=True):
        assert one.model == other.model
        assert one.observations == pytest.approx(other.observations, rel=1e-9)
        assert one.quality == pytest.approx(other.quality, rel=1e-9)


async def test_each_decision_names_the_engine_that_its_seed_says(tmp_path: Path) -> None:
    async with with_both(tmp_path) as server:
        told = await answers(server)
        await learn(server, told[:10])
        told += await answers(server)
        for answer in told:
            kept = await record(server, answer)
            assert kept.engine == answer.engine == ("native" if uniform(kept.seed, 3, 0) < SHARE else "reference")
            assert (kept.target, kept.propensity) == (answer.target, answer.propensity)
        planned = {(await server.acme.plan(PlanRequest(request=prompt()))).engine for _ in range(40)}
        assert planned == {"native", "reference"}
        counted = Counter(answer.engine for answer in told)
        lines = await metrics(server)
        for engine, count in counted.items():
            assert f'atp_engine_choices_total{{engine="{engine}"}} {count}.0' in lines
        assert "atp_engine_quarantined 0.0" in lines


async def test_after_a_panic_the_reference_answers_everything_and_nothing_is_lost_or_learned_twice(
    tmp_path: Path,
) -> None:
    log = io.StringIO()
    async with with_both(tmp_path, log) as server:
        told = await answers(server)
        await learn(server, told[:20])
        before = await engine_of(server)
        assert (before.name, before.quarantined, before.learned) == ("native", False, 20)

        arm_panic(server)
        assert {answer.engine for answer in await answers(server)} <= {"native", "reference"}

        after = await engine_of(server)
        assert (after.name, after.quarantined) == ("reference", True)
        assert_alike(after, before)
        later = await answers(server)
        assert {answer.engine for answer in later} == {"reference"}
        assert {(await record(server, answer)).engine for answer in later} == {"reference"}
        # Decisions of both engines, also the old ones, teach what is left.
        await learn(server, told[20:] + later)
        last = await engine_of(server)
        assert last.learned == len(told + later)
        lines = await metrics(server)
        assert "atp_engine_quarantined 1.0" in lines
        assert any(line.startswith('atp_engine_info{engine="reference"') for line in lines)
    (aside,) = [line for line in map(json.loads, log.getvalue().splitlines()) if "quarantined" in line["event"]]
    assert (aside["level"], aside["reason"][:6]) == ("error", "choose")
    async with with_both(tmp_path) as server:
        restarted = await engine_of(server)
        assert (restarted.name, restarted.quarantined) == ("native", False)
        assert_alike(restarted, last)
        assert {answer.engine for answer in await answers(server)} == {"native", "reference"}


async def test_a_batch_that_meets_a_panic_is_served_whole_and_in_order(tmp_path: Path) -> None:
    async with with_both(tmp_path) as server:
        arm_panic(server)
        requests = [
            prompt(str(number), constraints={"allowed_models": ["solo", "duet"][number % 2 :][:1]})
            for number in range(64)
        ]
        batch = await server.acme.route_batch(RouteBatchRequest(requests=requests))
        assert [result.response.target.model for result in batch.results] == ["solo", "duet"] * 32
        assert {result.response.engine for result in batch.results} == {"reference"}
