"""Who is called next: the first of all, the next of a cascade, or whoever stands in for an attempt that failed.

The story enters here before every attempt. It says what a fault allows, waits where waiting helps, and raises the
typed error when nobody is left. A permit that it gives is the caller's to end.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from random import Random
from typing import Final

from atp_grpc.asking.contract import AskTerms
from atp_grpc.asking.failover import Admitted
from atp_grpc.asking.run import Run
from atp_grpc.domain.ask import OnCut
from atp_grpc.domain.errors import (
    AnswerCutError,
    AtpError,
    DeadlineExceededError,
    ProviderRefusedRequestError,
    ProvidersUnavailableError,
)
from atp_grpc.providers.contract import Blame, FaultKind, ProviderFault, Where
from atp_grpc.providers.retrying import GiveUp, RetryBudgets, next_try

_FOR_SIZE: Final = frozenset({FaultKind.CONTEXT_LENGTH, FaultKind.REQUEST_TOO_LARGE})
LONGEST_WAIT_SECONDS: Final = 60.0
"""Who set no deadline waits no longer than this before an attempt, though a provider may ask for an hour."""


class Recovery:
    """Finds the next deployment to call."""

    def __init__(
        self, *, retries: RetryBudgets, chance: Random, terms: AskTerms, monotonic: Callable[[], float]
    ) -> None:
        self._retries = retries
        self._chance = chance
        self._terms = terms
        self._monotonic = monotonic

    async def next(self, run: Run) -> Admitted:
        """A permit for the next attempt. Waits only after a fault, and only while nothing was shown.

        Raises:
            DeadlineExceededError: the call's time is over.
            ProvidersUnavailableError, ProviderRefusedRequestError, AnswerCutError: there is no next attempt.
        """
        fault = run.fault
        if fault is None:
            return self._admitted(run, self._first(run))
        before = run.admitted
        if before is None:
            raise AssertionError("only an attempt that was made can fail")
        run.course.failed(before, fault)
        # Who does not take an answer to go on with has not refused the request.
        if run.is_cut or (run.resumes and fault.blame is Blame.CALLER):
            return self._after_cut(run, before, fault)
        run.begin_anew()
        return self._admitted(run, await self._after_fault(run, before, fault))

    def unavailable(self, run: Run) -> ProvidersUnavailableError:
        """Everybody who could be called failed, or may not be called now."""
        return ProvidersUnavailableError(
            attempts=len(run.billed),
            error=run.billed[-1].attempt.error if run.billed else None,
            cost_nano_usd=run.spent,
            retry_after_seconds=run.course.soonest_seconds(),
        )

    def cut(self, run: Run) -> AnswerCutError:
        """The answer broke off, and nobody goes on with it."""
        billed, fault = run.billed[-1], run.fault
        error = billed.attempt.error
        if error is None or fault is None:
            raise AssertionError("only an attempt that failed breaks off")
        return AnswerCutError(
            target=billed.target,
            error=error,
            total_characters=run.relay.total_characters,
            usage=billed.attempt.usage,
            cost_nano_usd=run.spent,
        )

    def _first(self, run: Run) -> Admitted | None:
        """The first attempt, or the next of a cascade."""
        if self._seconds_left(run) <= 0:
            raise DeadlineExceededError
        return run.course.admit() if len(run.billed) < self._terms.retry.attempts else None

    async def _after_fault(self, run: Run, before: Admitted, fault: ProviderFault) -> Admitted | None:
        """The attempt after one of which nothing was shown."""
        course, tenant, made = run.course, run.call.tenant, len(run.billed)
        if fault.where is Where.NOWHERE or (fault.kind in _FOR_SIZE and not course.has_room):
            raise _refused(before, fault)
        left = self._seconds_left(run)
        elsewhere = course.admit() if left > 0 and made < self._terms.retry.attempts else None
        verdict = next_try(
            fault,
            attempts_made=made,
            seconds_left=left,
            has_elsewhere=elsewhere is not None,
            draw=self._chance.random(),
            rules=self._terms.retry,
        )
        if isinstance(verdict, GiveUp) or not self._retries.spend(tenant, verdict.where):
            if elsewhere is not None:
                elsewhere.permit.abandoned()
            if left <= 0:
                raise DeadlineExceededError
            return None
        if verdict.where is Where.ELSEWHERE:
            return elsewhere
        # A key that was refused rests on its own account, which may be longer than the backoff.
        rest = course.retry_after_seconds if fault.blame is Blame.KEY else 0.0
        wait = max(verdict.seconds, rest)
        if wait >= (LONGEST_WAIT_SECONDS if left == math.inf else left):
            return None
        await asyncio.sleep(wait)
        return course.admit() or course.admit_again(before)

    def _after_cut(self, run: Run, before: Admitted, fault: ProviderFault) -> Admitted:
        """The attempt after one that broke off, where the caller wants any. Never waits: somebody reads along."""
        course, on_cut, is_refused = run.course, run.on_cut, fault.where is Where.NOWHERE
        # What is refused of a request that was taken before is the answer that was to be gone on with.
        may_go_on = run.resumes if is_refused else on_cut is not OnCut.FAIL
        if not may_go_on or len(run.billed) >= self._terms.retry.attempts:
            raise self.cut(run)
        if self._seconds_left(run) <= 0:
            raise DeadlineExceededError
        resuming = None
        can_resume = on_cut is OnCut.RESUME and not is_refused
        if can_resume and run.relay.total_characters and not run.relay.has_tool_calls:
            resuming = course.admit_to_resume(before)
        elsewhere = resuming or course.admit()
        admitted = elsewhere or course.admit_again(before)
        if admitted is None:
            raise self.cut(run)
        if not self._retries.spend(run.call.tenant, Where.ELSEWHERE if elsewhere else Where.HERE):
            admitted.permit.abandoned()
            raise self.cut(run)
        if resuming is None:
            run.begin_anew()
        run.resumes = resuming is not None
        return admitted

    def _admitted(self, run: Run, admitted: Admitted | None) -> Admitted:
        if admitted is None:
            raise self.unavailable(run)
        return admitted

    def _seconds_left(self, run: Run) -> float:
        return run.ends() - self._monotonic()


def _refused(admitted: Admitted, fault: ProviderFault) -> AtpError:
    return ProviderRefusedRequestError(target=admitted.offering.target, fault=fault.kind)
