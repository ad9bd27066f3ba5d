"""The promise of reading requests and writing replies as bytes, without a message object in between.

RouteService enters here; `reference` and `native` keep the promise, and one suite holds both to it. Whatever a reader
takes is valid by the rules of the contract; what it refuses, it refuses in the reference's words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from atp_grpc.domain.errors import AtpError
from atp_grpc.domain.request import Routable
from atp_grpc.routing.scribe.contract import Routed


class Reader(Protocol):
    """Reads requests."""

    def read(self, payload: bytes) -> Routable:
        """The request in the bytes of a `RouteRequest`.

        Raises:
            MalformedMessageError: no message of that type.
            InvalidFieldError, MessageTooLargeError: it breaks a rule.
        """
        ...

    def read_batch(self, payload: bytes) -> list[Routable | AtpError]:
        """The requests in the bytes of a `RouteBatchRequest`; one that breaks a rule is an error in its own place.

        Raises:
            MalformedMessageError: no message of that type.
            InvalidFieldError: too few requests, or too many.
        """
        ...


class Writer(Protocol):
    """Writes replies."""

    def response(self, routed: Routed) -> bytes:
        """The bytes of a `RouteResponse`."""
        ...

    def batch(self, results: Sequence[Routed | bytes | AtpError], *, trace_id: str) -> bytes:
        """The bytes of a `RouteBatchResponse`. What is bytes already is a `RouteResponse` that was written before.

        `trace_id` is the call's; it goes along with every error.
        """
        ...
