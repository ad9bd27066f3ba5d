"""What happens inside, told to the operators: each event of the rooms becomes a metric, a log line or an incident.

The composition root hands these methods to the rooms as callbacks, so that no story knows a metrics library. Nothing
here decides anything, and nothing here may fail a call.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from structlog.typing import FilteringBoundLogger

from atp_grpc.app.ask_listening import AskListening
from atp_grpc.app.identity import fresh_name
from atp_grpc.app.signs import Signs
from atp_grpc.app.tracing import open_spans
from atp_grpc.catalog.live import LiveCatalogue, ReloadFailure
from atp_grpc.catalog.snapshot import Snapshot
from atp_grpc.chaos import Chaos, ChaosRule
from atp_grpc.config import TelemetrySettings
from atp_grpc.domain.clock import Clock, moment_text
from atp_grpc.domain.flags import Flag
from atp_grpc.domain.health import CheckResult, State
from atp_grpc.domain.outcome import Observation, Recorded
from atp_grpc.engine.contract import Engine
from atp_grpc.learning.change import Alarm
from atp_grpc.learning.flusher import Flusher
from atp_grpc.learning.journal import Journal
from atp_grpc.learning.learner import Learner
from atp_grpc.routing.router import Router
from atp_grpc.routing.scribe.contract import Routed
from atp_grpc.store.contract import StoreFailure
from atp_grpc.telemetry.incidents import Incidents
from atp_grpc.telemetry.logs import Logs, open_logs
from atp_grpc.telemetry.metrics import Metrics
from atp_grpc.telemetry.spans import Spans


class Instruments:
    """The instruments of one process."""

    def __init__(
        self, logs: Logs, metrics: Metrics, incidents: Incidents, signs: Signs, *, spans: Spans, instance_id: str
    ) -> None:
        self.logs = logs
        self.metrics = metrics
        self.spans = spans
        self.instance_id = instance_id
        """Names this process, in traces and to whoever asks."""
        self.incidents = incidents
        self.signs = signs
        self.ask = AskListening(metrics.asks, logger=lambda: logs.logger, report=self.ask_failed)
        """Hears of what becomes of Asks."""
        self._on_death: Callable[[], None] = lambda: None
        self._is_dead = False
        self._name_engine: Callable[[], None] = lambda: None

    @property
    def logger(self) -> FilteringBoundLogger:
        """For what has no method here."""
        return self.logs.logger

    def routed(self, routed: Routed) -> None:
        """A decision was answered."""
        self.metrics.decided(routed.model, routed.policy, routed.expected_cost_nano_usd)

    def recorded(self, recorded: Sequence[Recorded]) -> None:
        """Reports were acknowledged."""
        unchanged = sum([one.observation is None for one in recorded])
        self.metrics.observed("recorded", len(recorded) - unchanged)
        self.metrics.observed("unchanged", unchanged)

    def learned(self, outcomes: int) -> None:
        """Outcomes were taken into the learner's state."""
        self.metrics.learned(outcomes)

    def committed(self, _reports: int, seconds: float) -> None:
        """Reports became durable."""
        self.metrics.committed(seconds)
        self.signs.has_commit_failed = False

    def decisions_dropped(self, records: int) -> None:
        """Records of decisions were given up."""
        self.metrics.dropped_decision_records(records)
        self.signs.dropped()

    def journal_fault(self, fault: Exception) -> None:
        """A commit failed, or a committed report could not be learned."""
        self.incidents.report(fault, method="journal")
        if isinstance(fault, StoreFailure):
            self.signs.has_commit_failed = True

    def ask_failed(self, fault: Exception) -> None:
        """A provider raised what its contract does not know."""
        self.incidents.report(fault, method="ask")

    def claim_failed(self, fault: Exception) -> None:
        """A request id could not be claimed, or its answer not be kept."""
        self.incidents.report(fault, method="claims")

    def upkeep_failed(self, task: str, fault: Exception) -> None:
        """A checkpoint or a pruning failed; it is tried again."""
        self.incidents.report(fault, method=task)
        self.signs.failing[task] = None

    def upkeep_done(self, task: str) -> None:
        """A checkpoint or a pruning went well."""
        self.signs.failing.pop(task, None)

    def observation_refused(self, observation: Observation, kind: str) -> None:
        """A stored observation cannot be learned, for example because its features are of another schema."""
        self.logger.warning("observation not learned", sequence=observation.sequence, kind=kind)

    def quality_changed(self, policy: str, alarm: Alarm) -> None:
        """A model is not what it was; what was known of it counts less from now on."""
        self.logger.warning("quality changed", policy=policy, model=alarm.arm, direction=alarm.direction.value)
        self.metrics.quality_changed(alarm.direction.value)

    def lease_failed(self, fault: Exception) -> None:
        """Money could not be leased for a budget; calls go on with what is left."""
        self.incidents.report(fault, method="budgets")

    def learner_restored(self, revision: int, replayed: int) -> None:
        """The learned state is back."""
        self.logger.info("learner restored", outcomes=revision, replayed=replayed)

    def engine_quarantined(self, reason: str) -> None:
        """The native engine was set aside; another one answers from now on."""
        self.logger.error("native engine quarantined", reason=reason)
        self._name_engine()

    def native_part_failed(self, fault: BaseException) -> None:
        """A native part failed at one call, and its reference did the work."""
        self.incidents.report(fault, method="native")

    def catalogue_changed(self, snapshot: Snapshot) -> None:
        """Another content of the catalogue came into force."""
        self.logger.info("catalogue changed", revision=snapshot.revision, models=len(snapshot.models))

    def catalogue_failed(self, failure: ReloadFailure) -> None:
        """The catalogue file cannot be used; what is in force stays."""
        self.metrics.catalog_reload_failed()
        self.logger.error("catalogue refused", complaints=len(failure.complaints), first=failure.complaints[0])

    def fault_injected(self, rule: ChaosRule, is_first: bool) -> None:  # noqa: FBT001 - as the site tells it
        """A fault was injected on purpose; the first by each rule is told."""
        if is_first:
            self.logger.warning(
                "fault injected", target=rule.target.value, kind=rule.fault.value, deployment=rule.deployment
            )

    def watch_chaos(self, chaos: Chaos) -> None:
        """Reads at every scrape what was injected."""
        self.metrics.watch_chaos(lambda: {(target, fault): count for (target, fault), count in chaos.injected.items()})

    def flag_switched(self, flag: Flag, on: bool) -> None:  # noqa: FBT001 - as the flags tell it
        """An operator has switched a feature."""
        self.logger.warning("flag switched", flag=flag.value, on=on)

    def breaker_forced(self, deployment: str, mode: str) -> None:
        """An operator has taken a breaker over, or let it go."""
        self.logger.warning("breaker forced", deployment=deployment, mode=mode)

    def certificate_changed(self, subject: str, expires_nanos: int) -> None:
        """Another certificate is served."""
        self.metrics.certificate_loaded("served")
        self.logger.info("certificate changed", subject=subject, expires=moment_text(expires_nanos))

    def certificate_failed(self, failure: str) -> None:
        """The files of the certificate cannot be served; the one in force stays."""
        self.metrics.certificate_loaded("refused")
        self.logger.error("certificate refused", failure=failure)

    def background_died(self, task: str, fault: BaseException) -> None:
        """A task beside the calls ended by a fault: the process should be replaced."""
        self.incidents.report(fault, method=task)
        self.signs.dead[task] = None
        self._is_dead = True
        self._on_death()

    def check_failed(self, check: str, fault: BaseException) -> str:
        """A health check raised; gives the id of the incident."""
        return self.incidents.report(fault, method=f"health {check}")

    def health_changed(self, result: CheckResult, believed: State) -> None:
        """Something that the process depends on became better or worse."""
        tell = self.logger.info if believed is State.HEALTHY else self.logger.warning
        tell("health changed", check=result.name, state=believed.word, sentence=result.sentence)

    def loop_stalled(self, places: list[str]) -> None:
        """The event loop stands still. Called beside the loop."""
        self.metrics.loop_stalled()
        self.logger.warning("event loop stalled", stack=places)

    def loop_turned_again(self, seconds: float, cpu_seconds: float, collector_seconds: float) -> None:
        """A stall of the event loop is over."""
        self.logger.warning(
            "event loop turns again",
            seconds=round(seconds, 3),
            cpu_seconds=round(cpu_seconds, 3),
            collector_seconds=round(collector_seconds, 3),
        )

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
        router: Router,
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
            engine_choices=lambda: {(name,): count for name, count in router.decided_by.items()},
        )
        self.metrics.watch_queue("observations", lambda: journal.depth)
        self.metrics.watch_queue("decisions", lambda: flusher.depth)


@contextmanager
def open_instruments(settings: TelemetrySettings, *, stream: TextIO, clock: Clock) -> Iterator[Instruments]:
    """The instruments, with the log open on a stream until the block ends."""
    with open_logs(level=settings.log_level, stream=stream, clock=clock) as logs:
        metrics = Metrics()
        incidents = Incidents(logs.logger, random.Random(), on_incident=metrics.incident)  # noqa: S311 - names, not secrets
        instance_id = fresh_name()
        with open_spans(settings, instance_id=instance_id, clock=clock, metrics=metrics, logger=logs.logger) as spans:
            yield Instruments(logs, metrics, incidents, Signs(clock.monotonic), spans=spans, instance_id=instance_id)
