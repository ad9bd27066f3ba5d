"""The story of Ask, told once: decide, call, show what comes, survive what fails, settle the bill, end honestly.

Services enter here, for unary calls and streams alike. The last event of a good call is `Final`, and it comes only when
the bill is on disk; everything else ends in a typed error. Whatever way a call ends, its permit, its money and its
provider's connection are given back once. Nothing is retried that the caller was shown, unless he asked for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from functools import partial

from atp_grpc.asking.attempting import Attempting
from atp_grpc.asking.cache import AnswerCache, key_of
from atp_grpc.asking.cascade import GOOD_ENDS
from atp_grpc.asking.contract import DEFAULT_ASK_TERMS, NOBODY, AskTerms, Listeners
from atp_grpc.asking.failover import Course
from atp_grpc.asking.paying import Paying
from atp_grpc.asking.run import Run
from atp_grpc.asking.settling import Settling
from atp_grpc.catalog.snapshot import Offering, Snapshot
from atp_grpc.domain.ask import (
    AskEvent,
    AskRequest,
    Audience,
    CacheOutcome,
    CacheUse,
    Decided,
    Final,
)
from atp_grpc.domain.call import Call
from atp_grpc.domain.clock import Clock
from atp_grpc.domain.decision import Drawn
from atp_grpc.domain.errors import (
    AnswerCutError,
    AtpError,
    DeadlineExceededError,
    FeatureOffError,
    ModelsUnavailableError,
    OutcomeConflictError,
    ProvidersUnavailableError,
)
from atp_grpc.domain.flags import Flag
from atp_grpc.domain.outcome import Recorded
from atp_grpc.domain.request import Constraints, Routable
from atp_grpc.providers.contract import Finished, ProviderFault
from atp_grpc.providers.fleet import Fleet
from atp_grpc.providers.retrying import RetryBudgets
from atp_grpc.routing.router import Router
from atp_grpc.routing.scribe.contract import Routed


class Asker:
    """Carries requests out."""

    def __init__(
        self,
        *,
        pick: Callable[[Routable, str], Router],
        snapshot: Callable[[int], Snapshot],
        drawn: Callable[[Routed], Drawn],
        encode: Callable[[Routed], bytes],
        prepare: Callable[[str, Sequence[Routable]], Awaitable[None]],
        is_on: Callable[[Flag], bool],
        attempting: Attempting,
        settling: Settling,
        fleet: Fleet,
        retries: RetryBudgets,
        paying: Paying,
        cache: AnswerCache,
        clock: Clock,
        terms: AskTerms = DEFAULT_ASK_TERMS,
        listeners: Listeners = NOBODY,
    ) -> None:
        """Takes the rooms it leads through.

        `pick` gives the router for a tenant's request, `snapshot` the catalogue of a moment; `drawn` tells what was
        drawn in a decision, `encode` writes the answer that Route would have given; `prepare` sees that money is at
        hand; `is_on` says what operators have switched off.
        """
        self._pick = pick
        self._snapshot = snapshot
        self._drawn = drawn
        self._encode = encode
        self._prepare = prepare
        self._is_on = is_on
        self._attempting = attempting
        self._settling = settling
        self._fleet = fleet
        self._retries = retries
        self._paying = paying
        self._cache = cache
        self._clock = clock
        self._terms = terms
        self._listeners = listeners

    def answer(
        self, request: AskRequest, call: Call, queue_seconds: float, audience: Audience
    ) -> AsyncGenerator[AskEvent, None]:
        """Carries a request out. Whoever stops reading closes the generator, and that ends the call upstream at once.

        Raises, from the generator:
            FeatureOffError: Ask is switched off.
            ProvidersUnavailableError: nobody gave an answer; nothing was shown.
            ProviderRefusedRequestError: the provider refuses the request itself.
            AnswerCutError: the answer broke off; a `Spent` comes before it.
            DeadlineExceededError: the call's time is over. BudgetExhaustedError: the tenant's money is.
            StoreUnavailableError: the bill could not be made durable, and is tried again; or too many wait for that
                already, and nobody was called.
            What deciding raises (`Router.route`), before anything was called.
        """
        now = self._clock.monotonic()
        run = Run(
            request,
            call,
            queue_seconds,
            audience,
            began=now,
            margin_seconds=self._terms.margin_seconds,
            most_held_bytes=self._terms.most_held_bytes,
        )
        if request.cache is CacheUse.OFF or not self._is_on(Flag.ASK_CACHE):
            return self._carried_out(run)
        return self._through_cache(run)

    async def close(self) -> None:
        """Gives up bills that could not be written down so far. Comes after the last call and before the journal's."""
        await self._settling.close()

    async def _through_cache(self, run: Run) -> AsyncGenerator[AskEvent, None]:
        """The same for a request that an answer given before may serve."""
        self._open(run)
        request, catalogue = run.request, self._snapshot(self._clock.now_nanos())
        key = key_of(request, run.call.tenant, run.router.policy, catalogue.revision)
        outcome, kept = CacheOutcome.HIT, None
        if request.cache is CacheUse.READ_AND_WRITE and request.routing.min_revision <= catalogue.revision:
            run.cache = CacheOutcome.MISS
            kept = self._cache.read(key)
        if kept is None:
            try:
                async with aclosing(self._carried_out(run)) as events:
                    async for event in events:
                        if isinstance(event, Final):
                            self._keep(key, run)
                        yield event
            except (ProvidersUnavailableError, ModelsUnavailableError, AnswerCutError):
                outcome, kept = CacheOutcome.STALE, None if run.has_shown else self._cache.read(key)
                if kept is None:
                    raise
            else:
                return
        run.audience.has_answer = True
        if run.settlement is not None:
            await self._settled(run.settlement)
        for delta in kept.deltas:
            yield delta
        final = run.served(kept, outcome, self._clock.monotonic())
        self._listeners.answered(final)
        yield final

    async def _carried_out(self, run: Run) -> AsyncGenerator[AskEvent, None]:  # noqa: C901 - one story, told in one place
        self._open(run)
        routed = await self._decide(run)
        try:
            self._settling.expect(run.decision.lesson)
            await self._attempting.reserve(run)
            yield self._told(run, routed)
            while (under_way := await self._attempting.next(run)) is not None:
                if (switch := self._attempting.switched(run, under_way)) is not None:
                    yield switch
                try:
                    while not isinstance(event := await under_way.next(), Finished):
                        for delta in run.took_in(event, under_way):
                            yield delta
                        is_paid = under_way.answer_bytes < under_way.paid_bytes
                        if not is_paid and not await self._paying.go_on(run, under_way):
                            break
                except (ProviderFault, DeadlineExceededError) as failure:
                    self._attempting.failed(run, under_way, failure)
                else:
                    self._attempting.completed(run, under_way)
                finally:
                    await under_way.close()
                if run.answer is None and (run.spent or run.has_shown):
                    yield run.spending()
            for delta in run.unshown():
                yield delta
            try:
                await self._settled(self._settle(run))
            except AtpError:
                yield run.spending()
                raise
            yield self._delivered(run)
        finally:
            self._attempting.leave(run)
            self._settle(run)

    def _delivered(self, run: Run) -> Final:
        """The end of a good call, once its bill is durable."""
        self._retries.succeeded(run.call.tenant)
        final = run.delivered(self._clock.monotonic())
        self._listeners.answered(final)
        return final

    def _open(self, run: Run) -> None:
        """Finds the policy that decides, once: a share of the traffic may be drawn for it."""
        if run.is_open:
            return
        if not self._is_on(Flag.ASK):
            raise FeatureOffError(Flag.ASK)
        run.router = self._pick(run.request.routing, run.call.tenant)
        if self._is_on(Flag.ASK_CASCADE):
            run.cascade = run.router.policy.terms.cascade
        run.is_open = True

    async def _decide(self, run: Run) -> Routed:
        routing, tenant = run.request.routing, run.call.tenant
        self._settling.check()
        await self._prepare(tenant, (routing,))
        routed = run.router.route(routing, run.call, needs_endpoint=True)
        # From here on nothing may wait until somebody sees to it that the decision is settled.
        decision = self._drawn(routed)
        run.decided(decision, self._clock.monotonic())
        run.course = Course(
            decision,
            cascade=run.cascade,
            models=self._snapshot(decision.lesson.decided_nanos).models,
            offerings_of=partial(self._offerings, run.router, routing.constraints),
            fleet=self._fleet,
            most_attempts=self._terms.retry.attempts,
        )
        return routed

    def _offerings(self, router: Router, constraints: Constraints, model: str) -> tuple[Offering, ...]:
        """What can be bought of a model now, through the filters of the request and its policy.

        It takes no run: a run that its course knew would stay until the collector comes by.
        """
        return router.offerings(constraints, model, self._clock.now_nanos())

    def _settle(self, run: Run) -> asyncio.Future[Recorded]:
        settlement = run.settlement
        if settlement is None:
            settlement = self._settling.settle(run.decision.lesson, run.attempts, run.reservation)
            run.settlement = settlement
        return settlement

    @staticmethod
    async def _settled(settlement: asyncio.Future[Recorded]) -> None:
        """Waits until the bill is durable. That the caller reported attempts himself changes nothing of the answer."""
        with suppress(OutcomeConflictError):
            await asyncio.shield(settlement)

    def _keep(self, key: bytes, run: Run) -> None:
        answer = run.answer
        # What was held back and came in the end for want of a better one is good enough for this call only.
        if answer is not None and answer is not run.held_back and answer.finish_reason in GOOD_ENDS:
            self._cache.write(key, answer.kept())

    def _told(self, run: Run, routed: Routed) -> Decided:
        reserved = 0 if run.reservation is None else run.reservation.total
        return Decided(self._encode(routed), routed.decision_id, run.decision.target, reserved)
