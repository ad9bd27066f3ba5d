"""A server on sockets that carries calls out, and the stand-in it calls: both in this process, where both are seen.

Every deployment has a key of its own and the same name upstream, so a script that holds for one call strikes the first
attempt of an Ask, whoever is called first.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp

from atp_grpc.client import AtpCallError, AtpClient
from atp_grpc.client.messages import AskRequest, AskResponse
from atp_grpc.config import AskSettings, CatalogSettings
from atp_grpc.mock_provider import Script, open_mock_provider
from atp_grpc.mock_provider.server import MockProvider
from tests.rpc.serving import Serving, serving
from tests.rpc.waiting import until

INPUT_NANO_USD, OUTPUT_NANO_USD = 1_000, 4_000
"""What a token costs: US$ 1 and US$ 4 a million."""
SHARED = "shared"
"""What every deployment is called upstream, unless it says otherwise."""
CONNECT, FIRST_TOKEN, BETWEEN_CHUNKS, TOTAL = 0.5, 0.2, 0.2, 0.4


class Place(NamedTuple):
    """A deployment of the catalogue."""

    name: str
    model: str = "one"
    upstream: str = SHARED
    base_url: str = ""
    """The stand-in's, unless it says otherwise."""
    more: str = ""
    """Further lines of TOML."""
    dialect: str = "openai"


TWO_PLACES = (Place("one-a"), Place("one-b"))
THREE_PLACES = (*TWO_PLACES, Place("two-a", model="two"))


def catalogue(
    places: Sequence[Place],
    base_url: str,
    *,
    most_output: int = 256,
    first_token: float = FIRST_TOKEN,
    between_chunks: float = BETWEEN_CHUNKS,
    total: float = TOTAL,
) -> str:
    """The catalogue file."""
    limits = (
        f"timeouts = {{ connect_seconds = {CONNECT}, first_token_seconds = {first_token}, "
        f"between_chunks_seconds = {between_chunks}, total_seconds = {total} }}"
    )
    models = [
        f'[[model]]\nname = "{model}"\ncontext_tokens = 100000\nmax_output_tokens = {most_output}\n'
        'capabilities = ["json", "tools"]\n'
        for model in dict.fromkeys(place.model for place in places)
    ]
    deployments = [
        f'[[provider]]\nname = "at-{place.name}"\ndialect = "{place.dialect}"\n'
        f'base_url = "{place.base_url or base_url}"\n'
        f'keys = ["file:{place.name}"]\n{limits}\n'
        f'[[deployment]]\nname = "{place.name}"\nmodel = "{place.model}"\nprovider = "at-{place.name}"\n'
        f'upstream_model = "{place.upstream}"\n{place.more}\n'
        "[[deployment.price]]\n"
        f"input_usd_per_million_tokens = {INPUT_NANO_USD / 1000}\n"
        f"output_usd_per_million_tokens = {OUTPUT_NANO_USD / 1000}\n"
        for place in places
    ]
    return "\n".join([*models, *deployments])


def keep_keys(data_dir: Path, places: Sequence[Place]) -> None:
    """A key of its own for each deployment, called `key-NAME`."""
    folder = data_dir / "provider_keys"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for place in places:
        path = folder / place.name
        path.write_text(f"key-{place.name}")
        path.chmod(0o600)


@dataclass(frozen=True)
class World:
    """The server, its callers, and the stand-in."""

    server: Serving
    mock: MockProvider

    @property
    def acme(self) -> AtpClient:
        return self.server.acme

    @property
    def fleet(self) -> Any:
        return self.server.app.rooms.upstream.fleet

    def strike(self, script: Script, upstream: str = SHARED) -> None:
        """Forgets what was before; from now on calls go like this."""
        self.mock.forget_scripts()
        self.mock.reset_calls()
        self.mock.script(upstream, script)

    def heal(self, places: Sequence[Place] = THREE_PLACES) -> None:
        """Keys that rest are fresh again."""
        for place in places:
            self.fleet.renew_key(f"file:{place.name}")

    async def figures(self, name: str) -> dict[str, float]:
        """A metric on the metrics page, by its labels."""
        url = f"http://127.0.0.1:{self.server.app.door.ops_port}/metrics"
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            lines = (await response.text()).splitlines()
        found = [line.removeprefix(name).rsplit(" ", 1) for line in lines if line.startswith((f"{name}{{", f"{name} "))]
        return {labels: float(value) for labels, value in found}

    async def at_rest(self) -> None:
        """Waits until nothing is under way any more, here and upstream.

        Raises:
            AssertionError: something stays under way.
        """
        await until(lambda: not any(load.in_flight for load in self.fleet.loads()))
        await until(lambda: not len(self.server.app.rooms.ask.runs))
        await asyncio.wait_for(self.mock.idle(), 10)


class Told(NamedTuple):
    """How a call ended for its caller, and how long it took."""

    status: str
    answer: AskResponse | None
    error: AtpCallError | None
    seconds: float
    seen: tuple[str, ...] = ()
    """Of a stream: its events by kind."""

    @property
    def text(self) -> str:
        return "" if self.answer is None else self.answer.text


async def asked(world: World, *, streamed: bool, deadline_seconds: float = 20.0, **fields: Any) -> Told:
    """One call of the first tenant; every way it may end is a value."""
    return await asked_of(world.acme, streamed=streamed, deadline_seconds=deadline_seconds, **fields)


async def asked_of(client: AtpClient, *, streamed: bool, deadline_seconds: float = 20.0, **fields: Any) -> Told:
    """One call; every way it may end is a value."""
    request, began, seen = question(**fields), time.monotonic(), list[str]()
    try:
        if streamed:
            async with client.ask_stream(request, deadline_seconds=deadline_seconds) as stream:
                async for event in stream:
                    seen.append(event.WhichOneof("event") or "")
                answer = stream.response
        else:
            answer = await client.ask(request, deadline_seconds=deadline_seconds)
    except AtpCallError as error:
        return Told(error.reason or error.code, None, error, time.monotonic() - began, tuple(seen))
    return Told("OK", answer, None, time.monotonic() - began, tuple(seen))


def question(**fields: Any) -> AskRequest:
    """A question."""
    return AskRequest(**{"prompt": "Which river runs past the mill?", **fields})


@asynccontextmanager
async def world(
    data_dir: Path,
    places: Sequence[Place] = THREE_PLACES,
    *,
    ask: dict[str, Any] | None = None,
    shape: dict[str, Any] | None = None,
    pause: Any = asyncio.sleep,
    **sections: Any,
) -> AsyncIterator[World]:
    """Runs both. `ask` are settings of Ask, `shape` arguments of `catalogue`."""
    async with open_mock_provider(pause=pause) as mock:
        keep_keys(data_dir, places)
        path = data_dir / "catalogue.toml"
        path.write_text(catalogue(places, mock.base_url, **(shape or {})))
        host = mock.address.removeprefix("http://")
        settings = AskSettings(**{"private_targets": (host,), "backoff_base_seconds": 0.001, **(ask or {})})
        async with serving(data_dir, catalog=CatalogSettings(path=str(path)), ask=settings, **sections) as server:
            yield World(server, mock)
