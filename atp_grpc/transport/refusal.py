"""A call that ends without a message, as every transport sends it."""

from __future__ import annotations

from dataclasses import dataclass

from atp_grpc.domain.errors import AtpError
from atp_grpc.services.status import TABLE, Code, Trailers, rpc_status, trailers


@dataclass(frozen=True, slots=True)
class Refusal:
    """A status: its code, its message and the trailing metadata with the details."""

    code: Code
    message: str
    trailers: Trailers


def refusal_of(error: AtpError) -> Refusal:
    """The refusal that the error table makes of an error."""
    status = rpc_status(error)
    return Refusal(TABLE[error.reason].code, status.message, trailers(error, status))


def _label(code: Code) -> str:
    """`OK`, `InvalidArgument`, and `Canceled` with one l."""
    if code is Code.OK:
        return "OK"
    return "Canceled" if code is Code.CANCELLED else "".join(word.capitalize() for word in code.name.split("_"))


CODE_LABELS = {code: _label(code) for code in Code}
"""Codes as the common gRPC dashboards spell them."""
