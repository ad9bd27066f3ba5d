"""kill -9 under full load: what was acknowledged is stored, and learned exactly once."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from atp_grpc.app.engines import pick_engine
from atp_grpc.app.policy import engine_parameters, settle_policy
from atp_grpc.catalog.live import LiveCatalogue
from atp_grpc.client import AtpCallError, AtpClient
from atp_grpc.client.messages import GetServerInfoRequest, ObserveRequest, RouteBatchRequest, RouteRequest
from atp_grpc.config import PolicySettings
from atp_grpc.domain.clock import SystemClock
from atp_grpc.domain.outcome import Observation
from atp_grpc.learning.rewards import outcomes_of
from atp_grpc.learning.watching import Watch
from atp_grpc.store.sqlite import open_sqlite_store
from tests.faults.processes import ServerProcess, server_process, write_config
from tests.rpc.serving import ACME, key_for

CALLERS = 64
DECISIONS_PER_ROUND = 2_048


class Acknowledged:
    """Every acknowledgement a caller ever got: decision by (replica, sequence)."""

    def __init__(self) -> None:
        self.decisions: dict[int, str] = {}
        self._arrived = asyncio.Event()

    def add(self, sequence: int, decision_id: str) -> None:
        self.decisions[sequence] = decision_id
        self._arrived.set()

    async def wait_for(self, count: int, work: asyncio.Task[None]) -> None:
        """Waits until that many came, or the work that brings them is done."""
        while len(self.decisions) < count and not work.done():
            self._arrived.clear()
            arrived = asyncio.ensure_future(self._arrived.wait())
            await asyncio.wait([arrived, work], return_when=asyncio.FIRST_COMPLETED)
            arrived.cancel()


async def load(client: AtpClient, acknowledged: Acknowledged, chance: random.Random) -> None:
    """Routes many prompts, then reports on all of them as fast as the server takes it."""
    tokens: list[bytes] = []
    for _ in range(DECISIONS_PER_ROUND // 256):
        requests = [RouteRequest(prompt=f"How much is {chance.random()} times 3?") for _ in range(256)]
        answer = await client.route_batch(RouteBatchRequest(requests=requests))
        tokens += [result.response.feedback_token for result in answer.results]
    left: Iterator[bytes] = iter(tokens)

    async def caller() -> None:
        for token in left:
            report = ObserveRequest(feedback_token=token, quality=chance.random())
            reply = await client.observe(report)
            acknowledged.add(reply.sequence, reply.decision_id)

    await asyncio.gather(*(caller() for _ in range(CALLERS)))


async def kill_under_load(
    server: ServerProcess, credential: str, acknowledged: Acknowledged, chance: random.Random
) -> None:
    async with AtpClient.open(server.target, credential=credential) as client:
        before = len(acknowledged.decisions)
        work = asyncio.create_task(load(client, acknowledged, chance))
        enough = before + chance.randint(50, 1_200)
        await acknowledged.wait_for(enough, work)
        await server.kill()
        work.cancel()
        with pytest.raises((AtpCallError, asyncio.CancelledError)):
            await work


async def stored(data_dir: Path) -> tuple[list[Observation], bytes | None, bytes]:
    """What the data folder holds: the observations, the last checkpoint, and the state of a single pass over them."""
    clock = SystemClock()
    store = await open_sqlite_store(data_dir / "atp.db", replica="unused", clock=clock)
    try:
        observations = await store.observations_after(0, 1_000_000)
        catalogue = await LiveCatalogue.open(None, clock, store)
        policy = await settle_policy(PolicySettings(), catalogue.snapshot, store)
        parameters = engine_parameters(policy)
        engine = pick_engine("auto", parameters, native_share=1.0, on_quarantine=lambda _: None).engine
        snapshot = catalogue.snapshot
        engine.load(snapshot.arms, snapshot.offers, snapshot.generation)
        watch = Watch(engine, lambda _: None)
        for observation in observations:
            for outcome in outcomes_of(observation, policy.name):
                if engine.learn(outcome):
                    watch.learn(outcome)
        return observations, await store.load_checkpoint(policy.name), engine.checkpoint()
    finally:
        await store.close()


async def kill_again_and_again(tmp_path: Path, rounds: int) -> None:
    data_dir, chance, acknowledged = tmp_path / "data", random.Random(7), Acknowledged()
    credential, key = key_for(data_dir, ACME)
    config = write_config(tmp_path / "atp.toml", key)
    for _ in range(rounds):
        async with server_process(data_dir, config) as server:
            await kill_under_load(server, credential, acknowledged, chance)
    async with server_process(data_dir, config) as server:
        async with AtpClient.open(server.target, credential=credential) as client:
            info = await client.get_server_info(GetServerInfoRequest())
        assert await server.stop() == 0
    observations, checkpoint, single_pass = await stored(data_dir)
    by_sequence = {observation.sequence: observation.lesson.decision_id for observation in observations}
    lost = {n for n, decision in acknowledged.decisions.items() if by_sequence.get(n) != decision}
    figure = {
        "id": "kill-observe",
        "n": rounds,
        "acknowledged": len(acknowledged.decisions),
        "stored": len(by_sequence),
    }
    print(json.dumps({**figure, "lost": len(lost), "bar": 0, "pass": not lost}))
    assert lost == set()
    assert sorted(by_sequence) == list(range(1, len(by_sequence) + 1))
    assert info.last_sequence == len(by_sequence)
    assert info.engine.learned == len(by_sequence)
    assert len(set(by_sequence.values())) == len(by_sequence)
    assert checkpoint == single_pass
    assert len(acknowledged.decisions) >= rounds * 50


@pytest.mark.timeout(120)
async def test_three_kills_lose_no_acknowledged_observation_and_learn_each_once(tmp_path: Path) -> None:
    await kill_again_and_again(tmp_path, 3)


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_twenty_kills_lose_no_acknowledged_observation_and_learn_each_once(tmp_path: Path) -> None:
    await kill_again_and_again(tmp_path, 20)


async def test_a_second_server_on_the_same_data_is_refused(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    _, key = key_for(data_dir, ACME)
    config = write_config(tmp_path / "atp.toml", key)
    async with server_process(data_dir, config):
        with pytest.raises(RuntimeError, match="ended before"):
            async with server_process(data_dir, config):
                pytest.fail("two servers share one data folder")
    assert "in use by process" in (tmp_path / "server.log").read_text()
