"""What an adapter tells about itself: its models, and how many tokens an answer would take.

The client of adapters and the kit to write one share these values. Tokens only; money is the catalogue's business.
"""

from __future__ import annotations

from typing import NamedTuple


class ModelDescription(NamedTuple):
    """One model. Zero tokens: not known. Capabilities are the catalogue's words: `tools`, `vision`, `json`."""

    name: str
    max_context_tokens: int = 0
    max_output_tokens: int = 0
    capabilities: tuple[str, ...] = ()


class Description(NamedTuple):
    """An adapter. `open_calls` are those running now, each until everything it held has been let go of."""

    name: str
    version: str
    models: tuple[ModelDescription, ...]
    open_calls: int = 0


class Estimate(NamedTuple):
    """Tokens that a generation would take: of the prompt, of the answer on average, and of 95 answers in 100."""

    input_tokens: int
    mean_output_tokens: int
    p95_output_tokens: int
