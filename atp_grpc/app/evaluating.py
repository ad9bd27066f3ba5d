"""What judges policies by the log, wired: operations, and whoever makes a policy ready to be rehearsed.

The door enters here once per process. A rehearsal gets an engine, prices and accounts of its own; the catalogue, the
priors and the settings of engines are those that serve.
"""

from __future__ import annotations

import asyncio

from atp_grpc.app.engines import pick_engine
from atp_grpc.app.identity import fresh_name
from atp_grpc.app.policy import engine_parameters
from atp_grpc.app.rehearsal import NoPurse, PolicyRehearsal
from atp_grpc.app.rooms import Rooms
from atp_grpc.domain.errors import StoreUnavailableError
from atp_grpc.domain.policy import RoutingPolicy
from atp_grpc.domain.request import NO_CONSTRAINTS, Weights
from atp_grpc.engine.contract import CheckpointMismatchError, Engine
from atp_grpc.engine.merging import merge
from atp_grpc.learning.evaluation.judging import Target
from atp_grpc.learning.history import History
from atp_grpc.learning.journal import RETRY_SECONDS
from atp_grpc.learning.prior import PriorHeader, fitted
from atp_grpc.learning.priors import Priors
from atp_grpc.learning.watching import Watch
from atp_grpc.routing.eligibility import Eligibility
from atp_grpc.routing.newcomers import Newcomers
from atp_grpc.routing.sessions import Sessions
from atp_grpc.routing.steering import Steering, targets_of
from atp_grpc.services.evaluation import EvaluationServicer
from atp_grpc.services.long_running import LongRunning
from atp_grpc.services.pages import Pages
from atp_grpc.store.contract import StoreFailure
from atp_grpc.tenancy.pacing import Pacers


def open_operations(rooms: Rooms) -> LongRunning:
    """The operations of a process."""
    return LongRunning(
        clock=rooms.clock,
        pages=Pages(rooms.secrets),
        next_name=fresh_name,
        on_fault=lambda fault: rooms.instruments.incidents.report(fault, method="operations"),
    )


def evaluation_servicer(rooms: Rooms, operations: LongRunning) -> EvaluationServicer:
    """What judges policies by this process' log."""
    return EvaluationServicer(
        operations=operations,
        history=History(rooms.store),
        book=rooms.rollouts.book,
        knows_model=lambda name: name in rooms.catalogue.snapshot.models,
        rehearse=lambda policy: rehearse(rooms, policy),
        clock=rooms.clock,
    )


async def rehearse(rooms: Rooms, policy: RoutingPolicy) -> Target:
    """A policy at the beginning of a log: with the priors that were imported under its name, and nothing else.

    Raises:
        StoreUnavailableError: the priors cannot be read.
        PriorFault: one of them is damaged.
        EngineMissingError, EngineSelfTestError, DamagedTextTableError: there can be no engine.
    """
    picked = await asyncio.to_thread(
        pick_engine,
        rooms.settings.engine.kind,
        engine_parameters(policy),
        native_share=rooms.settings.engine.native_share,
        on_quarantine=rooms.instruments.engine_quarantined,
    )
    engine, snapshot = picked.engine, rooms.catalogue.snapshot
    engine.load(snapshot.arms, snapshot.offers, snapshot.generation)
    try:
        prior = await _take_in_priors(engine, Priors(rooms.store, policy.name))
    except StoreFailure:
        raise StoreUnavailableError(RETRY_SECONDS) from None
    tenants = rooms.settings.learning.ledger_size
    watch = Watch(engine, lambda _: None)
    watch.is_on = policy.terms.change_detection
    newcomers = Newcomers(policy.terms.exploration, tenants)
    grades = {arm.name: round(arm.observations) for arm in engine.summary(rooms.clock.now_nanos()).arms}
    newcomers.load(grades, grades)
    pacers, objective = Pacers(tenants), policy.terms.objective
    if objective.cost_ceiling_nano_usd is not None and prior is not None:
        price = prior.first_price(
            objective.cost_ceiling_nano_usd,
            cost_weight=objective.cost_weight,
            cost_scale_nano_usd=policy.cost_scale_nano_usd,
        )
        pacers.begin(policy.name, price)
    eligibility = Eligibility(snapshot, policy.terms.filters)
    rehearsal = PolicyRehearsal(
        engine=engine,
        watch=watch,
        steering=Steering(policy, targets_of(policy), pacers, newcomers, Sessions(1), NoPurse()),
        offering_of={
            offering.target: offering
            for model in snapshot.models
            for offering in eligibility.offerings(NO_CONSTRAINTS, model)
        },
        weights_of=lambda name, version: _weights(rooms, name, version),
    )
    return Target(rehearsal, rehearsal.accepts)


async def _take_in_priors(engine: Engine, priors: Priors) -> PriorHeader | None:
    """Gives an engine what it is to know before the log begins; returns what the latest prior says of itself."""
    latest, states = None, list[bytes]()
    for applied in await priors.applied():
        latest = applied.header
        try:
            states.append(fitted(await priors.read(applied.digest), applied.digest, engine.parameters))
        except CheckpointMismatchError:
            # As at a start: one of another schema or half-life waits until it fits.
            continue
    if states:
        engine.restore(states[0] if len(states) == 1 else merge(states))
    return latest


def _weights(rooms: Rooms, name: str, version: int) -> Weights | None:
    """The weights of a version of a policy, where it is remembered."""
    entry = rooms.rollouts.book.entries.get(name)
    for policy in () if entry is None else (entry.policy, entry.previous):
        if policy is not None and policy.version == version:
            return Weights(policy.terms.objective.cost_weight, policy.terms.objective.latency_weight)
    return None
