"""The story of Observe: open the token or find the decision, check the report, make it durable, learn it, answer.

Services enter here. De-duplication and durability are the store's, order and learning are the journal's; nothing is
acknowledged before both are done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container, Sequence
from typing import NamedTuple

from atp_grpc.domain.call import Call
from atp_grpc.domain.clock import Clock, moment_text
from atp_grpc.domain.decision import Decision, Lesson
from atp_grpc.domain.errors import (
    DecisionNotFoundError,
    FieldViolation,
    InvalidFieldError,
    OutcomeConflictError,
    StoreUnavailableError,
    TokenExpiredError,
    UnknownModelError,
)
from atp_grpc.domain.outcome import NewObservation, Recorded, Report
from atp_grpc.learning.journal import RETRY_SECONDS, Journal
from atp_grpc.store.contract import Store, StoreFailure


class Reference(NamedTuple):
    """How a report names its decision: by token or by id, exactly one of them."""

    token: bytes | None = None
    decision_id: str | None = None


class Observer:
    """Takes reports of what decisions led to."""

    def __init__(
        self,
        *,
        open_token: Callable[[bytes, str, int], Lesson],
        find_open: Callable[[str, str], Decision | None],
        knows_model: Callable[[str], bool],
        asked: Container[str],
        journal: Journal,
        store: Store,
        clock: Clock,
    ) -> None:
        """Takes what it asks.

        `open_token` takes (token, tenant, now); `find_open` looks among this process's latest decisions; `asked` are
        decisions that Ask is carrying out in this process: their attempts are its own to report.
        """
        self._open_token = open_token
        self._find_open = find_open
        self._knows_model = knows_model
        self._asked = asked
        self._journal = journal
        self._store = store
        self._clock = clock

    async def observe(self, reference: Reference, report: Report, call: Call) -> tuple[Lesson, Recorded]:
        """Records a report and learns from it; raises what the three below raise."""
        if reference.token is not None:
            new = self.sealed(reference.token, report, call)
        else:
            new = await self.known(reference.decision_id or "", report, call)
        return new.lesson, await self.record(new)

    def sealed(self, token: bytes, report: Report, call: Call) -> NewObservation:
        """A report on a token's decision, checked; never waits, because the token says all there is.

        Raises:
            TokenInvalidError, TokenExpiredError: the token does not open.
            InvalidFieldError, UnknownModelError: the report says nothing, or names a model nobody knows.
            OutcomeConflictError: it tells attempts of a decision that Ask is carrying out.
        """
        now = self._clock.now_nanos()
        lesson = self._open_token(token, call.tenant, now)
        self._check(report, lesson)
        return NewObservation(lesson, report, now)

    async def known(self, decision_id: str, report: Report, call: Call) -> NewObservation:
        """The same by a decision's id; waits only for its look-up.

        Raises:
            DecisionNotFoundError, TokenExpiredError: the decision is unknown, or its time is over.
            StoreUnavailableError: the look-up failed.
        """
        lesson = (await self._find(call.tenant, decision_id)).lesson
        now = self._clock.now_nanos()
        # Reported fields are remembered a day longer than tokens live; past that a report could teach a second time.
        if now >= lesson.expires_nanos:
            raise TokenExpiredError(moment_text(lesson.expires_nanos))
        self._check(report, lesson)
        return NewObservation(lesson, report, now)

    def record(self, new: NewObservation) -> asyncio.Future[Recorded]:
        """Puts a report into the journal; the future ends when it is durable and learned.

        Raises:
            StoreUnavailableError: the journal is full, or could not make it durable; nothing is acknowledged.
            OutcomeConflictError: a field stands with another value; nothing was recorded.
        """
        return self._journal.submit(new)

    def record_all(self, new: Sequence[NewObservation]) -> asyncio.Future[list[Recorded | OutcomeConflictError]]:
        """The same for many, in one commit; a conflict is an error in its own place."""
        return self._journal.submit_all(new)

    async def decision(self, tenant: str, decision_id: str) -> tuple[Decision, Report]:
        """A tenant's decision and what stands for it.

        Raises:
            DecisionNotFoundError: unknown, or another tenant's.
            StoreUnavailableError: the store does not answer.
        """
        decision = await self._find(tenant, decision_id)
        try:
            return decision, await self._store.outcome_of(tenant, decision_id)
        except StoreFailure:
            raise StoreUnavailableError(RETRY_SECONDS) from None

    async def _find(self, tenant: str, decision_id: str) -> Decision:
        try:
            decision = self._find_open(tenant, decision_id) or await self._store.find_decision(tenant, decision_id)
        except StoreFailure:
            raise StoreUnavailableError(RETRY_SECONDS) from None
        if decision is None:
            raise DecisionNotFoundError(decision_id)
        return decision

    def _check(self, report: Report, lesson: Lesson) -> None:
        if report.quality is None and not report.attempts and not report.labels:
            raise InvalidFieldError([FieldViolation("quality", "a report sets quality, attempts or labels")])
        if report.attempts and lesson.decision_id in self._asked:
            raise OutcomeConflictError("attempts")
        for position, attempt in enumerate(report.attempts):
            if attempt.model != lesson.model and not self._knows_model(attempt.model):
                raise UnknownModelError(f"attempts[{position}].model", attempt.model)
