"""The end of every decision that was made for an Ask: one report of all its attempts, durable, and money given back.

The story enters here exactly once for each decision, on every way out. What was set aside on top stays set aside until
the bill is on disk, so that a crash at any moment leaves too much counted, never too little. It never decides what
anything cost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple

from atp_grpc.asking.reserving import Reservation
from atp_grpc.domain.clock import Clock
from atp_grpc.domain.decision import Lesson
from atp_grpc.domain.errors import DrainingError, OutcomeConflictError, StoreUnavailableError
from atp_grpc.domain.outcome import Attempt, AttemptError, NewObservation, Recorded, Report, Usage
from atp_grpc.learning.journal import RETRY_SECONDS, Journal
from atp_grpc.tenancy.budgets.budgets import Budgets

_NOTHING_USED: Final = Usage(0, 0, 0, 0, 0)
STORE_SECONDS: Final = 5.0
"""How long a caller waits for a store that fails to take the bill."""
MOST_LATE: Final = 4096
"""While so many bills wait for a store that fails, no other is made."""


class _Debt(NamedTuple):
    """A bill on its way to the store."""

    new: NewObservation
    on_top: int
    settled: asyncio.Future[Recorded]
    """Ends with what the store answered."""

    @property
    def cost_nano_usd(self) -> int:
        return sum([attempt.cost_nano_usd or 0 for attempt in self.new.report.attempts])


class Settling:
    """Reports attempts through the journal, and gives back what was set aside on top of a decision's hold."""

    def __init__(
        self,
        *,
        journal: Journal,
        budgets: Budgets,
        clock: Clock,
        asked: set[str],
        on_unsettled: Callable[[str, int], None],
    ) -> None:
        """Takes the rooms it reports to.

        `asked` are decisions whose attempts are reported here and by nobody else, from `expect` until they are durable;
        `on_unsettled` hears tenant and nano-US-dollars of a bill that never reached the store.
        """
        self._journal = journal
        self._budgets = budgets
        self._clock = clock
        self._asked = asked
        self._on_unsettled = on_unsettled
        self._late: set[asyncio.Task[Recorded]] = set()

    def check(self) -> None:
        """Judges whether a call may be made whose bill is to be written down.

        Raises:
            StoreUnavailableError: too many bills wait for the store.
        """
        if len(self._late) >= MOST_LATE:
            raise StoreUnavailableError(RETRY_SECONDS)

    def expect(self, lesson: Lesson) -> None:
        """A decision was made whose bill comes from here: a caller who is quicker with his own words is refused."""
        self._asked.add(lesson.decision_id)

    def settle(
        self, lesson: Lesson, attempts: tuple[Attempt, ...], reservation: Reservation | None
    ) -> asyncio.Future[Recorded]:
        """Reports what became of a decision. Never waits; the future ends when the report is durable and learned.

        A store that fails is tried again until the process ends; after `STORE_SECONDS` of that the future raises
        StoreUnavailableError, and the trying goes on.

        A decision for which nobody was called is reported as one call that was given up at no cost: it teaches nothing,
        gives its hold back, and takes the place that a later report of attempts would want. Whoever awaits the future
        shields it.
        """
        if not attempts:
            nobody = Attempt(lesson.model, lesson.deployment, AttemptError.CANCELLED, _NOTHING_USED, 0, 0.0)
            attempts = (nobody,)
        new = NewObservation(lesson, Report(attempts=attempts), self._clock.now_nanos())
        settled: asyncio.Future[Recorded] = asyncio.get_running_loop().create_future()
        debt = _Debt(new, 0 if reservation is None else reservation.on_top, settled)
        try:
            future = self._journal.submit(new)
        except (StoreUnavailableError, DrainingError):
            self._again(debt)
        else:
            future.add_done_callback(partial(self._answered, debt))
        return settled

    async def close(self) -> None:
        """Gives up what could not be written down so far. Comes before the journal closes."""
        late = tuple(self._late)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    def _answered(self, debt: _Debt, future: asyncio.Future[Recorded]) -> None:
        error = None if future.cancelled() else future.exception()
        if isinstance(error, StoreUnavailableError):
            self._again(debt)
        elif error is None and not future.cancelled():
            self._ended(debt, future.result())
        else:
            self._failed(debt, error or DrainingError(RETRY_SECONDS))

    def _again(self, debt: _Debt) -> None:
        loop = asyncio.get_running_loop()
        task = loop.create_task(self._submit_late(debt.new))
        self._late.add(task)
        task.add_done_callback(partial(self._ended_late, debt))
        loop.call_later(STORE_SECONDS, _refuse, debt.settled, StoreUnavailableError(RETRY_SECONDS))

    async def _submit_late(self, new: NewObservation) -> Recorded:
        while True:
            await self._journal.wait_for_room()
            try:
                return await self._journal.submit(new)
            except StoreUnavailableError:
                await asyncio.sleep(RETRY_SECONDS)

    def _ended_late(self, debt: _Debt, task: asyncio.Task[Recorded]) -> None:
        self._late.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is None and not task.cancelled():
            self._ended(debt, task.result())
        else:
            self._failed(debt, error or StoreUnavailableError(RETRY_SECONDS))

    def _ended(self, debt: _Debt, recorded: Recorded) -> None:
        self._asked.discard(debt.new.lesson.decision_id)
        self._give_back(debt.new.lesson, debt.on_top)
        if not debt.settled.done():
            debt.settled.set_result(recorded)

    def _failed(self, debt: _Debt, error: BaseException) -> None:
        lesson = debt.new.lesson
        self._asked.discard(lesson.decision_id)
        if isinstance(error, OutcomeConflictError):
            # Somebody reported other attempts of it at another replica; what was spent is spent all the same.
            self._give_back(lesson, debt.on_top, charged_nano_usd=debt.cost_nano_usd)
        else:
            self._on_unsettled(lesson.tenant, debt.cost_nano_usd)
        _refuse(debt.settled, error)

    def _give_back(self, lesson: Lesson, amount: int, *, charged_nano_usd: int = 0) -> None:
        if amount or charged_nano_usd:
            self._budgets.release(lesson.tenant, amount, lesson.decided_nanos, charged_nano_usd=charged_nano_usd)


def _refuse(settled: asyncio.Future[Recorded], error: BaseException) -> None:
    if not settled.done():
        settled.set_exception(error)
        # Whoever left does not ask for it.
        settled.exception()
