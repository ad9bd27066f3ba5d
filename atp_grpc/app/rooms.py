"""The rooms of a process: every object is named once, built once, and taken down in reverse.

`open_app` enters here, and library use, which needs no socket. It holds no logic: what is wired reads top to bottom.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from atp_grpc.app.background import Background, every
from atp_grpc.app.branches import Branches, Helm
from atp_grpc.app.engines import PickedEngine, is_native
from atp_grpc.app.identity import Draws, fresh_name
from atp_grpc.app.instruments import Instruments, open_instruments
from atp_grpc.app.money import Money
from atp_grpc.app.observing import pick_encode, pick_open_token
from atp_grpc.app.policy import settle_policies
from atp_grpc.app.writing import pick_scribe
from atp_grpc.catalog.live import LiveCatalogue
from atp_grpc.config import Settings
from atp_grpc.domain.clock import NANOS_PER_SECOND, Clock, SystemClock
from atp_grpc.domain.outcome import Observation
from atp_grpc.domain.policy import RoutingPolicy
from atp_grpc.engine.contract import Engine
from atp_grpc.learning.flusher import Flusher
from atp_grpc.learning.journal import Journal
from atp_grpc.learning.learner import Learner
from atp_grpc.learning.observer import Observer
from atp_grpc.routing.ledger import Ledger
from atp_grpc.routing.policy_book import PolicyBook, read_remembered
from atp_grpc.routing.pool import Pool
from atp_grpc.routing.rollout import Policies
from atp_grpc.routing.router import Router
from atp_grpc.routing.sessions import Sessions
from atp_grpc.routing.steering import Steering
from atp_grpc.secrets.files import Secrets, open_secrets
from atp_grpc.store.contract import LedgerStore, StoreFailure
from atp_grpc.store.decision_codec import decode_decision
from atp_grpc.store.memory import MemoryStore
from atp_grpc.store.sqlite import open_sqlite_store

PRUNE_INTERVAL_SECONDS = 3600.0
EXPIRY_INTERVAL_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Rooms:
    """What the stories are built from; tests and library users reach in here."""

    settings: Settings
    clock: Clock
    instance_id: str
    started_nanos: int
    instruments: Instruments
    secrets: Secrets
    store: LedgerStore
    catalogue: LiveCatalogue
    money: Money
    branches: Branches
    """An engine, a learner and a router for each routing policy."""
    policies: Policies
    book: PolicyBook
    policy: RoutingPolicy
    """The default policy. It comes from the configuration and stays; engine, learner and router below are its own."""
    engine: Engine
    is_native: bool
    """Whether the native parts were picked; they stay when the engine itself is quarantined."""
    quarantined: Callable[[], bool]
    """Whether the native engine of any policy was set aside."""
    learner: Learner
    router: Router
    observer: Observer
    journal: Journal
    flusher: Flusher
    background: Background
    notices: tuple[str, ...]


@asynccontextmanager
async def open_rooms(
    settings: Settings,
    *,
    clock: Clock | None = None,
    log_stream: TextIO | None = None,
    instruments: Instruments | None = None,
    draws: Draws | None = None,
) -> AsyncIterator[Rooms]:
    """Everything but the door: the stories of Route and Observe without a socket.

    Log lines go to `log_stream`, standard error by default, unless there are `instruments` already. With `draws` of a
    known source the same requests get the same answers.

    Raises:
        CatalogueFault, PolicyFault, EngineMissingError, EngineSelfTestError, DamagedTextTableError, StoreFailure,
            SecretsError, CorruptCheckpointError: the process cannot start; nothing is left open.
    """
    async with AsyncExitStack() as stack:
        clock = clock or SystemClock()
        instruments = instruments or stack.enter_context(
            open_instruments(settings.telemetry, stream=log_stream or sys.stderr, clock=clock)
        )
        data_dir = Path(settings.data_dir)
        secrets = open_secrets(data_dir)
        store = await _open_store(settings, clock, instruments)
        stack.push_async_callback(store.close)
        catalogue = await LiveCatalogue.open(
            Path(settings.catalog.path) if settings.catalog.path else None,
            clock,
            store,
            on_change=instruments.catalogue_changed,
            on_failure=instruments.catalogue_failed,
        )
        ledger, draws, decided_by = (
            Ledger(settings.learning.ledger_size, decode_decision),
            draws or Draws(),
            dict[str, int](),
        )
        flusher = Flusher(store=store, limit=settings.learning.decision_queue, on_dropped=instruments.decisions_dropped)

        def make_router(steering: Steering, picked: PickedEngine, pool: Pool, learner: Learner) -> Router:
            return Router(
                pool=pool,
                policy=steering.policy,
                steering=steering,
                ledger=ledger,
                scribe=pick_scribe(
                    is_native=picked.is_native,
                    policy=steering.policy,
                    sealer=secrets,
                    token_ttl_seconds=settings.learning.token_ttl_seconds,
                    on_fault=instruments.native_part_failed,
                ),
                clock=clock,
                next_seed=draws.seed,
                next_id=draws.decision_id,
                learner_revision=lambda: learner.revision,
                record=flusher.offer,
                decided_by=decided_by,
            )

        most = settings.learning.ledger_size
        money = Money(store=store, clock=clock, tenants=most, on_fault=instruments.lease_failed)
        remembered = await read_remembered(store)
        files = await settle_policies(settings, catalogue.snapshot, store, remembered)
        branches = Branches(
            settings=settings.engine,
            store=store,
            clock=clock,
            catalogue=catalogue,
            instruments=instruments,
            helm=Helm(money.pacers, Sessions(most), money.budgets, most),
            make_router=make_router,
            next_seed=draws.seed,
        )
        for policy in (*files, *(entry.policy for entry in remembered.entries.values())):
            replayed = await branches.open(policy, discard_damaged=settings.learning.discard_damaged_checkpoint)
            instruments.learner_restored(branches.named(policy.name).learner.revision, replayed)
        await money.restore()
        default = branches.default
        book = PolicyBook(
            files=files,
            remembered=remembered,
            store=store,
            snapshot=lambda: catalogue.snapshot,
            enforcement=branches,
        )

        def take_in(observation: Observation) -> int:
            money.settle(observation)
            return branches.learn(observation)

        journal = Journal(
            store=store,
            learn=take_in,
            limit=settings.learning.observation_queue,
            on_commit=instruments.committed,
            on_learned=instruments.learned,
            monotonic=clock.monotonic,
            on_fault=instruments.journal_fault,
        )
        observer = Observer(
            open_token=pick_open_token(is_native=False, sealer=secrets, on_fault=instruments.native_part_failed),
            find_open=ledger.find,
            knows_model=lambda name: name in catalogue.snapshot.models,
            journal=journal,
            store=store,
            clock=clock,
        )
        rooms = Rooms(
            settings=settings,
            clock=clock,
            instance_id=instruments.instance_id,
            started_nanos=clock.now_nanos(),
            instruments=instruments,
            secrets=secrets,
            store=store,
            catalogue=catalogue,
            money=money,
            branches=branches,
            policies=branches.policies,
            book=book,
            policy=default.policy,
            engine=default.picked.engine,
            is_native=default.picked.is_native,
            quarantined=branches.quarantined,
            learner=default.learner,
            router=default.router,
            observer=observer,
            journal=journal,
            flusher=flusher,
            background=Background(instruments.background_died),
            notices=(default.picked.notice,) if default.picked.notice else (),
        )
        instruments.watch(
            engine=default.picked.engine,
            quarantined=branches.quarantined,
            router=default.router,
            learner=default.learner,
            catalogue=catalogue,
            journal=journal,
            flusher=flusher,
            clock=clock,
        )
        await stack.enter_async_context(_running(rooms))
        yield rooms


@asynccontextmanager
async def _running(rooms: Rooms) -> AsyncIterator[None]:
    """The tasks beside the calls. On the way out every acknowledged report is learned and the learned state written."""
    learning = rooms.settings.learning
    rooms.background.start("journal", rooms.journal.run())
    rooms.background.start("flusher", rooms.flusher.run())
    rooms.background.start("checkpoint", every(learning.checkpoint_interval_seconds, lambda: _checkpoint(rooms)))
    rooms.background.start("holds", every(EXPIRY_INTERVAL_SECONDS, rooms.money.expire))
    rooms.background.start("prune", every(PRUNE_INTERVAL_SECONDS, lambda: _prune(rooms)))
    rooms.background.start("catalogue", rooms.catalogue.watch(rooms.settings.catalog.watch_interval_seconds))
    try:
        yield
    finally:
        # The order matters: reports first, since they are promises; records of decisions next; the cache of both last.
        rooms.journal.close()
        await rooms.background.finish("journal")
        rooms.flusher.close()
        await rooms.background.finish("flusher")
        await rooms.background.cancel_all()
        await _checkpoint(rooms)
        await _close_money(rooms)


async def _open_store(settings: Settings, clock: Clock, instruments: Instruments) -> LedgerStore:
    if settings.store.kind == "memory":
        return MemoryStore(fresh_name())
    is_rust_here = is_native(settings.engine.kind, settings.engine.native_share)
    encode = pick_encode(is_native=is_rust_here, on_fault=instruments.native_part_failed)
    return await open_sqlite_store(Path(settings.data_dir) / "atp.db", replica=fresh_name(), clock=clock, encode=encode)


async def _checkpoint(rooms: Rooms) -> None:
    try:
        await rooms.branches.checkpoint()
        await rooms.money.checkpoint()
        rooms.instruments.upkeep_done("checkpoint")
    except StoreFailure as failure:
        # The observations are durable: a checkpoint that cannot be written costs a longer replay, nothing else.
        rooms.instruments.upkeep_failed("checkpoint", failure)


async def _close_money(rooms: Rooms) -> None:
    try:
        await rooms.money.close()
    except StoreFailure as failure:
        # A restart counts what was leased as held, and later as spent: on the safe side of every limit.
        rooms.instruments.upkeep_failed("checkpoint", failure)


async def _prune(rooms: Rooms) -> None:
    now, learning = rooms.clock.now_nanos(), rooms.settings.learning
    try:
        await rooms.store.prune(
            fields_before_nanos=now - round(learning.outcome_retention_seconds * NANOS_PER_SECOND),
            decisions_before_nanos=now - round(learning.decision_retention_seconds * NANOS_PER_SECOND),
            learned_through=min(await rooms.branches.checkpoint(), await rooms.money.checkpoint()),
        )
        rooms.instruments.upkeep_done("prune")
    except StoreFailure as failure:
        rooms.instruments.upkeep_failed("prune", failure)
