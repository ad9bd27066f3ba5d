"""One call to one deployment: its time limits, what came of it so far, and what it cost.

The story makes one for every permit, pulls events from it one at a time, and ends it exactly once. Its time runs only
while it waits for the provider, so a slow reader never speaks against a deployment. It never tries anything twice and
keeps nothing of the answer.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Callable
from typing import Final

from atp_grpc.asking.metering import ARGUMENT_WEIGHT, Meter, Sizes
from atp_grpc.asking.timelimit import TimeLimit
from atp_grpc.catalog.snapshot import Offering
from atp_grpc.domain.ask import Billed
from atp_grpc.domain.errors import DeadlineExceededError
from atp_grpc.domain.money import TOKENS_PER_PRICE
from atp_grpc.domain.outcome import Attempt, AttemptError, Usage
from atp_grpc.providers.contract import (
    Blame,
    Certainty,
    Event,
    FaultKind,
    Finished,
    ProviderFault,
    TextDelta,
    ToolCallDelta,
    Used,
)
from atp_grpc.providers.fleet import Permit

MOST_BYTES_PER_TOKEN, SPARE_BYTES = 32, 4096
"""An answer longer than this for the tokens it was allowed does not keep to its cap, and is cut off here."""
NOTHING_USED: Final = Usage(0, 0, 0, 0)

_ERRORS: Final = {
    FaultKind.RATE_LIMITED: AttemptError.RATE_LIMITED,
    FaultKind.QUOTA_SPENT: AttemptError.RATE_LIMITED,
    FaultKind.TIMEOUT: AttemptError.TIMEOUT,
    FaultKind.CUT: AttemptError.CUT,
    FaultKind.STALLED: AttemptError.CUT,
    FaultKind.CONTEXT_LENGTH: AttemptError.INVALID_REQUEST,
    FaultKind.INVALID_REQUEST: AttemptError.INVALID_REQUEST,
    FaultKind.CONTENT_REFUSED: AttemptError.REFUSED,
}
"""What a fault is called in reports; what is not here is UNAVAILABLE, and CUT once an answer had begun."""
_DOUBTFUL: Final = frozenset({FaultKind.TIMEOUT, FaultKind.CUT, FaultKind.STALLED, FaultKind.MALFORMED})
"""After these a provider may bill for what it never sent."""


def attempt_error(fault: ProviderFault, *, has_begun: bool) -> AttemptError:
    """What a fault is called in reports."""
    if has_begun and fault.blame is Blame.PROVIDER:
        return AttemptError.CUT
    return _ERRORS.get(fault.kind, AttemptError.UNAVAILABLE)


class AttemptUnderWay:
    """A call that was begun.

    `answer_bytes` count what came of the answer, text and arguments of tools; `paid_bytes` is how much of it the money
    set aside pays for. `has_begun` says that a first token came, `began_answering_at` when.
    """

    __slots__ = (
        "_first_token_limit",
        "_has_told_all",
        "_is_callers_deadline",
        "_limit",
        "_log_probability",
        "_meter",
        "_monotonic",
        "_most_bytes",
        "_on_fault",
        "_prompt_bytes",
        "_sure_tokens",
        "_told",
        "_until",
        "allowed_nano_usd",
        "answer_bytes",
        "began_answering_at",
        "finished",
        "has_begun",
        "is_streamed",
        "max_output_tokens",
        "offering",
        "paid_bytes",
        "permit",
        "seconds",
        "stream",
    )

    def __init__(
        self,
        permit: Permit,
        offering: Offering,
        stream: AsyncGenerator[Event, None],
        *,
        max_output_tokens: int,
        is_streamed: bool,
        prompt_bytes: int,
        until: float,
        meter: Meter,
        monotonic: Callable[[], float],
        on_fault: Callable[[Exception], None],
    ) -> None:
        """`until` is the moment of `monotonic` at which the caller's time is over."""
        self.permit = permit
        self.offering = offering
        self.stream = stream
        self.max_output_tokens = max_output_tokens
        self.is_streamed = is_streamed
        self.seconds = self.began_answering_at = 0.0
        self.answer_bytes = 0
        self.paid_bytes: float = math.inf
        self.allowed_nano_usd: int | None = None
        self.has_begun = False
        self.finished: Finished | None = None
        self._prompt_bytes = prompt_bytes
        self._until = until
        self._meter = meter
        self._monotonic = monotonic
        self._on_fault = on_fault
        self._limit = TimeLimit()
        # An answer that comes whole has no first token to wait for.
        self._first_token_limit = permit.endpoint.timeouts.first_token if is_streamed else math.inf
        self._most_bytes = max_output_tokens * MOST_BYTES_PER_TOKEN + SPARE_BYTES
        self._told: Usage | None = None
        self._has_told_all = False
        self._is_callers_deadline = False
        self._log_probability = 0.0
        self._sure_tokens = 0

    @property
    def model(self) -> str:
        """The model that is asked."""
        return self.offering.target.model

    @property
    def confidence(self) -> float | None:
        """Geometric mean of the tokens' probabilities; None when the provider told none."""
        return math.exp(self._log_probability / self._sure_tokens) if self._sure_tokens else None

    async def next(self) -> TextDelta | ToolCallDelta | Finished:
        """What comes next of the answer.

        Raises:
            ProviderFault: the call failed, also by a time limit of the endpoint.
            DeadlineExceededError: the caller's time is over, which says nothing about the deployment.
        """
        while True:
            event = await self._event()
            if isinstance(event, (TextDelta, ToolCallDelta)):
                self._count(event)
                return event
            if isinstance(event, Finished):
                self.finished = event
                return event
            if isinstance(event, Used):
                self._told, self._has_told_all = event.usage, True
                if self.allowed_nano_usd is not None:
                    self.allow(self.allowed_nano_usd)
            elif isinstance(event, Certainty):
                self._log_probability += event.log_probability
                self._sure_tokens += event.tokens
            else:
                self.permit.allowed(event)

    def allow(self, nano_usd: int) -> None:
        """So much is set aside for this call: `paid_bytes` is what it pays for."""
        self.allowed_nano_usd = nano_usd
        price = self.offering.prices.output
        if not price:
            self.paid_bytes = math.inf
            return
        usage, _ = self.usage()
        left = nano_usd - self._cost(usage._replace(output_tokens=0))
        self.paid_bytes = self._meter.answer_bytes(self.model, max(0, left) * TOKENS_PER_PRICE // price)

    def usage(self) -> tuple[Usage, bool]:
        """The usage so far, every class of it, and whether any of it was counted here."""
        told, model = self._told, self.model
        if told is None:
            if not self.has_begun:
                return NOTHING_USED, False
            told = Usage()
        is_estimated = not self._has_told_all
        input_tokens, output_tokens = told.input_tokens, told.output_tokens
        if input_tokens is None:
            is_estimated = True
            counted = self._meter.prompt_tokens(model, self._prompt_bytes)
            input_tokens = max(0, counted - (told.cached_input_tokens or 0))
        if output_tokens is None or not self._has_told_all:
            is_estimated = True
            output_tokens = max(output_tokens or 0, self._meter.answer_tokens(model, self.answer_bytes))
        reasoning = told.reasoning_tokens or 0
        return Usage(input_tokens, told.cached_input_tokens or 0, output_tokens, reasoning), is_estimated

    def cost_nano_usd(self) -> int:
        """What the call has cost so far."""
        return self._cost(self.usage()[0])

    def most_nano_usd(self) -> int:
        """What the call may cost at most: its prompt, and the longest answer it may give."""
        prompt_tokens = self._meter.prompt_tokens(self.model, self._prompt_bytes)
        return self._cost(Usage(prompt_tokens, 0, self.max_output_tokens, 0))

    def succeeded(self) -> Billed:
        """The answer is complete: gives the bill, and learns from it."""
        self.permit.succeeded()
        told = self._told
        if told is not None and self._has_told_all:
            prompt_tokens = None if told.input_tokens is None else told.input_tokens + (told.cached_input_tokens or 0)
            sizes = Sizes(self._prompt_bytes, self.answer_bytes)
            self._meter.learn(self.model, sizes, input_tokens=prompt_tokens, output_tokens=told.output_tokens)
        return self._billed(None, is_doubtful=False)

    def failed(self, fault: ProviderFault) -> Billed:
        """The call failed: gives the bill for what came."""
        self.permit.failed(fault)
        return self._billed(attempt_error(fault, has_begun=self.has_begun), is_doubtful=fault.kind in _DOUBTFUL)

    def abandoned(self) -> Billed:
        """The call is ended from here: gives the bill for what came."""
        self.permit.abandoned()
        return self._billed(AttemptError.CANCELLED, is_doubtful=True)

    async def close(self) -> None:
        """Ends the call upstream, if it has not ended."""
        self._limit.close()
        try:
            await self.stream.aclose()
        except Exception as fault:  # noqa: BLE001 - the call is over: what came of it stands
            self._on_fault(fault)

    async def _event(self) -> Event:
        monotonic, limit = self._monotonic, self._limit
        began = monotonic()
        limit.begin(self._patience(began))
        try:
            return await self.stream.__anext__()
        except StopAsyncIteration:
            raise ProviderFault(FaultKind.CUT if self.has_begun else FaultKind.UNAVAILABLE) from None
        except (ProviderFault, asyncio.CancelledError):
            raise
        except Exception as fault:  # noqa: BLE001 - whatever a provider does is one provider's fault, not the server's
            self._on_fault(fault)
            raise ProviderFault(FaultKind.MALFORMED) from None
        finally:
            self.seconds += monotonic() - began
            if limit.end():
                raise self._late() from None

    def _patience(self, now: float) -> float:
        """Seconds that the next event may take."""
        timeouts = self.permit.endpoint.timeouts
        step = timeouts.between_chunks if self.has_begun else self._first_token_limit - self.seconds
        own = min(step, timeouts.total - self.seconds)
        left = self._until - now
        self._is_callers_deadline = left < own
        return min(left, own)

    def _late(self) -> ProviderFault | DeadlineExceededError:
        if self._is_callers_deadline:
            return DeadlineExceededError()
        return ProviderFault(FaultKind.STALLED if self.has_begun else FaultKind.TIMEOUT)

    def _count(self, event: TextDelta | ToolCallDelta) -> None:
        if not self.has_begun:
            self.has_begun = True
            self.began_answering_at = self._monotonic()
            if self.is_streamed:
                self.permit.first_token()
        self._has_told_all = False
        if isinstance(event, TextDelta):
            text = event.text
            self.answer_bytes += len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
        else:
            self.answer_bytes += ARGUMENT_WEIGHT * (len(event.name) + len(event.arguments))
        if self.answer_bytes > self._most_bytes:
            raise ProviderFault(FaultKind.MALFORMED)

    def _billed(self, error: AttemptError | None, *, is_doubtful: bool) -> Billed:
        usage, is_counted = self.usage()
        cost, target = self._cost(usage), self.offering.target
        is_estimated = is_counted or is_doubtful or (cost > 0 and self.permit.endpoint.price_is_ceiling)
        attempt = Attempt(target.model, target.deployment, error, usage, cost, self.seconds)
        return Billed(attempt, target, is_estimated)

    def _cost(self, usage: Usage) -> int:
        return self.offering.prices.cost_nano_usd(
            input_tokens=usage.input_tokens or 0,
            cached_input_tokens=usage.cached_input_tokens or 0,
            output_tokens=usage.output_tokens or 0,
            reasoning_tokens=usage.reasoning_tokens or 0,
        )
