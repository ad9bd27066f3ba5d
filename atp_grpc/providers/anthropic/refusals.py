"""What errors of messages mean: Anthropic's published types, with a status or as an event of a stream.

The provider enters here, and an answer with an `error` in its stream. Words of the provider's are compared and
forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from atp_grpc.domain.clock import Clock
from atp_grpc.providers.contract import FaultKind, ProviderFault
from atp_grpc.providers.http.reading import Json
from atp_grpc.providers.http.refusals import kind_of_status, kind_of_words, retry_after_seconds

_BY_TYPE = {
    "rate_limit_error": FaultKind.RATE_LIMITED,
    "billing_error": FaultKind.QUOTA_SPENT,
    "authentication_error": FaultKind.KEY_REFUSED,
    "permission_error": FaultKind.KEY_REFUSED,
    "not_found_error": FaultKind.MODEL_UNKNOWN,
    "overloaded_error": FaultKind.OVERLOADED,
    "api_error": FaultKind.UNAVAILABLE,
    "timeout_error": FaultKind.UNAVAILABLE,
    "request_too_large": FaultKind.REQUEST_TOO_LARGE,
    "invalid_request_error": FaultKind.INVALID_REQUEST,
}
_STATUS_OF_TYPE = {"invalid_request_error": 400, "request_too_large": 413}
_STREAM_ERROR_STATUS = 500


def fault(status: int, headers: Mapping[bytes, bytes], body: bytes, clock: Clock) -> ProviderFault:
    """The fault that an answer with an error's status stands for."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        said = None
    return ProviderFault(_kind(said, status), status=status, retry_after_seconds=retry_after_seconds(headers, clock))


def fault_in_answer(said: Json) -> ProviderFault:
    """The fault that an event of type `error` stands for."""
    return ProviderFault(_kind(said, _STREAM_ERROR_STATUS))


def _kind(said: Any, status: int) -> FaultKind:
    """By the words where they say more than the type does, else by the type, else by the status."""
    error = said.get("error") if type(said) is dict else None
    if type(error) is not dict:
        return kind_of_status(status)
    kind = error.get("type")
    kind = kind if type(kind) is str else ""
    words = error.get("message")
    by_words = kind_of_words(words, _STATUS_OF_TYPE.get(kind, status)) if type(words) is str else None
    return by_words or _BY_TYPE.get(kind) or kind_of_status(status)
