"""Tokens as messages count them, made disjoint.

An answer enters here. Anthropic counts what was read from its cache and what was written to it beside the input; what
was written is input at first hand, so it is counted as such.
"""

from __future__ import annotations

from atp_grpc.domain.outcome import Usage
from atp_grpc.providers.http.reading import Json, count, part


def usage(said: Json) -> Usage:
    """The classes of a `usage` object; what it does not tell is None."""
    cached = count(said, "cache_read_input_tokens")
    plain = count(said, "input_tokens")
    written = count(said, "cache_creation_input_tokens")
    output = count(said, "output_tokens")
    reasoning = count(part(said, "output_tokens_details"), "thinking_tokens")
    if output is not None and reasoning is not None:
        reasoning = min(reasoning, output)
        output -= reasoning
    return Usage(
        input_tokens=None if plain is None else plain + (written or 0),
        cached_input_tokens=cached,
        output_tokens=output,
        reasoning_tokens=reasoning,
    )
