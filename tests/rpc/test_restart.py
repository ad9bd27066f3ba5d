"""A restart on the same data, over real sockets: names, numbers and everything learned go on where they were."""

from __future__ import annotations

import hashlib
import io
import json
import sqlite3
from pathlib import Path
from typing import Literal

import pytest

from atp_grpc.client.messages import (
    GetDecisionRequest,
    GetServerInfoRequest,
    GetServerInfoResponse,
    ObserveRequest,
    RouteResponse,
)
from atp_grpc.config import EngineSettings, PolicySettings, StoreSettings
from atp_grpc.engine.contract import CONTRACT_VERSION
from tests.native_engine import need_native
from tests.rpc.catalogues import TWO_MODELS
from tests.rpc.provoking import on_catalogue, prompt, refused
from tests.rpc.serving import Serving, serving


async def info(server: Serving) -> GetServerInfoResponse:
    return await server.acme.get_server_info(GetServerInfoRequest())


async def learn(server: Serving, *qualities: float) -> list[RouteResponse]:
    answers = []
    for quality in qualities:
        answers.append(await server.acme.route(prompt(str(quality))))
        attempt = {"model": answers[-1].target.model, "usage": {"output_tokens": 30}, "latency": {"seconds": 1}}
        report = ObserveRequest(feedback_token=answers[-1].feedback_token, quality=quality, attempts=[attempt])
        await server.acme.observe(report)
    return answers


async def test_tokens_ids_names_and_numbers_survive(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        by_token, by_id = await server.acme.route(prompt("a")), await server.acme.route(prompt("b"))
        await learn(server, 0.2, 0.8)
        before = await info(server)
        record = await server.acme.get_decision(GetDecisionRequest(decision_id=by_id.decision_id))
    async with serving(tmp_path) as server:
        after = await info(server)
        assert after.replica == before.replica
        assert after.instance_id != before.instance_id
        assert (after.last_sequence, after.catalog.revision) == (before.last_sequence, before.catalog.revision)
        assert after.engine == before.engine
        reports = (
            ObserveRequest(feedback_token=by_token.feedback_token, quality=0.5),
            ObserveRequest(decision_id=by_id.decision_id, quality=0.5),
        )
        for sequence, report in enumerate(reports, before.last_sequence + 1):
            answer = await server.acme.observe(report)
            assert list(answer.recorded_fields) == ["quality"]
            assert (answer.replica, answer.sequence) == (before.replica, sequence)
        stored = await server.acme.get_decision(GetDecisionRequest(decision_id=by_id.decision_id))
        assert stored.decision.outcome.quality == 0.5
        stored.decision.ClearField("outcome")
        assert stored == record


async def test_what_stood_before_a_restart_stands_after_it(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        (decision,) = await learn(server, 0.2)
    async with serving(tmp_path) as server:
        token = decision.feedback_token
        same = await server.acme.observe(ObserveRequest(feedback_token=token, quality=0.2))
        assert list(same.unchanged_fields) == ["quality"]
        other = server.acme.observe(ObserveRequest(feedback_token=token, quality=0.3))
        await refused(other, "OUTCOME_CONFLICT", "ALREADY_EXISTS")
        assert (await info(server)).engine.learned == 1


async def test_without_its_checkpoint_the_learner_learns_every_observation_anew(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        await learn(server, 0.2, 0.8, 0.5)
        before = (await info(server)).engine
    with sqlite3.connect(tmp_path / "atp.db") as connection:
        assert connection.execute("DELETE FROM checkpoints").rowcount == 1
    connection.close()
    async with serving(tmp_path) as server:
        assert (await info(server)).engine == before
        assert (await server.acme.route(prompt())).learner_revision == 3


def of_contract(version: int, checkpoint: bytes) -> bytes:
    """A checkpoint as an engine of another contract would have signed it; its payload stays."""
    header, number = checkpoint[:-32], f'"contract":{CONTRACT_VERSION}'.encode()
    assert header.count(number) == 1
    forged = header.replace(number, f'"contract":{version}'.encode())
    return forged + hashlib.sha256(forged).digest()


@pytest.mark.parametrize("kind", ["reference", pytest.param("native", marks=pytest.mark.native)])
@pytest.mark.parametrize("version", [CONTRACT_VERSION - 1, CONTRACT_VERSION + 1])
async def test_a_checkpoint_of_another_contract_is_left_and_every_observation_is_learned_anew(
    tmp_path: Path, kind: Literal["native", "reference"], version: int
) -> None:
    if kind == "native":
        need_native()
    engine, log = EngineSettings(kind), io.StringIO()
    async with serving(tmp_path, engine=engine) as server:
        await learn(server, 0.2, 0.8, 0.5)
        before = (await info(server)).engine
        rooms = server.app.rooms
        await rooms.learner.checkpoint()
        sound = await rooms.store.load_checkpoint("default")
        assert sound is not None
        await rooms.store.save_checkpoint("default", of_contract(version, sound))
    async with serving(tmp_path, engine=engine, log_stream=log) as server:
        assert (await info(server)).engine == before
        await learn(server, 0.1)
    async with serving(tmp_path, engine=engine, log_stream=log) as server:
        assert (await info(server)).engine.learned == 4
    restored = [line for line in map(json.loads, log.getvalue().splitlines()) if line["event"] == "learner restored"]
    # Anew once; then from the checkpoint that the new contract wrote.
    assert [(line["outcomes"], line["replayed"]) for line in restored] == [(3, 3), (4, 0)]


async def test_a_policy_with_other_settings_is_a_new_version_and_the_same_settings_are_not(tmp_path: Path) -> None:
    versions = []
    for weight in (0.1, 0.1, 0.2, 0.2, 0.1):
        async with serving(tmp_path, policy=PolicySettings(cost_weight=weight)) as server:
            versions.append((await server.acme.route(prompt())).policy_version)
    assert versions == [1, 1, 2, 2, 3]


async def test_the_scales_of_a_version_stay_when_only_prices_change(tmp_path: Path) -> None:
    dear = TWO_MODELS.replace("output_usd_per_million_tokens = 8.0", "output_usd_per_million_tokens = 8000.0")
    seen = []
    for revision, text in enumerate((TWO_MODELS, dear), 1):
        async with on_catalogue(tmp_path, text) as server:
            policy = server.app.rooms.policy
            answer = await server.acme.route(prompt(constraints={"allowed_models": ["solo"]}))
            lookup = GetDecisionRequest(decision_id=answer.decision_id)
            (solo,) = (await server.acme.get_decision(lookup)).decision.candidates
            seen.append((answer.policy_version, policy.cost_scale_nano_usd, policy.latency_scale_seconds, solo.utility))
            assert answer.catalog_revision == revision
    assert seen[0] == seen[1]


async def test_another_half_life_learns_the_same_observations_anew(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        await learn(server, 0.2, 0.8)
    async with serving(tmp_path, policy=PolicySettings(half_life_seconds=3600.0)) as server:
        after = await info(server)
        assert after.engine.learned == 2
        # Seconds old, and read at a tick near now: they count nearly whole.
        assert sum(arm.observations for arm in after.engine.arms) == pytest.approx(2.0, rel=0.02)


@pytest.mark.parametrize("engine", [EngineSettings("reference"), EngineSettings("auto")], ids=["reference", "auto"])
async def test_a_memory_store_serves_the_whole_story_and_forgets_it_with_the_process(
    tmp_path: Path, engine: EngineSettings
) -> None:
    memory = StoreSettings("memory")
    async with serving(tmp_path, store=memory, engine=engine) as server:
        (decision,) = await learn(server, 0.4)
        lookup = GetDecisionRequest(decision_id=decision.decision_id)
        assert (await server.acme.get_decision(lookup)).decision.outcome.quality == 0.4
        before = await info(server)
        assert (before.store, before.last_sequence, before.engine.learned) == ("memory", 1, 1)
    assert not (tmp_path / "atp.db").exists()
    async with serving(tmp_path, store=memory, engine=engine) as server:
        after = await info(server)
        assert (after.last_sequence, after.engine.learned) == (0, 0)
        assert after.replica != before.replica
        await refused(server.acme.get_decision(lookup), "DECISION_NOT_FOUND", "NOT_FOUND")
