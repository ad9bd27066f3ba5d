"""What OpenAI's heads say is left: `x-ratelimit-remaining-*` and `x-ratelimit-reset-*`, as many others copy them.

The provider enters here. What cannot be read is not there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from atp_grpc.providers.contract import Allowance
from atp_grpc.providers.http.refusals import number, whole_number

_SPAN = re.compile(rb"(\d+(?:\.\d+)?)(ms|d|h|m|s)")
_SECONDS = {b"d": 86_400.0, b"h": 3_600.0, b"m": 60.0, b"s": 1.0, b"ms": 0.001}


def allowance(headers: Mapping[bytes, bytes]) -> Allowance | None:
    """What is left for the key, and when all of it is back; None where the head is silent."""
    requests = whole_number(headers.get(b"x-ratelimit-remaining-requests"))
    tokens = whole_number(headers.get(b"x-ratelimit-remaining-tokens"))
    if requests is None and tokens is None:
        return None
    resets = [
        seconds
        for name in (b"x-ratelimit-reset-requests", b"x-ratelimit-reset-tokens")
        if (seconds := _seconds(headers.get(name))) is not None
    ]
    return Allowance(requests, tokens, max(resets, default=None))


# A provider tells the same few spans again and again.
@lru_cache(maxsize=1024)
def _seconds(value: bytes | None) -> float | None:
    """A span such as `6m0s` or `20ms`, or a bare number of seconds."""
    if value is None:
        return None
    bare = number(value)
    if bare is not None:
        return max(bare, 0.0)
    found = _SPAN.findall(value)
    if not found or b"".join(amount + unit for amount, unit in found) != value:
        return None
    return sum(float(amount) * _SECONDS[unit] for amount, unit in found)
