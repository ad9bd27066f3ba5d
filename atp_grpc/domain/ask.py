"""An Ask: a request to be decided and carried out, and everything that is told of it while it runs.

`services` make an `AskRequest` of a message and messages of events; the story in `asking` reads the one and gives the
others. Money is nano-US-dollars, spans are seconds. Nothing here decides anything.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import NamedTuple

from atp_grpc.domain.conversation import Prompt
from atp_grpc.domain.decision import Target
from atp_grpc.domain.outcome import Attempt, Usage
from atp_grpc.domain.request import Routable


class OnCut(enum.StrEnum):
    """What becomes of an answer that breaks off after it began. One to one with `atp.v1.OnCut`, by test.

    A caller of the unary method is shown nothing before the end, so there a cut may always be begun anew; it is unless
    the request says FAIL.
    """

    UNSAID = "unsaid"
    """FAIL on a stream, RESTART for a unary call."""
    FAIL = "fail"
    RESTART = "restart"
    RESUME = "resume"
    """Goes on where it broke off, with the same model, if its endpoint can; else as RESTART."""


class CacheUse(enum.StrEnum):
    """Whether an answer given before may serve. One to one with `atp.v1.CacheUse`, by test."""

    OFF = "off"
    READ_AND_WRITE = "read_and_write"
    IF_UNAVAILABLE = "if_unavailable"
    """Only when every attempt failed; a good answer is kept all the same."""


class CacheOutcome(enum.StrEnum):
    """What the cache did for a call. One to one with `atp.v1.CacheOutcome`, by test."""

    UNUSED = "unused"
    MISS = "miss"
    HIT = "hit"
    STALE = "stale"
    """Served in place of an answer that nobody could give."""


class FinishReason(enum.StrEnum):
    """Why an answer is complete. One to one with `atp.v1.FinishReason`, by test."""

    STOP = "stop"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"
    CONTENT_FILTER = "content_filter"
    BUDGET = "budget"
    """The tenant's money ended first; never a provider's word."""


@dataclass(frozen=True, slots=True)
class AskRequest:
    """A request to be carried out.

    `routing` is what the decision is made from: its text is the prompt's, its `request_id` empty, because the claim
    around the whole Ask is made under `request_id` here.
    """

    prompt: Prompt
    routing: Routable
    on_cut: OnCut = OnCut.UNSAID
    cache: CacheUse = CacheUse.OFF
    request_id: str = ""
    is_streamed: bool = False
    """Whether the caller is shown the answer as it comes."""


class Audience:
    """For whom a request is carried out: one caller, or everybody who waits under its id.

    `until` is the moment of `Clock.monotonic` at which the last of them stops waiting; it moves as they come and go.
    The story sets `has_answer` when the answer is whole: only its bill is missing then, and where it can be had again
    it is told to its end, whoever leaves.
    """

    __slots__ = ("has_answer", "until")

    def __init__(self, until: float) -> None:
        self.until = until
        self.has_answer = False


class Decided(NamedTuple):
    """The decision was made; the first event, unless the answer comes from the cache."""

    response: bytes
    """The `atp.v1.RouteResponse`, as Route would have given it."""
    decision_id: str
    target: Target
    reserved_nano_usd: int
    """What was set aside for the answer."""


class Delta(NamedTuple):
    """More of the answer: text, or a piece of a tool call. `total_characters` counts text since the last start."""

    text: str = ""
    call_index: int = -1
    """Which tool call this is a piece of; -1 for text."""
    call_id: str = ""
    name: str = ""
    arguments: str = ""
    total_characters: int = 0


class Switch(NamedTuple):
    """Another attempt has begun. With `restarts`, the caller drops every delta it had; else the answer goes on."""

    left: Target
    entered: Target
    error: str
    """How the attempt that was left failed: a value of `domain.outcome.AttemptError`."""
    restarts: bool


class Spent(NamedTuple):
    """Usage of the running attempt and money of all attempts so far."""

    usage: Usage
    total_cost_nano_usd: int
    is_estimated: bool


class Latency(NamedTuple):
    """Where the time went: until the story began, to decide, to the first token from then on, and in all."""

    queue: float
    route: float
    first_token: float
    total: float


class Billed(NamedTuple):
    """One attempt with its bill. `is_estimated`: usage was counted here, or the price is only a ceiling."""

    attempt: Attempt
    target: Target
    is_estimated: bool


class Final(NamedTuple):
    """The answer is complete: the last event, and the only one that may end a good call."""

    target: Target
    finish_reason: FinishReason
    usage: Usage
    attempts: tuple[Billed, ...]
    cost_nano_usd: int
    """What all attempts cost together."""
    estimated_cost_nano_usd: int
    """What the answer was expected to cost when it was decided."""
    is_estimated: bool
    latency: Latency
    cache: CacheOutcome = CacheOutcome.UNUSED
    revision: str = ""
    """The provider's own name of the very model."""
    confidence: float | None = None
    """Geometric mean of the tokens' probabilities, where it is known."""


AskEvent = Decided | Delta | Switch | Spent | Final
