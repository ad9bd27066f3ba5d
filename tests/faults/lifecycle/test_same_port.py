"""A9: a second server on a port that is in use is refused with a clear sentence, and the first does not notice."""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path

import pytest

from atp_grpc.app.serving import REFUSED
from atp_grpc.client import AtpClient
from atp_grpc.client.messages import RouteRequest
from tests.faults.battery import report
from tests.faults.lifecycle.backend import START_SECONDS, Backend, free_ports, running, write_config
from tests.rpc.serving import ACME, GLOBEX, key_for


@pytest.mark.parametrize("listener", ["SERVER", "OPS"])
async def test_a_second_server_on_a_port_in_use_is_refused_in_one_sentence(tmp_path: Path, listener: str) -> None:
    acme, acme_key = key_for(tmp_path / "one", ACME)
    globex, globex_key = key_for(tmp_path / "one", GLOBEX)
    port, ops_port, free_port = free_ports(3)
    config = write_config(tmp_path / "atp.toml", acme_key, globex_key)
    first = Backend(tmp_path / "one", config, port, ops_port)
    wanted = {"SERVER": (port, free_port), "OPS": (free_port, ops_port)}[listener]
    async with running(first):
        second = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "atp_grpc", "serve", f"--data-dir={tmp_path / 'two'}"),
            *(f"--port={wanted[0]}", f"--ops-port={wanted[1]}"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(START_SECONDS):
                out, err = await second.communicate()
        finally:
            if second.returncode is None:
                second.kill()
                await second.wait()
        taken = port if listener == "SERVER" else ops_port
        sentences = [line for line in err.decode().splitlines() if line.startswith("atp: ")]
        for credential in (acme, globex):
            async with AtpClient.open(f"127.0.0.1:{port}", credential=credential) as client:
                await client.route(RouteRequest(prompt="still there?"))
    report("A9", n=1, figure=second.returncode, bar=REFUSED, passed=second.returncode == REFUSED)
    assert second.returncode == REFUSED
    assert out == b""
    assert len(sentences) == 1
    assert f"cannot listen on 127.0.0.1:{taken}" in sentences[0]
    assert f"ATP_{listener}_PORT" in sentences[0]


async def test_nobody_may_share_the_port_not_even_who_asks_for_it(tmp_path: Path) -> None:
    _, key = key_for(tmp_path / "one", ACME)
    port, ops_port = free_ports(2)
    first = Backend(tmp_path / "one", write_config(tmp_path / "atp.toml", key), port, ops_port)
    async with running(first):
        for taken in (port, ops_port):
            with socket.socket() as intruder:
                # Would be let in beside a listener that allows sharing, and get a part of its callers.
                intruder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                with pytest.raises(OSError, match="Address already in use"):
                    intruder.bind(("127.0.0.1", taken))
