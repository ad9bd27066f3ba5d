"""Tokens as chat completions count them, made disjoint.

An answer enters here. OpenAI counts cached tokens among the prompt's and reasoning among the completion's. Some that
speak its language count reasoning beside the completion; their total gives them away.
"""

from __future__ import annotations

from atp_grpc.domain.endpoint import Quirk
from atp_grpc.domain.outcome import Usage
from atp_grpc.providers.http.reading import Json, count, part


def usage(said: Json, quirks: frozenset[Quirk]) -> Usage:
    """The classes of a `usage` object; what it does not tell is None."""
    prompt, completion = count(said, "prompt_tokens"), count(said, "completion_tokens")
    cached = count(part(said, "prompt_tokens_details"), "cached_tokens")
    if cached is None:
        cached = count(said, "prompt_cache_hit_tokens")
    reasoning = count(part(said, "completion_tokens_details"), "reasoning_tokens")
    if prompt is not None and cached is not None and Quirk.CACHED_OUTSIDE_INPUT not in quirks:
        prompt, cached = max(0, prompt - cached), min(prompt, cached)
    if completion is not None and reasoning is not None and not _is_beside(said, completion, reasoning):
        completion = completion - reasoning
    return Usage(input_tokens=prompt, cached_input_tokens=cached, output_tokens=completion, reasoning_tokens=reasoning)


def _is_beside(said: Json, completion: int, reasoning: int) -> bool:
    """Whether reasoning is not part of the completion: it does not fit in, or the total has room for both."""
    if reasoning > completion:
        return True
    total, prompt = count(said, "total_tokens"), count(said, "prompt_tokens")
    return reasoning > 0 and None not in (total, prompt) and total == (prompt or 0) + completion + reasoning
