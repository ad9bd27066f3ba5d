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

from atp_grpc.app.ask_room import AskRoom, open_ask_room
from atp_grpc.app.background import Background
from atp_grpc.app.branches import Branches, Helm
from atp_grpc.app.engines import PickedEngine
from atp_grpc.app.flags import Flags
from atp_grpc.app.identity import Draws, fresh_chance
from atp_grpc.app.instruments import Instruments, open_instruments
from atp_grpc.app.money import Money
from atp_grpc.app.observing import pick_open_token
from atp_grpc.app.policy import settle_policies
from atp_grpc.app.rollouts import Rollouts, open_rollouts
from atp_grpc.app.stores import open_store
from atp_grpc.app.upkeep import Upkeep
from atp_grpc.app.upstream import Upstream, egress_rule, open_upstream
from atp_grpc.app.writing import pick_scribe
from atp_grpc.catalog.live import LiveCatalogue
from atp_grpc.catalog.snapshot import Snapshot
from atp_grpc.chaos import Chaos
from atp_grpc.config import Settings, process_environment
from atp_grpc.domain.clock import Clock, SystemClock
from atp_grpc.domain.flags import Flag
from atp_grpc.domain.outcome import Observation
from atp_grpc.domain.policy import RoutingPolicy
from atp_grpc.engine.contract import Engine
from atp_grpc.learning.flusher import Flusher
from atp_grpc.learning.journal import Journal
from atp_grpc.learning.learner import Learner
from atp_grpc.learning.observer import Observer
from atp_grpc.routing.ledger import Ledger
from atp_grpc.routing.policy_memory import read_remembered
from atp_grpc.routing.pool import Pool
from atp_grpc.routing.rollout import Policies
from atp_grpc.routing.router import Router
from atp_grpc.routing.sessions import Sessions
from atp_grpc.routing.steering import Steering
from atp_grpc.secrets.files import Secrets, open_secrets
from atp_grpc.store.contract import LedgerStore
from atp_grpc.store.decision_codec import decode_decision


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
    rollouts: Rollouts
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
    upstream: Upstream
    ask: AskRoom
    flags: Flags
    chaos: Chaos
    background: Background
    upkeep: Upkeep
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
        draws = draws or Draws()
        chaos = Chaos(is_allowed=settings.chaos.allowed, draw_seed=Draws().seed, on_injected=instruments.fault_injected)
        instruments.watch_chaos(chaos)
        store = await open_store(settings, clock, instruments, chaos)
        stack.push_async_callback(store.close)
        upstream = await stack.enter_async_context(
            open_upstream(
                settings,
                environ=process_environment(),
                clock=clock,
                chance=fresh_chance(),
                chaos=chaos,
                on_breaker=instruments.ask.breaker_changed,
            )
        )

        def on_catalogue(snapshot: Snapshot) -> None:
            instruments.catalogue_changed(snapshot)
            instruments.ask.keys_are_missing(upstream.follow(snapshot))

        catalogue = await LiveCatalogue.open(
            Path(settings.catalog.path) if settings.catalog.path else None,
            clock,
            store,
            judge=egress_rule(settings.ask).refusal,
            on_change=on_catalogue,
            on_failure=instruments.catalogue_failed,
        )
        without_key = upstream.follow(catalogue.snapshot)
        ledger, decided_by = Ledger(settings.learning.ledger_size, decode_decision), dict[str, int]()
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
                closed_models=upstream.closed_models,
            )

        most = settings.learning.ledger_size
        money = Money(
            store=store, clock=clock, snapshot_at=catalogue.at, tenants=most, on_fault=instruments.lease_failed
        )
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
        rollouts = await open_rollouts(
            files, remembered, store=store, catalogue=catalogue, branches=branches, clock=clock, instruments=instruments
        )

        def take_in(observation: Observation) -> int:
            money.settle(observation)
            rollouts.trials.take_in(observation)
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
        asked = set[str]()
        observer = Observer(
            open_token=pick_open_token(is_native=False, sealer=secrets, on_fault=instruments.native_part_failed),
            find_open=ledger.find,
            knows_model=lambda name: name in catalogue.snapshot.models,
            asked=asked,
            journal=journal,
            store=store,
            clock=clock,
        )
        flags = Flags(
            instruments.flag_switched, upstream.flag_switched, off=() if settings.ask.enabled else (Flag.ASK,)
        )
        upkeep = Upkeep(
            settings=settings,
            clock=clock,
            instruments=instruments,
            store=store,
            catalogue=catalogue,
            upstream=upstream,
            money=money,
            branches=branches,
            trials=rollouts.trials,
            journal=journal,
            flusher=flusher,
            background=Background(instruments.background_died),
            flags=flags,
            chaos=chaos,
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
        await stack.enter_async_context(upkeep.running())
        ask = await stack.enter_async_context(
            open_ask_room(
                settings,
                upstream,
                store=store,
                policies=branches.policies,
                catalogue=catalogue,
                journal=journal,
                asked=asked,
                money=money,
                is_native=default.picked.is_native,
                is_on=flags.is_on,
                clock=clock,
                chance=fresh_chance(),
                instruments=instruments,
            )
        )
        # First of all on the way out: a store that is made to fail would keep the end from coming.
        stack.callback(chaos.stop)
        yield Rooms(
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
            rollouts=rollouts,
            policy=default.policy,
            engine=default.picked.engine,
            is_native=default.picked.is_native,
            quarantined=branches.quarantined,
            learner=default.learner,
            router=default.router,
            observer=observer,
            journal=journal,
            flusher=flusher,
            upstream=upstream,
            ask=ask,
            flags=flags,
            chaos=chaos,
            background=upkeep.background,
            upkeep=upkeep,
            notices=(*((default.picked.notice,) if default.picked.notice else ()), *without_key),
        )
