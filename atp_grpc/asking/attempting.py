"""The attempts of one Ask: the next is found, paid for and begun; what became of it is billed and judged.

The story leads from attempt to attempt and pulls their events itself. Here every permit finds its end, and every
attempt its bill, exactly once.
"""

from __future__ import annotations

from collections.abc import Callable

from atp_grpc.asking.attempt import AttemptUnderWay
from atp_grpc.asking.calling import Calling, most_output_tokens
from atp_grpc.asking.cascade import stands
from atp_grpc.asking.contract import Listeners
from atp_grpc.asking.failover import Admitted
from atp_grpc.asking.paying import Paying
from atp_grpc.asking.recovery import Recovery
from atp_grpc.asking.run import Run
from atp_grpc.catalog.snapshot import Snapshot
from atp_grpc.domain.ask import Billed, FinishReason, Switch
from atp_grpc.domain.clock import Clock
from atp_grpc.domain.errors import AtpError, BudgetExhaustedError, DeadlineExceededError
from atp_grpc.providers.contract import ProviderFault


class Attempting:
    """Begins attempts and takes their ends in."""

    def __init__(
        self,
        *,
        recovery: Recovery,
        calling: Calling,
        paying: Paying,
        snapshot: Callable[[int], Snapshot],
        clock: Clock,
        listeners: Listeners,
    ) -> None:
        """`snapshot` is the catalogue of a moment."""
        self._recovery = recovery
        self._calling = calling
        self._paying = paying
        self._snapshot = snapshot
        self._clock = clock
        self._listeners = listeners

    async def reserve(self, run: Run) -> None:
        """Sets money aside for the answer, if the tenant has a budget."""
        catalogue = self._snapshot(self._clock.now_nanos())
        await self._paying.begin(run, most_output_tokens(run, run.decision.lesson.model, catalogue))

    async def next(self, run: Run) -> AttemptUnderWay | None:
        """The next attempt, its call begun; None when there is an answer, at worst one that was held back.

        Raises what `Recovery.next` does, and BudgetExhaustedError when there is no money for another attempt.
        """
        if run.answer is not None:
            return None
        try:
            while True:
                admitted = await self._recovery.next(run)
                if (under_way := await self._begin(run, admitted)) is not None:
                    return under_way
        except AtpError:
            if run.held_back is None or run.has_shown:
                raise
            run.stand_by(run.held_back)
            return None

    def switched(self, run: Run, under_way: AttemptUnderWay) -> Switch | None:
        """What the caller is told when this attempt stands in for one that failed."""
        if run.fault is None:
            return None
        run.fault = None
        left = run.billed[-1]
        restarts = run.has_shown and not run.resumes
        switch = Switch(left.target, under_way.offering.target, left.attempt.error or "", restarts)
        self._listeners.switched(switch)
        return switch

    def failed(self, run: Run, under_way: AttemptUnderWay, failure: ProviderFault | DeadlineExceededError) -> None:
        """The attempt failed, or the caller's time was over in the middle of it."""
        if isinstance(failure, ProviderFault):
            run.fault = failure
            self._bill(run, under_way.failed(failure))
        else:
            run.is_late = True
            self._bill(run, under_way.abandoned())

    def completed(self, run: Run, under_way: AttemptUnderWay) -> None:
        """An answer came to an end, its own or that of the money; it may be that it does not stand."""
        finished, cascade, admitted = under_way.finished, run.cascade, run.admitted
        if finished is None or admitted is None:
            run.stand_by(run.answered(under_way, self._bill(run, under_way.abandoned()), FinishReason.BUDGET))
            return
        billed = self._bill(run, under_way.succeeded())
        self._paying.learn(admitted, billed.attempt.cost_nano_usd or 0)
        answer = run.answered(under_way, billed, finished.reason)
        if run.is_trial and cascade is not None and not stands(cascade, answer.finish_reason, answer.confidence):
            run.hold_back(answer)
            run.course.answered(admitted)
        else:
            run.stand_by(answer)

    def leave(self, run: Run) -> None:
        """The story ended, in whatever way: an attempt that is still under way is ended too."""
        if run.under_way is not None:
            self._bill(run, run.under_way.abandoned())

    async def _begin(self, run: Run, admitted: Admitted) -> AttemptUnderWay | None:
        """Pays for an attempt and begins it; None when its key cannot be had."""
        try:
            await self._paying.afford(run, admitted)
        except BaseException as failure:
            admitted.permit.abandoned()
            if isinstance(failure, BudgetExhaustedError) and run.has_shown:
                raise self._recovery.cut(run) from None
            raise
        under_way = self._calling.begin(run, admitted, self._snapshot(self._clock.now_nanos()))
        if under_way is not None:
            run.called(admitted, under_way)
            self._paying.allow(run, under_way)
        return under_way

    def _bill(self, run: Run, billed: Billed) -> Billed:
        run.bill(billed)
        attempt = billed.attempt
        cost, seconds = attempt.cost_nano_usd or 0, attempt.latency_seconds or 0.0
        self._listeners.attempt_ended(billed.target, attempt.error, seconds, cost)
        return billed
