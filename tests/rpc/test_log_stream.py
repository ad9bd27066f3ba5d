"""A log that nobody can write to any more: the server serves on, counts the lines that are lost, and ends as told."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import aiohttp
import pytest

from atp_grpc.client import AtpCallError, AtpClient
from tests.rpc.provoking import prompt
from tests.rpc.server_command import ServerCommand, server_command
from tests.rpc.waiting import eventually

KEY, OPS = re.compile(r"atp_dev_\w+"), re.compile(r"ops (http://\S+),")
LOST = re.compile(r"^atp_log_lines_dropped (\S+)", re.MULTILINE)


@contextmanager
def on_a_full_disk() -> Iterator[int]:
    """Every write fails for lack of room."""
    descriptor = os.open("/dev/full", os.O_WRONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def into_a_broken_pipe() -> Iterator[int]:
    """Whoever read the log is gone."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        yield writing
    finally:
        os.close(writing)


def found(pattern: re.Pattern[str], server: ServerCommand) -> str:
    """What a line of the start says."""
    matches = [match for line in server.said if (match := pattern.search(line))]
    return matches[0][matches[0].re.groups]


@pytest.mark.parametrize("log", [on_a_full_disk, into_a_broken_pipe])
async def test_calls_go_on_without_a_log(log: Callable[[], AbstractContextManager[int]], tmp_path: Path) -> None:
    with log() as descriptor:
        async with server_command(tmp_path, log=descriptor) as server:
            async with AtpClient.open(server.target, credential=found(KEY, server)) as atp:
                for _ in range(50):
                    await atp.route(prompt())
                for _ in range(50):
                    with pytest.raises(AtpCallError, match="UNKNOWN_POLICY"):
                        await atp.route(prompt(policy="ghost"))

                async def lost() -> float:
                    url = f"{found(OPS, server)}/metrics"
                    async with aiohttp.ClientSession() as session, session.get(url) as response:
                        return float(LOST.findall(await response.text())[0])

                await eventually(lost, is_it=lambda lines: lines >= 50)
            await server.signal(signal.SIGTERM)
            assert await server.end() == 0
