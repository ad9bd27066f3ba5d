"""How a deployment is reached: the language it speaks, its address, which keys open it, how long it may take.

The catalogue reads these values from its file, the providers call by them. A key is only named here; what it is stays
with the `secrets` contract.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field


class Dialect(enum.StrEnum):
    """The language an endpoint speaks."""

    OPENAI = "openai"
    """Chat completions as OpenAI publishes them, and as many others speak them."""
    ANTHROPIC = "anthropic"
    """Messages as Anthropic publishes them."""
    REMOTE = "remote"
    """`atp.adapter.v1` over gRPC."""
    LITELLM = "litellm"
    """Whatever the litellm package speaks; needs the extra of that name."""
    DRY_RUN = "dry_run"
    """Nobody: a deterministic answer made here, at no cost."""


class Quirk(enum.StrEnum):
    """How an endpoint departs from its dialect."""

    MAX_TOKENS_OLD_NAME = "max_tokens_old_name"
    """OpenAI: takes `max_tokens`, not `max_completion_tokens`."""
    NO_STREAM_USAGE = "no_stream_usage"
    """OpenAI: refuses `stream_options`, so a stream never tells its usage."""
    NO_SEED = "no_seed"
    """Refuses a seed."""
    NO_LOGPROBS = "no_logprobs"
    """Does not tell token probabilities."""
    API_KEY_HEADER = "api_key_header"
    """OpenAI: takes the key in `api-key`, as Azure does, not in `authorization`."""
    SYSTEM_AS_DEVELOPER = "system_as_developer"
    """OpenAI: takes instructions under the role `developer`."""
    NO_JSON_SCHEMA = "no_json_schema"
    """Takes no schema for its answers; JSON is asked for instead, and the schema told in words."""
    NO_SAMPLING = "no_sampling"
    """Refuses a temperature and top-p, as models that reason first do."""
    NO_CACHE_KEY = "no_cache_key"
    """OpenAI: refuses `prompt_cache_key`."""
    CACHED_OUTSIDE_INPUT = "cached_outside_input"
    """OpenAI: input tokens are told without the cached ones among them."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Most seconds of one attempt: to connect, to the first token, between two chunks, and in all."""

    connect: float = 5.0
    first_token: float = 30.0
    between_chunks: float = 15.0
    total: float = 60.0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where and how a deployment is reached.

    Attributes:
        dialect: the language.
        base_url: what paths are appended to (`https://host/v1`); for `remote` `https://HOST:PORT` or `HOST:PORT`; empty
            for `dry_run`.
        model: the model's name there.
        keys: references to keys, `env:NAME` or `file:NAME`, each as good as the others; empty: none is needed.
        quirks: departures from the dialect.
        headers: further headers, none of them secret.
        query: further parameters of the address, such as Azure's `api-version`.
        timeouts: how long an attempt may take.
        max_in_flight: most calls at once, None for as many as adapt.
        can_resume: whether the model goes on with an answer of its own that was cut off.
        price_is_ceiling: whether the price is only an upper bound; bills are then marked as estimates.
    """

    dialect: Dialect
    base_url: str = ""
    model: str = ""
    keys: tuple[str, ...] = ()
    quirks: frozenset[Quirk] = frozenset()
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    timeouts: Timeouts = Timeouts()
    max_in_flight: int | None = None
    can_resume: bool = False
    price_is_ceiling: bool = False
