"""How the stand-in behaves for a model: its script, and the playbook that picks the script of each call.

The server, its control pages and the files of scripts enter here. Nothing here writes to a connection.
"""

from __future__ import annotations

import enum
import random
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

EVERY_MODEL = "*"


class Fault(enum.StrEnum):
    """How a call goes wrong. Those of the middle happen when `Script.after_tokens` tokens have been sent."""

    CUT = "cut"
    """The connection is closed in the middle."""
    UNFINISHED = "unfinished"
    """The HTTP answer ends in the middle as if it were complete, but its dialect never says so."""
    STALL = "stall"
    """Nothing more comes; the connection stays open until the client closes it."""
    MALFORMED = "malformed"
    """One chunk in the middle is no JSON; the rest follows as if nothing had been."""
    MISFRAMED = "misframed"
    """Two events in the middle run into each other, for want of the blank line between them."""
    ERROR_EVENT = "error_event"
    """An error of the provider comes as an event in the middle, and nothing after it."""
    OVERSIZED = "oversized"
    """One event in the middle is a single line of `Script.oversized_bytes`."""
    RESET = "reset"
    """The connection is reset before a status line."""
    SILENT = "silent"
    """Not even a status line comes; the connection stays open until the client closes it."""
    RATE_LIMITED = "rate_limited"
    """429, with Retry-After where `Script.retry_after_seconds` is set."""
    QUOTA_SPENT = "quota_spent"
    """The account is empty: 429 `insufficient_quota` from OpenAI, 402 `billing_error` from Anthropic."""
    OVERLOADED = "overloaded"
    """503 from OpenAI, 529 from Anthropic."""
    SERVER_ERROR = "server_error"
    """500, or the status that `Script.status` says."""
    NOT_THE_DIALECT = "not_the_dialect"
    """200 with a page of HTML, as a proxy in between sends it."""
    REFUSE_KEY = "refuse_key"
    """401."""
    INVALID = "invalid"
    """400: the request is refused."""
    CONTEXT_LENGTH = "context_length"
    """400: the prompt is longer than the model's context."""
    CONTENT_REFUSED = "content_refused"
    """400: the prompt offends the rules of content."""
    REQUEST_TOO_LARGE = "request_too_large"
    """More than is ever taken at once: OpenAI's 429 `rate_limit_exceeded`, Anthropic's 413 `request_too_large`."""
    MODEL_UNKNOWN = "model_unknown"
    """404: there is no such model."""
    FILTERED = "filtered"
    """The answer ends in the middle, complete, because a filter of content stopped it."""
    EMPTY = "empty"
    """A complete answer of no tokens."""
    WRONG_USAGE = "wrong_usage"
    """Ten times the tokens are told."""
    NO_USAGE = "no_usage"
    """No usage is told."""
    ENDLESS = "endless"
    """The answer has no end; it goes on until the client closes the connection."""


IN_THE_MIDDLE = frozenset(
    {
        Fault.CUT,
        Fault.UNFINISHED,
        Fault.STALL,
        Fault.MALFORMED,
        Fault.MISFRAMED,
        Fault.ERROR_EVENT,
        Fault.OVERSIZED,
    }
)
REFUSALS = frozenset(
    {
        Fault.RATE_LIMITED,
        Fault.QUOTA_SPENT,
        Fault.OVERLOADED,
        Fault.SERVER_ERROR,
        Fault.REFUSE_KEY,
        Fault.INVALID,
        Fault.CONTEXT_LENGTH,
        Fault.CONTENT_REFUSED,
        Fault.REQUEST_TOO_LARGE,
        Fault.MODEL_UNKNOWN,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """How calls go.

    Attributes:
        fault: how they fail, None for not at all.
        after_tokens: how many output tokens are sent before a fault of the middle.
        calls: for how many calls this holds, None for all to come.
        share: for which share of the calls this holds, drawn by `draw_seed`; the others fall through.
        draw_seed: seed of those draws.
        key: only calls with this key, None for every key.
        tokens: length of the answer's text, in tokens.
        text: the very text to answer, instead of `tokens` made up ones.
        tool_calls: how many tools are called at once when a tool is called.
        reasoning_tokens: output tokens spent on thinking, before the text.
        cached_tokens: how many of the input tokens were read from the prompt cache (no more than there are).
        cache_written_tokens: how many were written to it; told by Anthropic only.
        first_token_seconds: how long the status line takes.
        token_seconds: how long each token of the text takes.
        tokens_per_chunk: how many tokens an event of a stream carries.
        ping_seconds: how often a stalled stream shows that it lives, 0 for never.
        retry_after_seconds: what a refusal for lack of room asks the client to wait, None to say nothing.
        status: the HTTP status of `SERVER_ERROR`.
        oversized_bytes: size of the `OVERSIZED` event.
        requests_left: what the rate-limit headers say is left.
        tokens_left: the same for tokens.
        reset_seconds: in how long those headers say that all is there again.
        log_probability: natural log probability of each token, where the client asks for it.
        revision: name of the model that the answer tells, empty for the name that was asked for.
        instant: one answer, prepared once, whatever the prompt; no fault and no wait applies to it.
        writes: in how many writes an instant stream is sent.
    """

    fault: Fault | None = None
    after_tokens: int = 0
    calls: int | None = None
    share: float = 1.0
    draw_seed: int = 0
    key: str | None = None
    tokens: int = 20
    text: str | None = None
    tool_calls: int = 1
    reasoning_tokens: int = 0
    cached_tokens: int = 0
    cache_written_tokens: int = 0
    first_token_seconds: float = 0.0
    token_seconds: float = 0.0
    tokens_per_chunk: int = 1
    ping_seconds: float = 0.0
    retry_after_seconds: float | None = None
    status: int = 500
    oversized_bytes: int = 8 << 20
    requests_left: int = 9_999
    tokens_left: int = 1_999_000
    reset_seconds: float = 1.0
    log_probability: float = -0.25
    revision: str = ""
    instant: bool = False
    writes: int = 1


PLAIN = Script()


def read_script(values: Mapping[str, Any]) -> Script:
    """A script from a table of TOML or an object of JSON, whose keys are the attributes of `Script`.

    Raises:
        ValueError: a key is unknown or a value is of the wrong kind; the message names the key.
    """
    known = {field.name: field for field in fields(Script)}
    chosen: dict[str, Any] = {}
    for name, value in values.items():
        if name not in known:
            raise ValueError(f"a script has no {name!r}")
        chosen[name] = _fitting(name, value, str(known[name].type))
    return Script(**chosen)


def _fitting(name: str, value: Any, kind: str) -> Any:
    if kind.startswith("Fault"):
        try:
            return Fault(value)
        except ValueError:
            raise ValueError(f"{name} must be one of {', '.join(Fault)}") from None
    wanted: type | tuple[type, ...] = str
    if kind.startswith("float"):
        wanted = (int, float)
    elif kind.startswith("int"):
        wanted = int
    elif kind == "bool":
        wanted = bool
    is_wrong = not isinstance(value, wanted) or (wanted is not bool and isinstance(value, bool))
    if is_wrong or (not isinstance(value, str) and value < 0 and name != "log_probability"):
        raise ValueError(f"{name} must be {kind.removesuffix(' | None')}, zero or more")
    return value


class _Bounded:
    """A script that holds for some calls only."""

    __slots__ = ("_chance", "_left", "script")

    def __init__(self, script: Script) -> None:
        self.script = script
        self._left = script.calls
        self._chance = random.Random(script.draw_seed)  # noqa: S311 - a share of calls, not a secret

    def takes(self, key: str) -> bool:
        """Whether the next call is one of its calls; counts it if so."""
        script = self.script
        if self._left == 0 or script.key not in {None, key}:
            return False
        if script.share < 1.0 and self._chance.random() >= script.share:
            return False
        if self._left is not None:
            self._left -= 1
        return True


class Playbook:
    """The scripts in force. Bounded ones (by calls, share or key) come first, in the order they were put."""

    def __init__(self) -> None:
        self._bounded: dict[str, list[_Bounded]] = {}
        self._standing: dict[str, Script] = {}

    def put(self, model: str, script: Script) -> None:
        """Adds a bounded script, or replaces the one that stands for this model (`*`: for every model)."""
        if script.calls is None and script.share >= 1.0 and script.key is None:
            self._standing[model] = script
        else:
            self._bounded.setdefault(model, []).append(_Bounded(script))

    def clear(self) -> None:
        """Forgets every script."""
        self._bounded.clear()
        self._standing.clear()

    def choose(self, model: str, key: str) -> Script:
        """The script of the next call."""
        if self._bounded:
            for name in (model, EVERY_MODEL):
                for bounded in self._bounded.get(name, ()):
                    if bounded.takes(key):
                        return bounded.script
        return self._standing.get(model) or self._standing.get(EVERY_MODEL, PLAIN)

    def models(self) -> list[str]:
        """The models that scripts name."""
        return sorted({*self._bounded, *self._standing} - {EVERY_MODEL})
