"""The promise of reading requests of Ask and writing its answers as bytes, without a message object in between.

AskService enters here; `reference` and `native` keep the promise, and one suite holds both to it. Whatever a reader
takes is valid by the rules of the contract; what it refuses, it refuses in the reference's words.
"""

from __future__ import annotations

from typing import Protocol

from atp_grpc.domain.ask import AskEvent, AskRequest
from atp_grpc.services.convert.answers import WholeAnswer


class Reader(Protocol):
    """Reads requests.

    Both raise MalformedMessageError for what is no message of the type, InvalidFieldError and MessageTooLargeError for
    what breaks a rule.
    """

    def read(self, payload: bytes) -> AskRequest:
        """The request in the bytes of an `AskRequest`."""
        ...

    def read_streamed(self, payload: bytes) -> AskRequest:
        """The request in the bytes of an `AskStreamRequest`."""
        ...


class Writer(Protocol):
    """Writes answers."""

    def response(self, whole: WholeAnswer) -> bytes:
        """The bytes of an `AskResponse`.

        Raises:
            UnfinishedAnswerError: the end was not there.
        """
        ...

    def event(self, sequence: int, event: AskEvent) -> bytes:
        """The bytes of an `AskStreamResponse`."""
        ...
