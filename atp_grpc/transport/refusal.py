"""A call that ends without a message, as every transport sends it."""

from __future__ import annotations

from dataclasses import dataclass

from atp_grpc.domain.errors import AtpError
from atp_grpc.services.status import MESSAGE_CHARACTERS, TABLE, Code, Trailers, packed_status, trailers


@dataclass(frozen=True, slots=True)
class Refusal:
    """A status: its code, its message and the trailing metadata with the details."""

    code: Code
    message: str
    trailers: Trailers


def refusal_of(error: AtpError, trace_id: str, seconds_left: float | None = None) -> Refusal:
    """The refusal that the error table makes of an error of the call with this trace id.

    `seconds_left` is how long the caller still waits; None where nobody knows.
    """
    packed = packed_status(error, trace_id)
    message = error.message[:MESSAGE_CHARACTERS]
    return Refusal(TABLE[error.reason].code, message, trailers(error, packed, seconds_left=seconds_left))
