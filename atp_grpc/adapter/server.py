"""Serves an adapter over gRPC, until its block ends or the process is told to stop.

Authors of adapters enter here, with `run` in a program and `open_adapter` in tests. Stopping first says that the models
are draining, then waits for the calls that run.
"""

from __future__ import annotations

import asyncio
import ipaddress
import signal
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress

import grpc

from atp_grpc.adapter.board import Board
from atp_grpc.adapter.contract import Adapter
from atp_grpc.adapter.servicer import Servicer
from atp_grpc.pb.atp.adapter.v1.adapter_service_pb2_grpc import add_AdapterServiceServicer_to_server
from atp_grpc.providers.remote.channels import MAX_REQUEST_BYTES, READ_AHEAD_BYTES
from atp_grpc.providers.standing import Standing

LEASE_SECONDS = 15.0
DRAIN_SECONDS = 30.0
LET_GO_SECONDS = 5.0
"""Most time, after the drain, for authors to clean up after calls that were ended."""
_OPTIONS = [
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", MAX_REQUEST_BYTES),
    ("grpc.http2.lookahead_bytes", READ_AHEAD_BYTES),
    # Callers keep idle connections alive, and may do so as often as they like.
    ("grpc.http2.min_ping_interval_without_data_ms", 1_000),
]


class RunningAdapter:
    """An adapter that is being served."""

    def __init__(self, target: str, servicer: Servicer, board: Board) -> None:
        self._target = target
        self._servicer = servicer
        self._board = board

    @property
    def target(self) -> str:
        """Where it is served, as `HOST:PORT`."""
        return self._target

    @property
    def open_calls(self) -> int:
        """Calls of Generate that are running now."""
        return self._servicer.open_calls

    def say(self, standing: Standing, model: str = "") -> None:
        """Tells whoever watches how a model is doing, or without one how all of them are."""
        self._board.say(standing, model)


@asynccontextmanager
async def open_adapter(
    adapter: Adapter,
    address: str = "127.0.0.1:0",
    *,
    keys: Collection[str] = (),
    credentials: grpc.ServerCredentials | None = None,
    lease_seconds: float = LEASE_SECONDS,
    drain_seconds: float = DRAIN_SECONDS,
) -> AsyncIterator[RunningAdapter]:
    """Serves an adapter inside the block.

    Args:
        adapter: what to serve.
        address: `HOST:PORT` to listen on; port 0 takes a free one.
        keys: callers must send one of them; empty: nobody needs one, which only loopback addresses allow.
        credentials: TLS of the listener, None for none.
        lease_seconds: how long a state that is said holds.
        drain_seconds: most seconds to wait for running calls when the block ends.

    Raises:
        ValueError: an address beyond this machine without keys.
        RuntimeError: the address is taken or cannot be listened on.
    """
    host = address.rpartition(":")[0]
    if not keys and not _is_loopback(host):
        raise ValueError("an adapter that listens beyond this machine needs keys")
    board = Board()
    servicer = Servicer(adapter, board, keys=keys, lease_seconds=lease_seconds)
    server = grpc.aio.server(options=_OPTIONS)
    add_AdapterServiceServicer_to_server(servicer, server)
    port = server.add_secure_port(address, credentials) if credentials else server.add_insecure_port(address)
    await server.start()
    try:
        yield RunningAdapter(f"{host}:{port}", servicer, board)
    finally:
        board.close()
        await server.stop(drain_seconds)
        # For the server a call is over when its caller is gone; its author may still be letting go of it.
        with suppress(TimeoutError):
            async with asyncio.timeout(LET_GO_SECONDS):
                await servicer.until_all_are_over()


def run(
    adapter: Adapter,
    address: str,
    *,
    keys: Collection[str] = (),
    credentials: grpc.ServerCredentials | None = None,
    on_ready: Callable[[RunningAdapter], None] = lambda _: None,
) -> None:
    """Serves an adapter until the process is told to stop (SIGTERM or SIGINT); drains, then returns.

    `on_ready` is called once, when calls are taken.

    Raises:
        ValueError: an address beyond this machine without keys.
        RuntimeError: the address is taken or cannot be listened on.
    """

    async def serve() -> None:
        told = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, told.set)
        async with open_adapter(adapter, address, keys=keys, credentials=credentials) as running:
            on_ready(running)
            await told.wait()

    asyncio.run(serve())


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
