"""Ask's room: the story, its cache, and the ids that are executed once.

The rooms enter here when the journal runs, and leave before it closes. Everything is taken down in reverse.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random
from typing import NamedTuple

from atp_grpc.app.instruments import Instruments
from atp_grpc.app.money import Money
from atp_grpc.app.tokenizers import pick_tokenizers
from atp_grpc.app.upstream import Upstream
from atp_grpc.app.writing import pick_ask_writer, pick_drawn, pick_writer
from atp_grpc.asking.asker import Asker
from atp_grpc.asking.attempting import Attempting
from atp_grpc.asking.cache import AnswerCache, Eviction
from atp_grpc.asking.calling import Calling
from atp_grpc.asking.contract import AskTerms
from atp_grpc.asking.metering import Meter
from atp_grpc.asking.paying import Paying
from atp_grpc.asking.recovery import Recovery
from atp_grpc.asking.settling import Settling
from atp_grpc.catalog.live import LiveCatalogue
from atp_grpc.config import Settings
from atp_grpc.domain.clock import Clock
from atp_grpc.domain.flags import Flag
from atp_grpc.learning.journal import Journal
from atp_grpc.providers.retrying import RetryBudgets, RetryRules
from atp_grpc.routing.rollout import Policies
from atp_grpc.services.ask_joining import AskRuns
from atp_grpc.shared.durable import DurableClaims
from atp_grpc.store.contract import LedgerStore


class AskRoom(NamedTuple):
    """What Ask is served from."""

    asker: Asker
    cache: AnswerCache
    runs: AskRuns
    claims: DurableClaims
    """Ids that are executed once, also when the process ends meanwhile."""


@asynccontextmanager
async def open_ask_room(
    settings: Settings,
    upstream: Upstream,
    *,
    policies: Policies,
    catalogue: LiveCatalogue,
    journal: Journal,
    asked: set[str],
    store: LedgerStore,
    money: Money,
    is_native: bool,
    is_on: Callable[[Flag], bool],
    clock: Clock,
    chance: Random,
    instruments: Instruments,
) -> AsyncIterator[AskRoom]:
    """The story of Ask. On the way out bills that could not be written down are given up; the journal closes after it.

    `is_native` says whether Rust works beside the native engine, and `is_on` tells what operators have switched off;
    `asked` is where it says which decisions it is carrying out.
    """
    ask, listeners = settings.ask, instruments.ask.listeners
    terms = AskTerms(retry=RetryRules(ask.max_attempts, ask.backoff_base_seconds, ask.backoff_cap_seconds))
    retries = RetryBudgets()
    cache = AnswerCache(
        most_bytes=ask.cache_bytes,
        seconds=ask.cache_ttl_seconds,
        eviction=Eviction(ask.cache_eviction),
        monotonic=clock.monotonic,
    )
    paying = Paying(budgets=money.budgets, sigmas=ask.reservation_sigmas)
    asker = Asker(
        pick=policies.pick,
        snapshot=catalogue.at,
        drawn=pick_drawn(is_native=is_native),
        encode=pick_writer(is_native=is_native, on_fault=instruments.native_part_failed).response,
        prepare=money.prepare,
        is_on=is_on,
        attempting=Attempting(
            recovery=Recovery(retries=retries, chance=chance, terms=terms, monotonic=clock.monotonic),
            calling=Calling(
                providers=upstream.providers,
                keys=upstream.keys,
                meter=Meter(),
                tokenizers=pick_tokenizers(is_native=is_native, on_fault=instruments.native_part_failed),
                monotonic=clock.monotonic,
                on_fault=listeners.faulted,
            ),
            paying=paying,
            snapshot=catalogue.at,
            clock=clock,
            listeners=listeners,
        ),
        settling=Settling(
            journal=journal, budgets=money.budgets, clock=clock, asked=asked, on_unsettled=listeners.unsettled
        ),
        fleet=upstream.fleet,
        retries=retries,
        paying=paying,
        cache=cache,
        clock=clock,
        terms=terms,
        listeners=listeners,
    )
    instruments.ask.watch(upstream.fleet, cache)
    claims = DurableClaims(
        clock,
        store.claims,
        ids_per_tenant=settings.idempotency.ids_per_tenant,
        bytes_per_tenant=settings.idempotency.bytes_per_tenant,
        chance=chance,
        on_fault=instruments.claim_failed,
    )
    runs = AskRuns(
        claims=claims,
        ttl_seconds=ask.request_ttl_seconds,
        on_joined=instruments.ask.joined,
        buffer_bytes=ask.replay_buffer_bytes,
        write=pick_ask_writer(is_native=is_native, on_fault=instruments.native_part_failed).response,
    )
    try:
        yield AskRoom(asker, cache, runs, claims)
    finally:
        await runs.close()
        await asker.close()
