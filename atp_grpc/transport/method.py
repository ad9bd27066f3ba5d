"""A row of the method table: everything the door must know of a method before it calls it."""

from __future__ import annotations

import enum
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message

from atp_grpc.domain.tenant import Permission


class Kind(enum.Enum):
    """Which sides stream, as gRPC dashboards label it. A caller's stream with one answer is not served."""

    UNARY = "unary"
    SERVER_STREAM = "server_stream"
    BIDI_STREAM = "bidi_stream"


Handler = Callable[..., Coroutine[Any, Any, Any]]
"""Unary: `(request, call)` gives the answer. Server stream: `(request, stream, call)`; bidi: `(stream, call)`; both
give nothing and send on the stream, a `services.stream.CallStream`."""


@dataclass(frozen=True, slots=True)
class Method:
    """A method as it is served."""

    service: str
    name: str
    kind: Kind
    request_class: type[Message]
    response_class: type[Message]
    handler: Handler
    permission: Permission | None
    """None: whoever reaches the listener may call it, without a credential."""
    max_message_bytes: int
    takes_bytes: bool = False
    """The handler of a unary method reads and checks the message itself, and may answer with bytes."""

    @property
    def full_name(self) -> str:
        """For example `atp.v1.RouteService/Route`."""
        return f"{self.service}/{self.name}"

    @property
    def path(self) -> str:
        """What callers put into `:path`, for example `/atp.v1.RouteService/Route`."""
        return f"/{self.full_name}"
