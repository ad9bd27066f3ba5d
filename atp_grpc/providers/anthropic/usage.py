"""Tokens as messages count them, made disjoint.

An answer enters here. Anthropic counts what was read from its cache and what was written to it beside the input, and
tells what was written in one number and, apart from it, by how long it is kept (its API reference of messages).
"""

from __future__ import annotations

from atp_grpc.domain.outcome import Usage
from atp_grpc.providers.http.reading import Json, count, part

_LIVES = ("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")


def usage(said: Json) -> Usage:
    """The classes of a `usage` object; what it does not tell is None."""
    output = count(said, "output_tokens")
    reasoning = count(part(said, "output_tokens_details"), "thinking_tokens")
    if output is not None and reasoning is not None:
        reasoning = min(reasoning, output)
        output -= reasoning
    return Usage(
        input_tokens=count(said, "input_tokens"),
        cached_input_tokens=count(said, "cache_read_input_tokens"),
        output_tokens=output,
        reasoning_tokens=reasoning,
        cache_write_input_tokens=_written(said),
    )


def _written(said: Json) -> int | None:
    written = count(said, "cache_creation_input_tokens")
    if written is not None:
        return written
    by_life = [count(part(said, "cache_creation"), name) for name in _LIVES]
    return sum(filter(None, by_life)) if any(tokens is not None for tokens in by_life) else None
