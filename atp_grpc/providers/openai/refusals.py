"""What errors of chat completions mean: OpenAI's published codes, Azure's shapes, and those of servers that copy them.

The provider enters here with a status and a body, an answer with an `error` inside a stream. Words of the provider's
are compared and forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from atp_grpc.domain.clock import Clock
from atp_grpc.providers.contract import FaultKind, ProviderFault
from atp_grpc.providers.http.reading import Json
from atp_grpc.providers.http.refusals import (
    is_more_than_the_limit,
    kind_of_status,
    kind_of_words,
    retry_after_seconds,
)

_BY_CODE = {
    "insufficient_quota": FaultKind.QUOTA_SPENT,
    "billing_hard_limit_reached": FaultKind.QUOTA_SPENT,
    "billing_not_active": FaultKind.QUOTA_SPENT,
    "rate_limit_exceeded": FaultKind.RATE_LIMITED,
    "invalid_api_key": FaultKind.KEY_REFUSED,
    "context_length_exceeded": FaultKind.CONTEXT_LENGTH,
    "exceed_context_size_error": FaultKind.CONTEXT_LENGTH,
    "content_filter": FaultKind.CONTENT_REFUSED,
    "content_policy_violation": FaultKind.CONTENT_REFUSED,
    "responsibleaipolicyviolation": FaultKind.CONTENT_REFUSED,
    "invalid_prompt": FaultKind.CONTENT_REFUSED,
    "model_not_found": FaultKind.MODEL_UNKNOWN,
    "deploymentnotfound": FaultKind.MODEL_UNKNOWN,
    "overloaded_error": FaultKind.OVERLOADED,
}
_ERROR_STATUSES = range(400, 600)
_STREAM_ERROR_STATUS = 500
_TOO_LARGE = 413


def fault(status: int, headers: Mapping[bytes, bytes], body: bytes, clock: Clock) -> ProviderFault:
    """The fault that an answer with an error's status stands for."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        said = None
    return ProviderFault(_kind(said, status), status=status, retry_after_seconds=retry_after_seconds(headers, clock))


def fault_in_answer(said: Json) -> ProviderFault:
    """The fault that an `error` inside an answer with a good status stands for."""
    error = said.get("error")
    code = error.get("code") if type(error) is dict else None
    if isinstance(code, str) and code.isdecimal():
        code = int(code)
    status = code if isinstance(code, int) and code in _ERROR_STATUSES else _STREAM_ERROR_STATUS
    return ProviderFault(_kind(said, status))


def _kind(said: Any, status: int) -> FaultKind:
    """By the code, else by the words, else by the status; a rate limit that no waiting helps is told by its words."""
    if type(said) is list and said:
        said = said[0]
    error = said.get("error", said) if type(said) is dict else None
    if type(error) is str:
        error = {"message": error}
    if type(error) is not dict:
        return kind_of_status(status)
    words = error.get("message")
    words = words if type(words) is str else ""
    inner = error.get("innererror")
    for code in (inner.get("code") if type(inner) is dict else None, error.get("code"), error.get("type")):
        kind = _BY_CODE.get(code.lower()) if type(code) is str else None
        if kind is FaultKind.RATE_LIMITED and (status == _TOO_LARGE or is_more_than_the_limit(words)):
            return FaultKind.REQUEST_TOO_LARGE
        if kind is not None:
            return kind
    return kind_of_words(words, status) or kind_of_status(status)
