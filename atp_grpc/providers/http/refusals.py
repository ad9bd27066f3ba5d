"""What is the same in every provider's refusals: statuses, how long to wait, and words that some use instead of codes.

The dialects enter here with the head and the body of an error. Provider's words are looked through for known ones and
go no further.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

from atp_grpc.domain.clock import NANOS_PER_SECOND, Clock
from atp_grpc.providers.contract import FaultKind

MAX_RETRY_AFTER_SECONDS = 3600.0

_BY_STATUS = {
    401: FaultKind.KEY_REFUSED,
    402: FaultKind.QUOTA_SPENT,
    403: FaultKind.KEY_REFUSED,
    404: FaultKind.MODEL_UNKNOWN,
    408: FaultKind.TIMEOUT,
    409: FaultKind.UNAVAILABLE,
    413: FaultKind.REQUEST_TOO_LARGE,
    425: FaultKind.UNAVAILABLE,
    429: FaultKind.RATE_LIMITED,
    # Groq's published status for a tier without room.
    498: FaultKind.OVERLOADED,
    503: FaultKind.OVERLOADED,
    529: FaultKind.OVERLOADED,
}
_FIRST_REFUSAL, _FIRST_FAILURE = 400, 500
_TOO_MANY = 429

_TOO_LONG = re.compile(
    r"context[ _-]?(?:length|window|size)|prompt is too long|input (?:token count|is too long)|too many (?:input )?tok",
    re.IGNORECASE,
)
_TOO_LARGE = re.compile(r"\s*request too large", re.IGNORECASE)
_LIMIT = re.compile(r"\blimit:? ?(\d{1,18}),(?!\d)[^.]*?\brequested:? ?~?(\d{1,18})\b", re.IGNORECASE)
_MOST_READ: Final = 1024
"""Characters in which such words say so. Looking for the pair takes time in their square."""
_EMPTY_ACCOUNT = re.compile(
    r"credit balance|insufficient (?:balance|credit|funds|quota)|exceeded your current quota", re.IGNORECASE
)
_BAD_KEY = re.compile(r"api[ _]key (?:not valid|not found|expired)|(?:invalid|incorrect) api[ _]key", re.IGNORECASE)
_REFUSED_CONTENT = re.compile(r"content (?:management )?(?:policy|filter)|flagged|moderation", re.IGNORECASE)


def kind_of_status(status: int) -> FaultKind:
    """What a status means when the body says nothing better."""
    kind = _BY_STATUS.get(status)
    if kind is not None:
        return kind
    if status >= _FIRST_FAILURE:
        return FaultKind.UNAVAILABLE
    return FaultKind.INVALID_REQUEST if status >= _FIRST_REFUSAL else FaultKind.MALFORMED


def kind_of_words(words: str, status: int) -> FaultKind | None:
    """What the words of an error say where no code does, as servers that copy a dialect tend to leave them out."""
    if status in {400, 413, 422} and _TOO_LONG.search(words):
        return FaultKind.CONTEXT_LENGTH
    if status == _TOO_MANY and is_more_than_the_limit(words):
        return FaultKind.REQUEST_TOO_LARGE
    if status in {400, 403, 429} and _EMPTY_ACCOUNT.search(words):
        return FaultKind.QUOTA_SPENT
    if status in {400, 401, 403} and _BAD_KEY.search(words):
        return FaultKind.KEY_REFUSED
    if status in {400, 403} and _REFUSED_CONTENT.search(words):
        return FaultKind.CONTENT_REFUSED
    return None


def is_more_than_the_limit(words: str) -> bool:
    """Whether a refusal for too many tokens is one of the request alone: it asks for more than a whole minute allows.

    OpenAI and those who copy it say so under the code of any rate limit, in words only: either they call the request
    too large, or the tokens requested are more than the limit.
    """
    beginning = words[:_MOST_READ]
    if _TOO_LARGE.match(beginning):
        return True
    found = _LIMIT.search(beginning)
    return found is not None and int(found[2]) > int(found[1])


def retry_after_seconds(headers: Mapping[bytes, bytes], clock: Clock) -> float | None:
    """How long the provider asks us to wait: `retry-after-ms`, or `retry-after` in seconds or as a date (RFC 9110).

    Never negative, never above an hour, None where nothing legible is said.
    """
    millis = number(headers.get(b"retry-after-ms"))
    if millis is not None:
        return _bounded(millis / 1000)
    asked = headers.get(b"retry-after")
    seconds = number(asked)
    if seconds is not None:
        return _bounded(seconds)
    if asked is None:
        return None
    try:
        moment = parsedate_to_datetime(asked.decode("latin-1"))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return _bounded(moment.timestamp() - clock.now_nanos() / NANOS_PER_SECOND)
    except (ValueError, OverflowError):
        return None


def number(value: bytes | None) -> float | None:
    """A finite number as a header writes it."""
    if value is None:
        return None
    try:
        read = float(value)
    except ValueError:
        return None
    return read if math.isfinite(read) else None


def whole_number(value: bytes | None) -> int | None:
    """A number of calls or tokens as a header writes it."""
    read = number(value)
    return None if read is None else max(0, int(read))


def _bounded(seconds: float) -> float:
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_SECONDS)
