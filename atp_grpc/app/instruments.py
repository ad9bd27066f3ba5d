"""What happens inside, told to the operators: each event of the rooms becomes a metric, a log line or an incident.

The composition root hands these methods to the rooms as callbacks, so that no story knows a metrics library. Nothing
here decides anything, and nothing here may fail a call.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from structlog.typing import FilteringBoundLogger

from atp_grpc.catalog.live import LiveCatalogue, ReloadFailure
from atp_grpc.catalog.snapshot import Snapshot
from atp_grpc.config import TelemetrySettings
from atp_grpc.domain.clock import Clock
from atp_grpc.domain.outcome import Observation, Recorded
from atp_grpc.engine.contract import Engine
from atp_grpc.learning.flusher import Flusher
from atp_grpc.learning.journal import Journal
from atp_grpc.learning.learner import Learner
from atp_grpc.routing.router import Routed
from atp_grpc.telemetry.incidents import Incidents
from atp_grpc.telemetry.logs import Logs, open_logs
from atp_grpc.telemetry.metrics import Metrics


class Instruments:
    """The instruments of one process."""

    def __init__(self, logs: Logs, metrics: Metrics, incidents: Incidents) -> None:
        self.logs = logs
        self.metrics = metrics
        self.incidents = incidents
        self._on_death: Callable[[], None] = lambda: None
        self._is_dead = False
        self._name_engine: Callable[[], None] = lambda: None

    @property
    def logger(self) -> FilteringBoundLogger:
        """For what has no method here."""
        return self.logs.logger

    def routed(self, routed: Routed) -> None:
        """A decision was answered."""
        decision = routed.decision
        chosen = decision.candidates[decision.chosen]
        self.metrics.decided(
            model=chosen.target.model,
            policy=decision.lesson.revisions.policy,
            expected_cost_nano_usd=chosen.expected.cost_nano_usd,
        )

    def recorded(self, recorded: Recorded) -> None:
        """A report was acknowledged."""
        self.metrics.observed("unchanged" if recorded.observation is None else "recorded")

    def learned(self, outcomes: int) -> None:
        """Outcomes were taken into the learner's state."""
        self.metrics.learned(outcomes)

    def committed(self, _reports: int, seconds: float) -> None:
        """Reports became durable."""
        self.metrics.committed(seconds)

    def decisions_dropped(self, records: int) -> None:
        """Records of decisions were given up."""
        self.metrics.dropped_decision_records(records)

    def journal_fault(self, fault: Exception) -> None:
        """A commit failed, or a committed report could not be learned."""
        self.incidents.report(fault, method="journal")

    def upkeep_failed(self, task: str, fault: Exception) -> None:
        """A checkpoint or a pruning failed; it is tried again."""
        self.incidents.report(fault, method=task)

    def observation_refused(self, observation: Observation, kind: str) -> None:
        """A stored observation cannot be learned, for example because its features are of another schema."""
        self.logger.warning("observation not learned", sequence=observation.sequence, kind=kind)

    def learner_restored(self, revision: int, replayed: int) -> None:
        """The learned state is back."""
        self.logger.info("learner restored", outcomes=revision, replayed=replayed)

    def engine_quarantined(self, reason: str) -> None:
        """The native engine was set aside; another one answers from now on."""
        self.logger.error("native engine quarantined", reason=reason)
        self._name_engine()

    def catalogue_changed(self, snapshot: Snapshot) -> None:
        """Another content of the catalogue came into force."""
        self.logger.info("catalogue changed", revision=snapshot.revision, models=len(snapshot.models))

    def catalogue_failed(self, failure: ReloadFailure) -> None:
        """The catalogue file cannot be used; what is in force stays."""
        self.metrics.catalog_reload_failed()
        self.logger.error("catalogue refused", complaints=len(failure.complaints), first=failure.complaints[0])

    def background_died(self, task: str, fault: BaseException) -> None:
        """A task beside the calls ended by a fault: the process should be replaced."""
        self.incidents.report(fault, method=task)
        self._is_dead = True
        self._on_death()

    def on_death(self, react: Callable[[], None]) -> None:
        """Whom to tell when a task has died; told at once when one has died already."""
        self._on_death = react
        if self._is_dead:
            react()

    def watch(
        self,
        *,
        engine: Engine,
        quarantined: Callable[[], bool],
        learner: Learner,
        catalogue: LiveCatalogue,
        journal: Journal,
        flusher: Flusher,
        clock: Clock,
    ) -> None:
        """Reads the state of these at every scrape."""
        self._name_engine = lambda: self.metrics.engine_is(name=engine.name, version=engine.version)
        self._name_engine()
        self.metrics.watch(
            catalog_revision=lambda: catalogue.snapshot.revision,
            learner_generation=lambda: learner.revision,
            context_on=lambda: engine.summary(clock.now_nanos()).context_on,
            engine_quarantined=quarantined,
        )
        self.metrics.watch_queue("observations", lambda: journal.depth)
        self.metrics.watch_queue("decisions", lambda: flusher.depth)


@contextmanager
def open_instruments(settings: TelemetrySettings, *, stream: TextIO, clock: Clock) -> Iterator[Instruments]:
    """The instruments, with the log open on a stream until the block ends."""
    with open_logs(level=settings.log_level, stream=stream, clock=clock) as logs:
        metrics = Metrics()
        incidents = Incidents(logs.logger, random.Random(), on_incident=metrics.incident)  # noqa: S311 - names, not secrets
        yield Instruments(logs, metrics, incidents)
