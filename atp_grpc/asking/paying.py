"""The money of an Ask while it runs: set aside at its beginning, before each attempt, and slice by slice on the way.

The story enters here for tenants with a budget; for the others every step is one comparison. It says whether an answer
may go on, and never ends it.
"""

from __future__ import annotations

import math

from atp_grpc.asking.attempt import AttemptUnderWay
from atp_grpc.asking.failover import Admitted
from atp_grpc.asking.reserving import Reservation, Spreads
from atp_grpc.asking.run import Run
from atp_grpc.domain.money import TokenPrices
from atp_grpc.domain.outcome import Usage
from atp_grpc.tenancy.budgets.budgets import Budgets


class Paying:
    """Keeps what is set aside ahead of what is spent."""

    def __init__(self, *, budgets: Budgets, sigmas: float) -> None:
        """`sigmas` deviations of an answer's cost are set aside on top of what it is expected to cost."""
        self._budgets = budgets
        self._sigmas = sigmas
        self._spreads = Spreads()

    async def begin(self, run: Run, most_output_tokens: int) -> None:
        """Sets aside what the answer may well cost, but no more than its longest form costs."""
        lesson = run.decision.lesson
        if self._budgets.headroom(lesson.tenant, lesson.decided_nanos) is None:
            return
        hold = lesson.hold_nano_usd
        run.reservation = Reservation(self._budgets, lesson.tenant, lesson.decided_nanos, hold)
        surcharge = _write_surcharge(run, lesson.prices)
        longest = Usage(input_tokens=math.ceil(lesson.input_tokens), output_tokens=most_output_tokens)
        most = surcharge + longest.cost_nano_usd(lesson.prices)
        deviation = math.ceil(self._sigmas * self._spreads.of(lesson.model) * hold)
        await run.reservation.begin(max(0, min(surcharge + deviation, most - hold)))

    async def afford(self, run: Run, admitted: Admitted) -> None:
        """Sees that the money for another attempt is set aside.

        Raises:
            BudgetExhaustedError: the budget has no room for what it is expected to cost.
        """
        if run.reservation is None or not run.billed:
            return
        expected = admitted.candidate.expected.cost_nano_usd
        needed = run.spent + expected + _write_surcharge(run, admitted.offering.prices)
        if not await run.reservation.cover(needed):
            raise run.reservation.refusal(needed)

    @staticmethod
    def allow(run: Run, under_way: AttemptUnderWay) -> None:
        """Tells an attempt what is left for it."""
        if run.reservation is not None:
            under_way.allow(run.reservation.total - run.spent)

    async def go_on(self, run: Run, under_way: AttemptUnderWay) -> bool:
        """Whether an answer that has used up what was set aside may go on: if so, more is."""
        reservation = run.reservation
        if reservation is None:
            return True
        while under_way.answer_bytes >= under_way.paid_bytes:
            needed, most = run.spent + under_way.cost_nano_usd(), run.spent + under_way.most_nano_usd()
            if not await reservation.extend(needed, most):
                return False
            self.allow(run, under_way)
        return True

    def learn(self, admitted: Admitted, cost_nano_usd: int) -> None:
        """Takes in what a whole answer cost."""
        expected = admitted.candidate.expected.cost_nano_usd
        self._spreads.learn(admitted.candidate.target.model, expected_nano_usd=expected, actual_nano_usd=cost_nano_usd)


def _write_surcharge(run: Run, prices: TokenPrices) -> int:
    """What the prompt costs beyond what is expected of it, if the provider writes all of it to its cache."""
    tokens = math.ceil(run.decision.lesson.input_tokens)
    return prices.cache_write_surcharge_nano_usd(tokens) if run.marks_prompt else 0
