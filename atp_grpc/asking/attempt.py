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

from atp_grpc.asking.counting import Transcript, filled_in
from atp_grpc.asking.metering import ARGUMENT_WEIGHT, Meter, Sizes, characters_within, size_of
from atp_grpc.asking.patience import Patience
from atp_grpc.asking.reported import DOUBTFUL, attempt_error
from atp_grpc.asking.timelimit import TimeLimit
from atp_grpc.catalog.snapshot import Offering
from atp_grpc.domain.ask import Billed
from atp_grpc.domain.money import TOKENS_PER_PRICE
from atp_grpc.domain.outcome import Attempt, AttemptError, Usage
from atp_grpc.providers.contract import (
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
_Piece = TextDelta | ToolCallDelta
NOTHING_USED: Final = Usage(0, 0, 0, 0, 0)


class AttemptUnderWay:
    """A call that was begun.

    `answer_bytes` count what came of the answer, text and arguments of tools; `paid_bytes` is how much of it the money
    set aside pays for. `has_begun` says that a first token came, `began_answering_at` when.
    """

    __slots__ = (
        "_has_told_all",
        "_limit",
        "_log_probability",
        "_marks_prompt",
        "_meter",
        "_monotonic",
        "_most_bytes",
        "_on_fault",
        "_patience",
        "_picture_tokens",
        "_prompt_bytes",
        "_sure_tokens",
        "_told",
        "_transcript",
        "_unpaid",
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
        picture_tokens: int,
        marks_prompt: bool,
        ends: Callable[[], float],
        meter: Meter,
        transcript: Transcript | None,
        monotonic: Callable[[], float],
        on_fault: Callable[[Exception], None],
    ) -> None:
        """`ends` tells the moment of `monotonic` at which the time of all who wait is over; it may move."""
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
        self._picture_tokens = picture_tokens
        self._marks_prompt = marks_prompt
        self._meter = meter
        self._transcript = transcript
        self._monotonic = monotonic
        self._on_fault = on_fault
        self._patience = Patience(permit.endpoint.timeouts, is_streamed=is_streamed, ends=ends)
        self._limit = TimeLimit(self._patience.prolonged)
        self._most_bytes = max_output_tokens * MOST_BYTES_PER_TOKEN + SPARE_BYTES
        self._told: Usage | None = None
        self._has_told_all = False
        self._unpaid: _Piece | None = None
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

    async def next(self) -> _Piece | Finished:
        """What comes next of the answer; of a piece that outgrows what is set aside, as much as that pays for.

        What is left of it comes next, if the story has more set aside and asks.

        Raises:
            ProviderFault: the call failed, also by a time limit of the endpoint.
            DeadlineExceededError: the caller's time is over, which says nothing about the deployment.
        """
        while True:
            event, self._unpaid = self._unpaid or await self._event(), None
            if isinstance(event, (TextDelta, ToolCallDelta)):
                return self._counted(event)
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
        # The prompt is paid for with the first token, which nobody has seen yet.
        usage, _ = filled_in(
            self._told or Usage(), self._prompt_tokens, self._answer_tokens, is_whole=self._has_told_all
        )
        left = nano_usd - self._cost(usage._replace(output_tokens=0))
        self.paid_bytes = self._meter.answer_bytes(self.model, max(0, left) * TOKENS_PER_PRICE // price)

    def usage(self) -> tuple[Usage, bool]:
        """The usage so far, every class of it, and whether any of it was estimated here, by bytes."""
        return self._filled_in(self._prompt_tokens, self._answer_tokens)

    def cost_nano_usd(self) -> int:
        """What the call has cost so far."""
        return self._cost(self.usage()[0])

    def most_nano_usd(self) -> int:
        """What the call may cost at most: its prompt, and the longest answer it may give."""
        prompt_tokens = self._prompt_tokens()
        most = self._cost(Usage(prompt_tokens, 0, self.max_output_tokens, 0))
        return most + self.offering.prices.cache_write_surcharge_nano_usd(prompt_tokens) if self._marks_prompt else most

    def succeeded(self) -> Billed:
        """The answer is complete: gives the bill, and learns from it."""
        self.permit.succeeded()
        billed = self._billed(None, is_doubtful=False)
        told = self._told if self._has_told_all else None
        known = told if self._transcript is None else billed.attempt.usage
        if known is not None:
            # What pictures take of a prompt is told by nobody, so one with pictures teaches nothing of its text.
            is_text = known.input_tokens is not None and not self._picture_tokens
            prompt_tokens = known.prompt_tokens if is_text else None
            sizes = Sizes(self._prompt_bytes, self.answer_bytes)
            self._meter.learn(self.model, sizes, input_tokens=prompt_tokens, output_tokens=known.output_tokens)
        return billed

    def failed(self, fault: ProviderFault) -> Billed:
        """The call failed: gives the bill for what came."""
        self.permit.failed(fault)
        return self._billed(attempt_error(fault, has_begun=self.has_begun), is_doubtful=fault.kind in DOUBTFUL)

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
        limit.begin(self._patience.left(began, self.seconds, has_begun=self.has_begun))
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
                raise self._patience.late(has_begun=self.has_begun) from None

    def _counted(self, event: _Piece) -> _Piece:
        if not self.has_begun:
            self.has_begun = True
            self.began_answering_at = self._monotonic()
            if self.is_streamed:
                self.permit.first_token()
        self._has_told_all = False
        if self.answer_bytes + (size := _size_of(event)) > self.paid_bytes:
            event, self._unpaid = _split(event, max(0, int(self.paid_bytes) - self.answer_bytes))
            size = _size_of(event)
            # A byte that is left of the money, but makes no character, pays for nothing.
            self.paid_bytes = self.answer_bytes + size
        self.answer_bytes += size
        if self._transcript is not None:
            self._transcript.hear(event.text if isinstance(event, TextDelta) else event.name + event.arguments)
        if self.answer_bytes > self._most_bytes:
            raise ProviderFault(FaultKind.MALFORMED)
        return event

    def _billed(self, error: AttemptError | None, *, is_doubtful: bool) -> Billed:
        counts = self._transcript
        usage, is_counted = (
            self.usage() if counts is None else self._filled_in(counts.prompt_tokens, counts.answer_tokens)
        )
        cost, target = self._cost(usage), self.offering.target
        is_estimated = is_counted or is_doubtful or (cost > 0 and self.permit.endpoint.price_is_ceiling)
        attempt = Attempt(target.model, target.deployment, error, usage, cost, self.seconds)
        return Billed(attempt, target, is_estimated)

    def _cost(self, usage: Usage) -> int:
        return usage.cost_nano_usd(self.offering.prices)

    def _filled_in(self, prompt_tokens: Callable[[], int], answer_tokens: Callable[[], int]) -> tuple[Usage, bool]:
        if self._told is None and not self.has_begun:
            return NOTHING_USED, False
        return filled_in(self._told or Usage(), prompt_tokens, answer_tokens, is_whole=self._has_told_all)

    def _prompt_tokens(self) -> int:
        return self._meter.prompt_tokens(self.model, self._prompt_bytes) + self._picture_tokens

    def _answer_tokens(self) -> int:
        return self._meter.answer_tokens(self.model, self.answer_bytes)


def _size_of(event: _Piece) -> int:
    if isinstance(event, TextDelta):
        return size_of(event.text)
    return ARGUMENT_WEIGHT * (len(event.name) + len(event.arguments))


def _split(event: _Piece, room: int) -> tuple[_Piece, _Piece]:
    """As much of a piece as so many bytes pay for, which may be nothing, and the rest of it."""
    if isinstance(event, TextDelta):
        at = characters_within(event.text, room)
        return TextDelta(event.text[:at]), TextDelta(event.text[at:])
    at = room // ARGUMENT_WEIGHT - len(event.name)
    if at < 0 or not (at or event.name):
        return TextDelta(""), event
    return event._replace(arguments=event.arguments[:at]), ToolCallDelta(event.index, "", "", event.arguments[at:])
