"""A row of the method table: everything the door must know of a method before it calls it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message

from atp_grpc.domain.call import Call
from atp_grpc.domain.tenant import Permission

Handler = Callable[[Any, Call], Coroutine[Any, Any, Message]]


@dataclass(frozen=True, slots=True)
class Method:
    """A unary method. The handler gets a parsed, valid request and the `Call`."""

    service: str
    name: str
    request_class: type[Message]
    response_class: type[Message]
    handler: Handler
    permission: Permission
    max_message_bytes: int

    @property
    def full_name(self) -> str:
        """For example `atp.v1.RouteService/Route`."""
        return f"{self.service}/{self.name}"

    @property
    def path(self) -> str:
        """What callers put into `:path`, for example `/atp.v1.RouteService/Route`."""
        return f"/{self.full_name}"
