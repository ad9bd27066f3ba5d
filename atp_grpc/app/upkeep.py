"""What runs beside the calls for as long as the rooms are open, and what is written down when they close.

The rooms enter here once everything that is looked after stands. It holds no logic of its own: it says how often, and
in which order the end comes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from atp_grpc.app.background import Background, every
from atp_grpc.app.branches import Branches
from atp_grpc.app.flags import Flags
from atp_grpc.app.instruments import Instruments
from atp_grpc.app.money import Money
from atp_grpc.app.upstream import Upstream, start_upkeep
from atp_grpc.catalog.live import LiveCatalogue
from atp_grpc.chaos import Chaos, beset
from atp_grpc.config import Settings
from atp_grpc.domain.clock import NANOS_PER_SECOND, Clock
from atp_grpc.learning.flusher import Flusher
from atp_grpc.learning.journal import Journal
from atp_grpc.learning.trial.trials import Trials
from atp_grpc.store.contract import LedgerStore, StoreFailure

PRUNE_INTERVAL_SECONDS = 3600.0
EXPIRY_INTERVAL_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Upkeep:
    """Everything that is looked after beside the calls."""

    settings: Settings
    clock: Clock
    instruments: Instruments
    store: LedgerStore
    catalogue: LiveCatalogue
    upstream: Upstream
    money: Money
    branches: Branches
    trials: Trials
    journal: Journal
    flusher: Flusher
    background: Background
    flags: Flags
    chaos: Chaos

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The tasks beside the calls. On the way out every acknowledged report is learned, and the state is kept."""
        learning, background, chaos = self.settings.learning, self.background, self.chaos
        background.start("journal", self.journal.run())
        background.start("flusher", self.flusher.run())
        background.start("trials", self.trials.run())
        checkpoint = beset(chaos, self.checkpoint)
        background.start("checkpoint", every(learning.checkpoint_interval_seconds, checkpoint))
        background.start("holds", every(EXPIRY_INTERVAL_SECONDS, beset(chaos, self.money.expire)))
        background.start("prune", every(PRUNE_INTERVAL_SECONDS, beset(chaos, self.prune)))
        start_upkeep(background, self.upstream, self.settings.ask, is_on=self.flags.is_on, chaos=chaos)
        watch = self.catalogue.watch(self.settings.catalog.watch_interval_seconds, sleep=chaos.sleep)
        background.start("catalogue", watch)
        try:
            yield
        finally:
            # The order matters: reports first, since they are promises; then decisions; what caches both comes last.
            self.journal.close()
            await background.finish("journal")
            self.flusher.close()
            await background.finish("flusher")
            await background.cancel_all()
            await self.checkpoint()
            await self._close_money()

    async def checkpoint(self) -> None:
        """Writes down what was learned, and what is left of budgets; a failure is told and costs nothing else."""
        try:
            await self.branches.checkpoint()
            await self.money.checkpoint()
            await self.trials.checkpoint()
            self.instruments.upkeep_done("checkpoint")
        except StoreFailure as failure:
            # The observations are durable: a checkpoint that cannot be written costs a longer replay, nothing else.
            self.instruments.upkeep_failed("checkpoint", failure)

    async def _close_money(self) -> None:
        try:
            await self.money.close()
        except StoreFailure as failure:
            # A restart counts what was leased as held, and later as spent: on the safe side of every limit.
            self.instruments.upkeep_failed("checkpoint", failure)

    async def prune(self) -> None:
        """Forgets what is older than the settings keep it."""
        now, learning = self.clock.now_nanos(), self.settings.learning
        try:
            learned = [await self.branches.checkpoint(), await self.money.checkpoint()]
            heard = await self.trials.checkpoint()
            await self.store.prune(
                fields_before_nanos=now - round(learning.outcome_retention_seconds * NANOS_PER_SECOND),
                decisions_before_nanos=now - round(learning.decision_retention_seconds * NANOS_PER_SECOND),
                learned_through=min(learned if heard is None else [*learned, heard]),
            )
            self.instruments.upkeep_done("prune")
        except StoreFailure as failure:
            self.instruments.upkeep_failed("prune", failure)
