"""What is checked of a call before anything is made of it: the size of its metadata, and of its message.

The edge enters here. It counts and refuses; it never parses.
"""

from __future__ import annotations

from atp_grpc.domain.errors import MessageTooLargeError
from atp_grpc.services.crowding import Crowding
from atp_grpc.transport.arrival import Arrival
from atp_grpc.transport.method import Method


def check_metadata(arrival: Arrival, limit_bytes: int) -> None:
    """Judges the metadata of a call.

    The transport's own limit holds only for callers that have acknowledged its settings: before that, grpcio takes 16
    MiB from anybody.

    Raises:
        MessageTooLargeError: there is more than anybody may send.
    """
    if arrival.size_bytes > limit_bytes:
        raise MessageTooLargeError("metadata", limit_bytes=limit_bytes, size_bytes=arrival.size_bytes)


class MessageLimits:
    """The limits of one method's messages."""

    def __init__(self, method: Method) -> None:
        self._max_bytes = method.max_message_bytes
        self._crowding = Crowding(method.request_class)

    def checked(self, payload: bytes) -> bytes:
        """The payload, if it may be parsed.

        Raises:
            MessageTooLargeError: it is larger than the method takes. InvalidFieldError: it holds more entries than its
                message may.
        """
        if len(payload) > self._max_bytes:
            raise MessageTooLargeError("message", limit_bytes=self._max_bytes, size_bytes=len(payload))
        self._crowding.check(payload)
        return payload
