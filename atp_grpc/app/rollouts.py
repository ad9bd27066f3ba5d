"""The policies of a process and the trials among them, built once.

The rooms enter here when every policy has its branch. It holds no logic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from atp_grpc.app.branches import Branches
from atp_grpc.app.instruments import Instruments
from atp_grpc.catalog.live import LiveCatalogue
from atp_grpc.domain.clock import Clock
from atp_grpc.domain.policy import RoutingPolicy
from atp_grpc.learning.events import EventLog
from atp_grpc.learning.trial.trials import Trials
from atp_grpc.routing.policy_book import PolicyBook
from atp_grpc.routing.policy_memory import Remembered
from atp_grpc.store.contract import Store


@dataclass(frozen=True, slots=True)
class Rollouts:
    """Which policies there are, which of them is on trial, and what has become of the others."""

    book: PolicyBook
    trials: Trials
    events: EventLog


async def open_rollouts(
    files: Sequence[RoutingPolicy],
    remembered: Remembered,
    *,
    store: Store,
    catalogue: LiveCatalogue,
    branches: Branches,
    clock: Clock,
    instruments: Instruments,
) -> Rollouts:
    """The policies and trials as the process before left them.

    Raises:
        StoreFailure: what is kept of them cannot be read.
    """
    book = PolicyBook(
        files=files,
        remembered=remembered,
        store=store,
        snapshot=lambda: catalogue.snapshot,
        enforcement=branches,
    )
    events = await EventLog.open(store, clock)

    def on_fault(fault: Exception) -> None:
        instruments.incidents.report(fault, method="trials")

    trials = Trials(
        store=store,
        book=book,
        events=events,
        clock=clock,
        on_fault=on_fault,
    )
    await trials.restore()
    return Rollouts(book, trials, events)
