"""Takes calls from grpcio's core, each method on its own, so that nobody can end the taking of calls.

The asyncio server of grpcio (1.85.1) decodes the path of every call in the one loop that takes them, and shuts the
server down when that fails: a single request of anybody, with a path that is no UTF-8, would end the service. Here the
core itself matches the paths of known methods, as bytes; only what is left over reaches that loop, and when it fails
another takes its place. Nothing here looks at a call.
"""

# ruff: noqa: SLF001 - grpcio offers no way to take calls but its own loop; the tests of hostile paths hold us to it.
from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from typing import Any

import grpc
from grpc._cython import cygrpc
from grpc.aio import _server as grpc_server

Options = Sequence[tuple[str, Any]]
NAMELESS = ""
"""The path of a call whose own cannot be told."""
_log = logging.getLogger(__name__)


class _Core(cygrpc.AioServer):  # type: ignore[misc]
    """The server of grpcio with other loops: it overrides what grpcio's `start` and its loop call."""

    def __init__(self, loop: asyncio.AbstractEventLoop, options: Options) -> None:
        super().__init__(loop, None, (), None, options, None)
        self._atp_loop = loop
        self._atp_handlers: list[grpc.GenericRpcHandler] = []
        self._atp_registered: dict[str, grpc.RpcMethodHandler | None] = {}
        self._atp_takers: list[asyncio.Task[Any]] = []
        self._atp_calls: set[asyncio.Task[Any]] = set()

    def add_generic_rpc_handlers(self, generic_rpc_handlers: Iterable[grpc.GenericRpcHandler]) -> None:
        handlers = list(generic_rpc_handlers)
        super().add_generic_rpc_handlers(handlers)
        if handlers:
            self._atp_handlers.extend(handlers)

    def add_registered_method_handlers(self, method_handlers: dict[str, grpc.RpcMethodHandler | None]) -> None:
        super().add_registered_method_handlers(method_handlers)
        self._atp_registered.update(method_handlers)

    def _make_request_call_future(self, method_bytes: bytes | None) -> asyncio.Future[Any]:
        """Asked by grpcio's loop for the next call of a method, or of none that is known.

        For a known method it gets something that never brings a call and ends as the loop of ours does that takes them;
        what becomes of grpcio's loop does not touch ours.
        """
        if method_bytes is None:
            return super()._make_request_call_future(None)  # type: ignore[no-any-return]
        taking = self._take(method_bytes.decode(), self._request_registered_call, method_bytes)
        taker = self._atp_loop.create_task(taking)
        taker.add_done_callback(_looked_at)
        self._atp_takers.append(taker)
        return asyncio.shield(taker)

    async def _server_main_loop(self, server_started: asyncio.Future[bool]) -> None:
        """The loop of grpcio, and one of ours once a path has ended it."""
        try:
            await super()._server_main_loop(server_started)
        except UnicodeDecodeError as fault:
            _log.warning("a path is no UTF-8 (%s); from now on unknown methods are refused without their names", fault)
            await asyncio.gather(self._take(NAMELESS, self._request_call), *self._atp_takers)

    async def _take(self, path: str, request: Any, *method: bytes) -> None:
        """Takes calls until the server shuts down.

        Raises:
            cygrpc._RequestCallError: it does; grpcio's loop knows what to make of that.
        """
        resolver = cygrpc._MethodResolver(self._atp_handlers, self._atp_registered)
        loop, calls = self._atp_loop, self._atp_calls
        while True:
            state = await request(*method)
            work = cygrpc._handle_rpc(path, resolver, (), state, loop, False)  # noqa: FBT003 - no limit is exceeded
            # The loop holds its tasks weakly.
            call = loop.create_task(cygrpc._schedule_rpc_coro(work, state, loop, path))
            calls.add(call)
            call.add_done_callback(calls.discard)


def _looked_at(taker: asyncio.Task[Any]) -> None:
    """Takes note of how a loop ended: a server that is stopped before grpcio's loop ran has nobody who asks."""
    if not taker.cancelled():
        taker.exception()


class AcceptingServer(grpc_server.Server):  # type: ignore[misc]
    """`grpc.aio.Server` over these loops."""

    def __init__(self, options: Options) -> None:
        self._loop = cygrpc.get_working_loop()
        self._server = _Core(self._loop, grpc_server._augment_channel_arguments(options, None))

    def register(self, paths: Iterable[str]) -> None:
        """Makes the core know the paths of methods. Their handlers are asked for as those of any other call."""
        self._server.add_registered_method_handlers(dict.fromkeys(paths))
