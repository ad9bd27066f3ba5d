"""A server process that carries calls out, through several lives on one data folder; the stand-in lives here."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from atp_grpc.client import AtpCallError, AtpClient
from atp_grpc.client.messages import GetServerStatsRequest
from atp_grpc.mock_provider import open_mock_provider
from atp_grpc.mock_provider.server import MockProvider
from tests.faults.asking.world import TWO_PLACES, Place, catalogue, keep_keys
from tests.faults.lifecycle.backend import Backend, free_ports, write_config
from tests.rpc.serving import ACME, GLOBEX, key_for
from tests.rpc.waiting import eventually

_PEER, _INODE = 2, 9
"""Columns of `/proc/PID/net/tcp`."""


@dataclass(frozen=True)
class Lives:
    """The process, its stand-in, and the credentials of two tenants."""

    backend: Backend
    mock: MockProvider
    acme: str
    globex: str

    @property
    def pid(self) -> int:
        assert self.backend.process is not None
        return self.backend.process.pid

    async def come_back(self) -> None:
        """Another life begins; callers who remember the last one find it."""
        await self.backend.start()
        async with self.client() as client:

            async def look() -> bool:
                try:
                    await client.get_server_stats(GetServerStatsRequest())
                except AtpCallError:
                    return False
                return True

            await eventually(look, is_it=bool)

    def resident_bytes(self) -> int:
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * 4096

    def open_files(self, upstream_port: int) -> tuple[int, int]:
        """How many are open beside connections to that port, and how many of those there are."""
        rows = [line.split() for line in Path(f"/proc/{self.pid}/net/tcp").read_text().splitlines()[1:]]
        upstream = {f"socket:[{row[_INODE]}]" for row in rows if row[_PEER].endswith(f":{upstream_port:04X}")}
        names = list[str]()
        for number in Path(f"/proc/{self.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                names.append(str(number.readlink()))
        connections = sum(name in upstream for name in names)
        return len(names) - connections, connections

    @asynccontextmanager
    async def client(self, credential: str = "") -> AsyncIterator[AtpClient]:
        target = f"127.0.0.1:{self.backend.port}"
        async with AtpClient.open(target, credential=credential or self.acme, deadline_seconds=20) as client:
            yield client


@asynccontextmanager
async def lives(
    tmp_path: Path,
    places: Sequence[Place] = TWO_PLACES,
    *,
    shape: dict[str, float] | None = None,
    ask: str = "",
    base_url: str = "",
    **server: object,
) -> AsyncIterator[Lives]:
    """Ready to be started; `ask` are further lines of settings, `base_url` another stand-in. Kills what is left."""
    data_dir = tmp_path / "data"
    async with AsyncExitStack() as stack:
        mock = await stack.enter_async_context(open_mock_provider())
        url = base_url or mock.base_url
        (acme, acme_key), (globex, globex_key) = (key_for(data_dir, tenant) for tenant in (ACME, GLOBEX))
        keep_keys(data_dir, places)
        path = tmp_path / "catalogue.toml"
        path.write_text(catalogue(places, url, **(shape or {})))  # type: ignore[arg-type]
        config = write_config(tmp_path / "atp.toml", acme_key, globex_key, drain_delay_seconds=0.0, **server)
        with config.open("a") as more:
            host = url.removeprefix("http://").partition("/")[0]
            more.write(
                f"[catalog]\npath = {json.dumps(str(path))}\n[ask]\nprivate_targets = [{json.dumps(host)}]\n{ask}\n"
            )
        port, ops_port = free_ports(2)
        backend = Backend(data_dir, config, port, ops_port)
        stack.push_async_callback(backend.kill)
        yield Lives(backend, mock, acme, globex)
