"""Puts wrapped methods under the names that callers use, and answers every other name too.

grpcio asks here for the handler of each call. Errors leave through `abort` in one place, before any initial metadata:
only an answer that consists of trailers may be tried again by a client (gRFC A6).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import grpc

from atp_grpc.services.status import Code
from atp_grpc.transport.edge import Wrapped
from atp_grpc.transport.refusal import Refusal

_STATUS_CODES: Mapping[Code, grpc.StatusCode] = {Code(code.value[0]): code for code in grpc.StatusCode}
RefuseUnknown = Callable[[str, Callable[[], str]], Refusal]


class MethodHandlers:
    """The methods of the table."""

    def __init__(self, wrapped: Mapping[str, Wrapped]) -> None:
        """Args: `wrapped` by path."""
        self._by_path = {path: _unary(method) for path, method in wrapped.items()}

    def service(self, handler_call_details: Any) -> grpc.RpcMethodHandler | None:
        """The handler of a path, or None."""
        return self._by_path.get(handler_call_details.method)


class UnknownHandlers:
    """Answers what nobody else does; it must be asked last."""

    def __init__(self, refuse_unknown: RefuseUnknown) -> None:
        self._refuse_unknown = refuse_unknown

    def service(self, handler_call_details: Any) -> grpc.RpcMethodHandler:
        """A handler that refuses at once, without waiting for a message of a kind nobody knows."""
        path = handler_call_details.method

        async def refuse(_: Any, context: Any) -> None:
            await _abort(context, self._refuse_unknown(path, context.peer))

        return grpc.stream_stream_rpc_method_handler(refuse)


def _unary(wrapped: Wrapped) -> grpc.RpcMethodHandler:
    """Without (de)serialisers grpcio hands over and takes plain bytes."""

    async def serve(payload: bytes, context: Any) -> bytes:
        answer = await wrapped(payload, context.invocation_metadata(), context.time_remaining(), context.peer)
        if isinstance(answer, Refusal):
            await _abort(context, answer)
        return cast(bytes, answer)

    return grpc.unary_unary_rpc_method_handler(serve)


async def _abort(context: Any, refusal: Refusal) -> None:
    """Sends the status; raises grpcio's own sign that the call is over."""
    await context.abort(_STATUS_CODES[refusal.code], refusal.message, refusal.trailers)
