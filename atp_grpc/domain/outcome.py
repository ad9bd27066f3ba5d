"""What a decision led to: reports as they arrive, observations as they are stored.

All of it is made once per report, and named tuples are made three times as fast as frozen dataclasses.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from atp_grpc.domain.decision import Lesson
from atp_grpc.domain.money import TokenPrices


class AttemptError(enum.StrEnum):
    """How an attempt went wrong. One to one with `atp.v1.AttemptError`, by test."""

    RATE_LIMITED = "rate_limited"
    TIMEOUT = "timeout"
    UNAVAILABLE = "unavailable"
    INVALID_REQUEST = "invalid_request"
    REFUSED = "refused"
    CUT = "cut"
    CANCELLED = "cancelled"

    @property
    def blames_model(self) -> bool:
        """Whether the error says something about the model or its deployment."""
        return self not in (AttemptError.INVALID_REQUEST, AttemptError.CANCELLED)


class Usage(NamedTuple):
    """Tokens by class, no token in two of them; None is unknown, not zero."""

    input_tokens: int | None = None
    cached_input_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    cache_write_input_tokens: int | None = None

    @property
    def prompt_tokens(self) -> int:
        """Tokens of the prompt whatever is charged for them, as far as they are known."""
        return (self.input_tokens or 0) + (self.cached_input_tokens or 0) + (self.cache_write_input_tokens or 0)

    def cost_nano_usd(self, prices: TokenPrices) -> int:
        """What the tokens that are known cost, rounded half up to a whole nano-US-dollar."""
        return prices.cost_nano_usd(
            input_tokens=self.input_tokens or 0,
            cached_input_tokens=self.cached_input_tokens or 0,
            cache_write_input_tokens=self.cache_write_input_tokens or 0,
            output_tokens=self.output_tokens or 0,
            reasoning_tokens=self.reasoning_tokens or 0,
        )


class Attempt(NamedTuple):
    """One call to one deployment; `error` is None when it answered."""

    model: str
    deployment: str = ""
    error: AttemptError | None = None
    usage: Usage = Usage()
    cost_nano_usd: int | None = None
    latency_seconds: float | None = None


NO_LABELS: Mapping[str, str] = MappingProxyType({})


class Report(NamedTuple):
    """A partial outcome as a caller reports it. Empty attempts are not a report of attempts."""

    quality: float | None = None
    attempts: tuple[Attempt, ...] = ()
    labels: Mapping[str, str] = NO_LABELS


class NewObservation(NamedTuple):
    """A report about a known decision, on its way to the store."""

    lesson: Lesson
    report: Report
    observed_nanos: int


class Observation(NamedTuple):
    """A stored report: only the fields that were new, with those that stood before it.

    `sequence` orders the observations of one replica without gaps, from 1. What it teaches is a pure function of this
    value, so learning it again after a crash ends in the same state.
    """

    replica: str
    sequence: int
    lesson: Lesson
    recorded: Report
    standing: Report
    observed_nanos: int


class Recorded(NamedTuple):
    """The store's answer to one report. `observation` is None when every field stood already with the same value."""

    observation: Observation | None
    recorded_fields: tuple[str, ...]
    unchanged_fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Conflict:
    """The store's refusal of one report: `field` stands with another value. Nothing of the report was stored."""

    field: str


def field_names(report: Report) -> tuple[str, ...]:
    """The fields a report sets, in a fixed order: `quality`, `attempts`, `labels.KEY` by key."""
    names = _PLAIN_NAMES[report.quality is not None, bool(report.attempts)]
    return (*names, *[f"labels.{key}" for key in sorted(report.labels)]) if report.labels else names


_PLAIN_NAMES = {
    (False, False): (),
    (True, False): ("quality",),
    (False, True): ("attempts",),
    (True, True): ("quality", "attempts"),
}
