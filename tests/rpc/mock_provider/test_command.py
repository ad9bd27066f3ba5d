"""`atp mock-provider`: one ready line, answers, an end when told."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from pathlib import Path

import aiohttp

SCRIPTS = '[[script]]\nmodel = "tired"\nfault = "overloaded"\n'
QUESTION = [{"role": "user", "content": "Hello"}]


async def start(*options: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "atp_grpc", "mock-provider", *options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def test_the_command_serves_by_its_script_until_it_is_told_to_stop(tmp_path: Path) -> None:
    scripts = tmp_path / "scripts.toml"
    scripts.write_text(SCRIPTS)
    process = await start("--script", str(scripts), "--accept-key", "k")
    try:
        assert process.stdout is not None
        ready = (await process.stdout.readline()).decode()
        address = ready.split()[-1]
        assert ready == f"atp: stand-in provider ready on {address}\n"
        statuses = []
        async with aiohttp.ClientSession(address, headers={"authorization": "Bearer k"}) as session:
            for model in ("awake", "tired"):
                body = {"model": model, "messages": QUESTION}
                async with session.post("/v1/chat/completions", json=body) as answer:
                    statuses.append(answer.status)
        assert statuses == [200, 503]
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_what_the_command_cannot_use_is_told_in_one_sentence(tmp_path: Path) -> None:
    scripts = tmp_path / "scripts.toml"
    scripts.write_text('[[script]]\nmodel = "m"\nfault = "bored"\n')
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ends = await asyncio.gather(
            *map(_end_of, (["--script", str(scripts)], ["--script", str(tmp_path / "absent")], [f"--port={port}"]))
        )

    assert [status for status, _ in ends] == [2, 2, 2]
    assert "script 1: fault must be one of" in ends[0][1]
    assert "No such file" in ends[1][1]
    assert f"cannot listen on 127.0.0.1 port {port}" in ends[2][1]
    assert all("Traceback" not in said for _, said in ends)


async def _end_of(options: list[str]) -> tuple[int | None, str]:
    process = await start(*options)
    out, err = await process.communicate()
    return process.returncode, (out + err).decode()
