"""kill -9 in the middle of streams of reports: sent again on the next stream, none is lost and none counts twice."""

from __future__ import annotations

import asyncio
import contextlib
import random
from pathlib import Path
from typing import Any

import pytest

from atp_grpc.client import AtpClient
from atp_grpc.client.messages import GetServerInfoRequest, ObserveRequest, RouteBatchRequest, RouteRequest
from tests.faults.battery import report
from tests.faults.lifecycle.backend import Backend, free_ports, running, write_config
from tests.rpc.serving import ACME, GLOBEX, key_for
from tests.rpc.streams.talking import OBSERVE_STREAM, Talk, channel_to, reporting, talk


async def tokens(target: str, credential: str, count: int) -> list[bytes]:
    """Tokens of fresh decisions."""
    made: list[bytes] = []
    async with AtpClient.open(target, credential=credential) as client:
        while len(made) < count:
            requests = [RouteRequest(prompt="x")] * min(256, count - len(made))
            batch = await client.route_batch(RouteBatchRequest(requests=requests))
            made += [result.response.feedback_token for result in batch.results]
    return made


async def outcomes_learned(target: str, credential: str) -> int:
    async with AtpClient.open(target, credential=credential) as client:
        info = await client.get_server_info(GetServerInfoRequest())
    return int(info.engine.learned)


class Reporter:
    """A caller with much to report, who sends again whatever was not acknowledged."""

    def __init__(self, credential: str, reports: list[bytes], chance: random.Random) -> None:
        self._credential = credential
        self._chance = chance
        self.left = reports
        self.acknowledged = asyncio.Event()

    async def report(self, target: str) -> None:
        """One stream: until all is acknowledged, or the stream breaks."""
        reports, covered = self.left, 0
        async with channel_to(target) as channel:
            stream = talk(channel, OBSERVE_STREAM, self._credential)
            sending = asyncio.ensure_future(self._send(stream, reports))
            heard = await stream.to_the_end(lambda event: self._note(event, reports))
            sending.cancel()
            await asyncio.wait({sending})
            for event in heard.events:
                assert not event.ack.failures
                covered = event.ack.last_sequence
        self.left = reports[covered:]

    async def _send(self, stream: Talk, reports: list[bytes]) -> None:
        await stream.send(*reports)
        await stream.call.done_writing()

    def _note(self, event: Any, reports: list[bytes]) -> None:
        if event.ack.last_sequence > self._chance.random() * len(reports):
            self.acknowledged.set()


async def kill_and_send_again(tmp_path: Path, *, kills: int, reports_each: int) -> None:
    credentials, keys = zip(*(key_for(tmp_path / "data", tenant) for tenant in (ACME, GLOBEX)), strict=True)
    port, ops_port = free_ports(2)
    target, chance = f"127.0.0.1:{port}", random.Random(5)
    config = write_config(tmp_path / "atp.toml", *keys, drain_delay_seconds=0.0)
    server = Backend(tmp_path / "data", config, port, ops_port)
    expected = 0
    async with running(server):
        for number in range(kills):
            reporters = []
            for credential in credentials:
                made = await tokens(target, credential, reports_each)
                reporters.append(Reporter(credential, [reporting(token, chance.random()) for token in made], chance))
            expected += 2 * reports_each
            reporting_on = [asyncio.create_task(one.report(target)) for one in reporters]
            await reporters[number % 2].acknowledged.wait()
            await server.kill()
            await asyncio.gather(*reporting_on)
            everything = [list(one.left) for one in reporters]
            await server.start()
            await asyncio.gather(*(one.report(target) for one in reporters))
            assert [one.left for one in reporters] == [[], []]
            assert any(everything), "the kill came after everything was done, and tried nothing"
            assert await outcomes_learned(target, credentials[0]) == expected
    report("B5", n=expected, figure={"streams": {"lost": 0, "twice": 0, "kills": kills}}, bar=0, passed=True)


async def test_a_killed_server_loses_no_acknowledged_report_and_learns_none_twice(tmp_path: Path) -> None:
    await kill_and_send_again(tmp_path, kills=1, reports_each=2_000)


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_server_killed_five_times_loses_no_acknowledged_report_and_learns_none_twice(tmp_path: Path) -> None:
    await kill_and_send_again(tmp_path, kills=5, reports_each=3_000)


async def test_the_kit_carries_reports_and_requests_across_a_kill(tmp_path: Path) -> None:
    credential, key = key_for(tmp_path / "data", ACME)
    port, ops_port = free_ports(2)
    target, done = f"127.0.0.1:{port}", 0
    server = Backend(tmp_path / "data", write_config(tmp_path / "atp.toml", key), port, ops_port)
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(running(server))
        atp = await stack.enter_async_context(AtpClient.open(target, credential=credential, deadline_seconds=50))
        routes = await stack.enter_async_context(atp.route_stream())
        reports = await stack.enter_async_context(atp.observe_stream())
        enough = asyncio.Event()

        async def ask_and_tell() -> None:
            nonlocal done
            answer = await routes.route(RouteRequest(prompt="x"))
            await reports.observe(ObserveRequest(feedback_token=answer.feedback_token, quality=0.5))
            done += 1
            if done == 200:
                enough.set()

        working = asyncio.gather(*(ask_and_tell() for _ in range(1_000)))
        await enough.wait()
        await server.kill()
        assert done < 1_000
        await server.start()
        await working
        assert await outcomes_learned(target, credential) == done == 1_000
