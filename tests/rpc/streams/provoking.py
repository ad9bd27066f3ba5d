"""Streams that a server must refuse or break off, and what their callers hear."""

from __future__ import annotations

import asyncio
from pathlib import Path

from atp_grpc.config import ServerSettings
from tests.rpc.provoking import prompt
from tests.rpc.serving import ACME, GLOBEX, serving
from tests.rpc.streams.talking import ROUTE_STREAM, Heard, asking, channel_to, talk
from tests.rpc.waiting import until


async def one_stream_too_many(data_dir: Path) -> Heard:
    """The second stream of a server that takes one."""
    door = ServerSettings(port=0, drain_delay_seconds=0.0, shutdown_seconds=5.0, max_streams=1)
    async with serving(data_dir, server=door) as server, server.acme.route_stream() as stream:
        await stream.route(prompt())
        async with channel_to(server.target) as channel:
            return await talk(channel, ROUTE_STREAM, server.credentials[GLOBEX]).to_the_end()


async def a_stream_that_nobody_reads(data_dir: Path) -> Heard:
    """A stream whose caller sends and sends, and reads only when the server has given it up."""
    door = ServerSettings(port=0, drain_delay_seconds=0.0, shutdown_seconds=5.0, slow_reader_seconds=0.1)
    async with serving(data_dir, server=door) as server, channel_to(server.target) as channel:
        stream = talk(channel, ROUTE_STREAM, server.credentials[ACME])
        sending = asyncio.ensure_future(stream.send(*[asking()] * 20_000))
        await until(lambda: server.app.door.traffic.arrivals and not server.app.door.traffic.open_streams)
        heard = await stream.to_the_end()
        await sending
    return heard
