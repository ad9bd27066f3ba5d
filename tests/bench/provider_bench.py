"""What one call costs our own process: our HTTP client against others that might do its work, and a whole provider.

Interleaved in one process, against an upstream in a process of its own. The clients do the same least: send, read,
parse the JSON. The provider on ours also writes the prompt out, reads the dialect and makes events.
"""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import uvloop

from atp_grpc.domain.clock import SystemClock
from atp_grpc.domain.conversation import Prompt, Role, TextPart, Turn
from atp_grpc.domain.endpoint import Dialect, Endpoint
from atp_grpc.providers.contract import Finished, Generation
from atp_grpc.providers.http.calling import MAX_WHOLE_BYTES
from atp_grpc.providers.http.client import HttpClient, Request
from atp_grpc.providers.http.egress import EgressRule
from atp_grpc.providers.http.exchange import Exchange
from atp_grpc.providers.openai.provider import OpenAiProvider
from tests.bench import processes

ROUNDS, WARM_CALLS = 5, 5
CALLS = {False: 300, True: 40}
TEXT = "hello there " * 20
LOG = Path("build/bench/provider_upstream.log")

Call = Callable[[bool], Awaitable[None]]


def rows() -> list[dict[str, object]]:
    """`provider.whole` and `provider.stream` (20 words, each read by itself), µs of the process's CPU a call."""
    LOG.parent.mkdir(parents=True, exist_ok=True)
    port = processes.free_port()
    command = [sys.executable, "-m", "tests.bench.provider_upstream", str(port)]
    with processes.server(command, port, environment={}, log=LOG):
        measured = uvloop.run(_measured(port))
    made = []
    for is_streamed, name in ((False, "provider.whole"), (True, "provider.stream")):
        ours = measured["client", is_streamed]
        made += [
            {
                "name": f"{name}.{other}",
                "value": theirs,
                "unit": "us CPU per call",
                "baseline": "our client alone",
                "baseline_value": ours,
                "ratio": theirs / ours,
                "n": ROUNDS * CALLS[is_streamed],
                "command": "make bench ONLY=provider",
            }
            for (other, streamed), theirs in measured.items()
            if other != "client" and streamed is is_streamed
        ]
    return made


async def _measured(port: int) -> dict[tuple[str, bool], float]:
    """The best of some rounds for each client, whole and streamed."""
    taken: dict[tuple[str, bool], list[float]] = {}
    async with AsyncExitStack() as stack:
        calls = {"client": _client(port, stack), "ours": _ours(port, stack), "aiohttp": await _aiohttp(port, stack)}
        for name, opened in (("httpx2", _httpx2), ("openai", _openai)):
            try:
                calls[name] = await opened(port, stack)
            except ModuleNotFoundError:
                print(f"{name} is not installed and left out", file=sys.stderr)
        for _ in range(ROUNDS):
            for name, call in calls.items():
                for is_streamed, count in CALLS.items():
                    for _ in range(WARM_CALLS):
                        await call(is_streamed)
                    started = time.process_time()
                    for _ in range(count):
                        await call(is_streamed)
                    spent = (time.process_time() - started) / count * 1e6
                    taken.setdefault((name, is_streamed), []).append(spent)
    return {key: min(values) for key, values in taken.items()}


def _client(port: int, stack: AsyncExitStack) -> Call:
    client = HttpClient(egress=EgressRule({f"127.0.0.1:{port}"}), clock=SystemClock())
    stack.push_async_callback(client.close)

    async def call(is_streamed: bool) -> None:
        body = orjson.dumps(_body(is_streamed=is_streamed))
        request = Request(f"http://127.0.0.1:{port}/v1", "/chat/completions", {}, _HEADERS, body)
        exchange = await client.send(request, connect_seconds=5.0, total_seconds=60.0)
        exchange.expect_within(30.0)
        await exchange.head()
        if is_streamed:
            await _read_events(_pieces(exchange))
        else:
            orjson.loads(await exchange.read_all(MAX_WHOLE_BYTES))
        exchange.close()

    return call


async def _pieces(exchange: Exchange) -> AsyncIterator[bytes]:
    while piece := await exchange.read():
        yield piece


def _ours(port: int, stack: AsyncExitStack) -> Call:
    clock = SystemClock()
    provider = OpenAiProvider(client=HttpClient(egress=EgressRule({f"127.0.0.1:{port}"}), clock=clock), clock=clock)
    stack.push_async_callback(provider.close)
    endpoint = Endpoint(Dialect.OPENAI, f"http://127.0.0.1:{port}/v1", "m")
    prompt = Prompt((Turn(Role.USER, (TextPart(TEXT),)),))

    async def call(is_streamed: bool) -> None:
        last = None
        async for event in provider.generate(Generation(endpoint, "key", prompt, 100, is_streamed)):
            last = event
        assert isinstance(last, Finished)

    return call


async def _aiohttp(port: int, stack: AsyncExitStack) -> Call:
    session = await stack.enter_async_context(
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60, sock_read=30))
    )

    async def call(is_streamed: bool) -> None:
        body = orjson.dumps(_body(is_streamed=is_streamed))
        async with session.post(_url(port), data=body, headers=_JSON, allow_redirects=False) as answer:
            if is_streamed:
                await _read_events(answer.content.iter_any())
            else:
                orjson.loads(await answer.read())

    return call


async def _httpx2(port: int, stack: AsyncExitStack) -> Call:
    httpx2 = importlib.import_module("httpx2")
    client = await stack.enter_async_context(httpx2.AsyncClient(timeout=30))

    async def call(is_streamed: bool) -> None:
        body = orjson.dumps(_body(is_streamed=is_streamed))
        async with client.stream("POST", _url(port), content=body, headers=_JSON) as answer:
            if is_streamed:
                await _read_events(answer.aiter_raw())
            else:
                orjson.loads(await answer.aread())

    return call


async def _openai(port: int, stack: AsyncExitStack) -> Call:
    openai = importlib.import_module("openai")
    client = openai.AsyncOpenAI(api_key="key", base_url=f"http://127.0.0.1:{port}/v1", max_retries=0)
    stack.push_async_callback(client.close)

    async def call(is_streamed: bool) -> None:
        answer = await client.chat.completions.create(**_body(is_streamed=is_streamed))
        if is_streamed:
            async for _ in answer:
                pass

    return call


_HEADERS = {"authorization": "Bearer key"}
_JSON = {**_HEADERS, "content-type": "application/json"}


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}/v1/chat/completions"


def _body(*, is_streamed: bool) -> dict[str, Any]:
    body: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": TEXT}], "max_completion_tokens": 100}
    return {**body, "stream": True, "stream_options": {"include_usage": True}} if is_streamed else body


async def _read_events(pieces: AsyncIterator[bytes]) -> None:
    """The least that reads a stream: lines, and the JSON in them."""
    held = b""
    async for piece in pieces:
        *lines, held = (held + piece).split(b"\n")
        for line in lines:
            if line.startswith(b"data: {"):
                orjson.loads(line[6:])
