"""The servicers of the contract, each with what it uses, and the rows they make.

The door enters here once per process. Nothing here knows a listener, and no servicer knows another.
"""

from __future__ import annotations

from collections.abc import Callable

from atp_grpc import __version__
from atp_grpc.app.evaluating import evaluation_servicer
from atp_grpc.app.observing import pick_reports
from atp_grpc.app.rooms import Rooms
from atp_grpc.app.stopping import StopRequest
from atp_grpc.app.writing import pick_ask_reader, pick_ask_writer, pick_reader, pick_writer
from atp_grpc.domain.tenant import Permission
from atp_grpc.learning.history import History
from atp_grpc.learning.importing import PriorDesk
from atp_grpc.services.ask import AskServicer
from atp_grpc.services.catalog import CatalogServicer
from atp_grpc.services.chaos import ChaosServicer
from atp_grpc.services.decision import DecisionServicer
from atp_grpc.services.events import EventServicer
from atp_grpc.services.flags import FlagServicer
from atp_grpc.services.health import DeploymentHealthServicer
from atp_grpc.services.idempotency import Idempotency
from atp_grpc.services.long_running import LongRunning
from atp_grpc.services.observe import ObserveServicer
from atp_grpc.services.observe_stream import ObserveStreamServicer
from atp_grpc.services.operations import Instance, OperationsServicer
from atp_grpc.services.pages import Pages
from atp_grpc.services.policy import PolicyServicer
from atp_grpc.services.prior import PriorServicer
from atp_grpc.services.process import Figures, ProcessServicer
from atp_grpc.services.route import RouteServicer
from atp_grpc.services.route_stream import RouteStreamServicer
from atp_grpc.services.tenant import TenantServicer
from atp_grpc.services.trial import TrialServicer
from atp_grpc.services.validation import Validation
from atp_grpc.shared.local import LocalClaims
from atp_grpc.tenancy.budgets.desk import BudgetDesk
from atp_grpc.transport.method import Method
from atp_grpc.transport.table import methods_of

ADMIN_TTL_SECONDS = 86_400.0
"""Time the answer to a change of an operator's can be had again."""


def contract_rows(
    rooms: Rooms, validation: Validation, stop: StopRequest, figures: Callable[[], Figures], operations: LongRunning
) -> list[Method]:
    """Every method of the contract; `figures` tells those of the process, `operations` keeps what takes long."""
    settings, instruments = rooms.settings, rooms.instruments
    claims = LocalClaims(
        rooms.clock,
        ids_per_tenant=settings.idempotency.ids_per_tenant,
        bytes_per_tenant=settings.idempotency.bytes_per_tenant,
    )
    instance = Instance(
        instance_id=rooms.instance_id,
        version=__version__,
        started_nanos=rooms.started_nanos,
        profile=settings.profile,
        store=rooms.store.kind,
        replica=rooms.store.replica,
    )

    def leave() -> float:
        stop.make("the Drain call")
        return settings.server.shutdown_seconds

    native_failed = instruments.native_part_failed
    routes = RouteServicer(
        policies=rooms.policies,
        prepare=rooms.money.prepare,
        reader=pick_reader(is_native=rooms.is_native, validation=validation, on_fault=native_failed),
        writer=pick_writer(is_native=rooms.is_native, on_fault=native_failed),
        idempotency=Idempotency(claims, ttl_seconds=settings.idempotency.ttl_seconds),
        on_routed=instruments.routed,
    )
    report_reader, report_writer = pick_reports(
        is_native=rooms.is_native, validation=validation, on_fault=native_failed
    )
    observations = ObserveServicer(
        observer=rooms.observer, reader=report_reader, writer=report_writer, on_recorded=instruments.recorded
    )
    server = OperationsServicer(
        instance=instance,
        catalogue=rooms.catalogue,
        engine=rooms.engine,
        quarantined=rooms.quarantined,
        last_sequence=lambda: rooms.learner.learned_through,
        clock=rooms.clock,
    )
    process = ProcessServicer(instance=instance, figures=figures, drain=leave, clock=rooms.clock)
    decisions = DecisionServicer(observer=rooms.observer, history=History(rooms.store), pages=Pages(rooms.secrets))
    evaluations = evaluation_servicer(rooms, operations)
    catalog = CatalogServicer(snapshot=lambda: rooms.catalogue.snapshot, pages=Pages(rooms.secrets))
    policies = PolicyServicer(
        book=rooms.rollouts.book,
        pages=Pages(rooms.secrets),
        idempotency=Idempotency(rooms.ask.claims, ttl_seconds=ADMIN_TTL_SECONDS),
    )
    trials = TrialServicer(
        trials=rooms.rollouts.trials,
        pages=Pages(rooms.secrets),
        idempotency=Idempotency(rooms.ask.claims, ttl_seconds=ADMIN_TTL_SECONDS),
    )
    events = EventServicer(rooms.rollouts.events.after)
    tenants = TenantServicer(
        desk=BudgetDesk(budgets=rooms.money.budgets, ledger=rooms.store, clock=rooms.clock),
        pages=Pages(rooms.secrets),
        idempotency=Idempotency(rooms.ask.claims, ttl_seconds=ADMIN_TTL_SECONDS),
    )
    priors = PriorServicer(
        desk=PriorDesk(
            learner_of=lambda name: rooms.branches.named(name).learner if name in rooms.rollouts.book.entries else None,
            knows_model=lambda name: name in rooms.catalogue.snapshot.models,
        )
    )
    asks = AskServicer(
        answer=rooms.ask.asker.answer,
        runs=rooms.ask.runs,
        validation=validation,
        monotonic=rooms.clock.monotonic,
        reader=pick_ask_reader(is_native=rooms.is_native, validation=validation, on_fault=native_failed),
        writer=pick_ask_writer(is_native=rooms.is_native, on_fault=native_failed),
    )
    health = DeploymentHealthServicer(
        instance_id=rooms.instance_id,
        fleet=rooms.upstream.fleet,
        clock=rooms.clock,
        on_forced=instruments.breaker_forced,
    )
    flags = FlagServicer(instance_id=rooms.instance_id, flags=rooms.flags)
    chaos = ChaosServicer(instance_id=rooms.instance_id, chaos=rooms.chaos)
    return [
        *methods_of(asks.contract, asks),
        *methods_of(routes.contract, routes, RouteStreamServicer(routes, validation=validation)),
        *methods_of(
            observations.contract,
            observations,
            ObserveStreamServicer(observations, validation=validation, room=rooms.journal.wait_for_room),
        ),
        *methods_of(decisions.contract, decisions, evaluations),
        *methods_of(operations.contract, operations, permission=Permission.READ_DECISIONS),
        *methods_of(catalog.contract, catalog),
        *methods_of(policies.contract, policies, trials, evaluations),
        *methods_of(events.contract, events),
        *methods_of(priors.contract, priors),
        *methods_of(tenants.contract, tenants),
        *methods_of(server.contract, server, process, health, flags, chaos),
    ]
