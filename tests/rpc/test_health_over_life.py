"""What the ops port says of a server from before it is up until it is gone."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
from pathlib import Path

import aiohttp
import pytest

from atp_grpc.app import open_app
from atp_grpc.client import AtpCallError, AtpClient
from atp_grpc.client.messages import ObserveRequest
from atp_grpc.config import OpsSettings
from tests.faults.processes import write_config
from tests.rpc.ops_pages import page
from tests.rpc.provoking import locked, prompt
from tests.rpc.server_command import server_command
from tests.rpc.serving import ACME, key_for, settings_for
from tests.rpc.waiting import eventually


async def test_the_ops_port_answers_while_the_server_starts(tmp_path: Path) -> None:
    credential, key = key_for(tmp_path / "data", ACME)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = settings_for(tmp_path / "data", (key,), ops=OpsSettings(port=port))
    async with open_app(settings):
        pass

    async def told(path: str) -> tuple[int, str]:
        try:
            return await page(port, path)
        except aiohttp.ClientError:
            return 0, ""

    async def run(up: asyncio.Event, down: asyncio.Event) -> None:
        async with open_app(settings) as app, AtpClient.open(f"127.0.0.1:{app.door.grpc_port}", credential=credential):
            up.set()
            await down.wait()

    up, down = asyncio.Event(), asyncio.Event()
    with locked(tmp_path / "data" / "atp.db"):
        running = asyncio.create_task(run(up, down))
        await eventually(lambda: told("/startupz"), is_it=lambda answer: answer == (503, "starting\n"))
        assert await told("/livez") == (200, "alive\n")
        assert await told("/readyz") == (503, "not ready\n")
        status, text = await told("/healthz")
        assert (status, json.loads(text)["state"], json.loads(text)["started"]) == (503, "starting", False)
        assert not up.is_set()
    await asyncio.wait_for(up.wait(), 10)
    assert await told("/startupz") == (200, "started\n")
    assert await told("/readyz") == (200, "ready\n")
    down.set()
    await running
    assert await told("/livez") == (0, "")


async def test_a_drain_turns_readiness_at_once_and_nothing_else(tmp_path: Path) -> None:
    credential, key = key_for(tmp_path / "data", ACME)
    config = write_config(tmp_path / "atp.toml", key)
    async with (
        server_command(tmp_path / "data", f"--config={config}", "--set", "server.drain_delay_seconds=12") as server,
        AtpClient.open(server.target, credential=credential) as client,
    ):
        found = re.search(r"ops http://127\.0\.0\.1:(\d+)", server.said[-1])
        assert found
        port = int(found[1])
        token = (await client.route(prompt())).feedback_token
        assert (await page(port, "/readyz"))[0] == 200
        with locked(tmp_path / "data" / "atp.db"):
            report = asyncio.ensure_future(client.observe(ObserveRequest(feedback_token=token, quality=1.0)))
            for _ in range(2):
                await client.health()
            await server.signal(signal.SIGTERM)
            await eventually(lambda: page(port, "/readyz"), is_it=lambda answer: answer[0] == 503)

            assert [(await page(port, path))[0] for path in ("/livez", "/startupz", "/metrics")] == [200, 200, 200]
            document = json.loads((await page(port, "/healthz"))[1])
            assert (document["draining"], document["ready"], document["started"]) == (True, False, True)
            assert set(document["services"].values()) == {"NOT_SERVING"}
            await server.signal(signal.SIGTERM)
            await server.end()
        with pytest.raises(AtpCallError):
            await report
