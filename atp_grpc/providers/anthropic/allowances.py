"""What Anthropic's heads say is left: `anthropic-ratelimit-*`, with resets as moments (RFC 3339).

The provider enters here. What cannot be read is not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from atp_grpc.domain.clock import NANOS_PER_SECOND, Clock
from atp_grpc.providers.contract import Allowance
from atp_grpc.providers.http.refusals import whole_number

_PREFIX = b"anthropic-ratelimit-"
_TOKENS = (b"tokens", b"input-tokens", b"output-tokens")


def allowance(headers: Mapping[bytes, bytes], clock: Clock) -> Allowance | None:
    """What is left for the key, of the scarcest kind of token, and when all of it is back."""
    requests = whole_number(headers.get(_PREFIX + b"requests-remaining"))
    left = [whole_number(headers.get(_PREFIX + kind + b"-remaining")) for kind in _TOKENS]
    tokens = min((amount for amount in left if amount is not None), default=None)
    if requests is None and tokens is None:
        return None
    resets = [
        seconds
        for kind in (b"requests", *_TOKENS)
        if (seconds := _seconds(headers.get(_PREFIX + kind + b"-reset"), clock)) is not None
    ]
    return Allowance(requests, tokens, max(resets, default=None))


def _seconds(value: bytes | None, clock: Clock) -> float | None:
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value.decode("latin-1"))
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, moment.timestamp() - clock.now_nanos() / NANOS_PER_SECOND)
