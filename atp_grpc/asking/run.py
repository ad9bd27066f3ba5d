"""One Ask while it runs: what was decided, who was called, what came and what it cost.

The story writes into it as it goes along, and reads from it what it tells the caller. Nothing here waits or decides
anything.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from typing import Final

from atp_grpc.asking.answer import Answer
from atp_grpc.asking.attempt import NOTHING_USED, AttemptUnderWay
from atp_grpc.asking.cache import Kept
from atp_grpc.asking.failover import Admitted, Course
from atp_grpc.asking.metering import prompt_size
from atp_grpc.asking.relay import Relay
from atp_grpc.asking.reserving import Reservation
from atp_grpc.domain.ask import (
    AskRequest,
    Audience,
    Billed,
    CacheOutcome,
    CacheUse,
    Delta,
    FinishReason,
    Latency,
    OnCut,
    Spent,
)
from atp_grpc.domain.ask import Final as Answered
from atp_grpc.domain.call import Call
from atp_grpc.domain.decision import Drawn
from atp_grpc.domain.outcome import Attempt, Recorded
from atp_grpc.domain.policy import Cascade
from atp_grpc.providers.contract import ProviderFault, TextDelta, ToolCallDelta
from atp_grpc.routing.router import Router

_UNSAID: Final = {True: OnCut.FAIL, False: OnCut.RESTART}
"""What `UNSAID` stands for, by whether the caller is shown the answer as it comes."""


class Run:
    """What the story knows of one Ask."""

    __slots__ = (
        "_margin_seconds",
        "_most_held_bytes",
        "_queue_seconds",
        "_route_seconds",
        "admitted",
        "answer",
        "audience",
        "began",
        "billed",
        "cache",
        "call",
        "cascade",
        "course",
        "decided_at",
        "decision",
        "fault",
        "first_token_at",
        "has_begun",
        "has_shown",
        "held_back",
        "is_late",
        "is_open",
        "is_trial",
        "keeps",
        "picture_tokens",
        "prompt_bytes",
        "relay",
        "request",
        "reservation",
        "resumes",
        "router",
        "settlement",
        "shows",
        "spent",
        "under_way",
    )

    course: Course
    decision: Drawn
    router: Router

    def __init__(
        self,
        request: AskRequest,
        call: Call,
        queue_seconds: float,
        audience: Audience,
        *,
        began: float,
        margin_seconds: float,
        most_held_bytes: int,
    ) -> None:
        """`began` is now, by the monotonic clock; attempts end `margin_seconds` before the last caller's deadline.

        Of an answer that is held back at most so many bytes are.
        """
        self.request = request
        self.call = call
        self.began = self.decided_at = began
        self.audience = audience
        self.is_late = False
        """The time of everybody who waited was over in the middle of an attempt."""
        self._margin_seconds = margin_seconds
        self.cache = CacheOutcome.UNUSED
        self.cascade: Cascade | None = None
        self.is_open = False
        """Whether the policy that decides is found."""
        self.reservation: Reservation | None = None
        self.settlement: asyncio.Future[Recorded] | None = None
        self.billed: list[Billed] = []
        self.spent = 0
        self.prompt_bytes = self.picture_tokens = 0
        self.admitted: Admitted | None = None
        self.under_way: AttemptUnderWay | None = None
        self.fault: ProviderFault | None = None
        self.resumes = False
        self.shows = request.is_streamed
        """Whether deltas are shown as they come."""
        self.has_shown = False
        self.has_begun = False
        """Whether a first token came of the attempt that ended last."""
        self.is_trial = False
        """Whether the answer under way is held back until it is known to be good."""
        self.held_back: Answer | None = None
        """An answer of a cheaper model that did not stand; better than none."""
        self.answer: Answer | None = None
        self.first_token_at: float | None = None
        self._queue_seconds = queue_seconds
        self._route_seconds = 0.0
        self._most_held_bytes = most_held_bytes

    def decided(self, decision: Drawn, now: float) -> None:
        """The decision was made; the relay keeps the answer if anybody will want it whole."""
        request = self.request
        self.decision = decision
        self.prompt_bytes = prompt_size(request.prompt)
        self.picture_tokens = request.prompt.picture_tokens
        self._route_seconds = now - self.began
        self.decided_at = now
        self.keeps = (
            not request.is_streamed
            or request.on_cut is OnCut.RESUME
            or request.cache is not CacheUse.OFF
            or self.cascade is not None
        )
        self.relay = Relay(keeps=self.keeps)

    def called(self, admitted: Admitted, under_way: AttemptUnderWay) -> None:
        """An attempt has begun."""
        self.admitted, self.under_way = admitted, under_way
        self.is_trial = not self.has_shown and self.course.is_trial(admitted)
        self.shows = self.request.is_streamed and not self.is_trial

    def took_in(self, event: TextDelta | ToolCallDelta, under_way: AttemptUnderWay) -> Sequence[Delta]:
        """More of the answer came: gives what the caller is shown now."""
        if self.first_token_at is None:
            self.first_token_at = under_way.began_answering_at
        if not any(event):
            return ()
        delta = self.relay.add(event)
        if self.shows:
            self.has_shown = True
            return (delta,)
        if self.is_trial and under_way.answer_bytes > self._most_held_bytes:
            return self._let_go()
        return ()

    def answered(self, under_way: AttemptUnderWay, billed: Billed, finish_reason: FinishReason) -> Answer:
        """The answer as it is complete."""
        return Answer(under_way, billed, finish_reason, self.relay.whole() if self.keeps else [])

    @property
    def marks_prompt(self) -> bool:
        """Whether the prompt is marked for a provider to keep, which may charge for writing it to its cache."""
        return bool(self.request.routing.session_id)

    def ends(self) -> float:
        """The moment of the monotonic clock at which attempts have to be over."""
        return -math.inf if self.is_late else self.audience.until - self._margin_seconds

    def stand_by(self, answer: Answer) -> None:
        """This is the answer."""
        self.answer = answer
        self.audience.has_answer = True

    def hold_back(self, answer: Answer) -> None:
        """A complete answer does not stand; another is asked for."""
        self.held_back = answer
        self.begin_anew()

    def begin_anew(self) -> None:
        """What came of the answer so far is dropped."""
        self.relay.restart()
        self.resumes = False
        if not self.has_shown:
            self.first_token_at = None

    def unshown(self) -> list[Delta]:
        """The answer's deltas, where the caller was shown none of them as they came."""
        return [] if self.has_shown or self.answer is None else self.answer.deltas

    @property
    def on_cut(self) -> OnCut:
        """What becomes of an answer that breaks off."""
        on_cut = self.request.on_cut
        return _UNSAID[self.request.is_streamed] if on_cut is OnCut.UNSAID else on_cut

    @property
    def is_cut(self) -> bool:
        """Whether the attempt that failed had an answer begun that the caller has a word in."""
        # What is held back of a stream was shown to nobody; a unary caller has said what is to become of it.
        return self.has_shown or (self.has_begun and not self.request.is_streamed)

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """All attempts, as they are reported."""
        return tuple([billed.attempt for billed in self.billed])

    def bill(self, billed: Billed) -> None:
        """The attempt under way has ended."""
        self.has_begun = self.under_way is not None and self.under_way.has_begun
        self.under_way = None
        self.billed.append(billed)
        self.spent += billed.attempt.cost_nano_usd or 0

    def spending(self) -> Spent:
        """What the last attempt used and all of them cost."""
        usage = self.billed[-1].attempt.usage if self.billed else NOTHING_USED
        return Spent(usage, self.spent, self._is_estimated)

    def delivered(self, now: float) -> Answered:
        """The last event."""
        answer = self.answer
        if answer is None:
            raise AssertionError("an answer is delivered when there is one")
        return Answered(
            target=answer.target,
            finish_reason=answer.finish_reason,
            usage=answer.usage,
            attempts=tuple(self.billed),
            cost_nano_usd=self.spent,
            estimated_cost_nano_usd=self.decision.lesson.hold_nano_usd,
            is_estimated=self._is_estimated,
            latency=self._latency(now),
            cache=self.cache,
            revision=answer.revision,
            confidence=answer.confidence,
        )

    def served(self, kept: Kept, outcome: CacheOutcome, now: float) -> Answered:
        """The last event of an answer from the cache; what was spent in vain before is told all the same."""
        return Answered(
            target=kept.target,
            finish_reason=kept.finish_reason,
            usage=NOTHING_USED,
            attempts=tuple(self.billed),
            cost_nano_usd=self.spent,
            estimated_cost_nano_usd=0,
            is_estimated=self._is_estimated,
            latency=self._latency(now),
            cache=outcome,
            revision=kept.revision,
            confidence=kept.confidence,
        )

    def _let_go(self) -> list[Delta]:
        """What was held back is shown after all, and so is what comes."""
        self.is_trial = False
        if not self.request.is_streamed:
            return []
        self.shows = self.has_shown = True
        return self.relay.whole()

    @property
    def _is_estimated(self) -> bool:
        return any(billed.is_estimated for billed in self.billed)

    def _latency(self, now: float) -> Latency:
        first = now if self.first_token_at is None else self.first_token_at
        queue = self._queue_seconds
        return Latency(queue, self._route_seconds, max(0.0, first - self.decided_at), queue + now - self.began)
