"""Every metric of the server, in a registry of its own; `docs/metrics.md` lists them, equal by test.

The composition root makes one and hands it out; rooms count through its methods and never see the client library. No
label ever holds what a caller may choose freely, so the number of series stays bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from atp_grpc.telemetry.asks import AskMeter
from atp_grpc.telemetry.calls import CallMeter, CallMeters
from atp_grpc.telemetry.decisions import DecisionTally
from atp_grpc.telemetry.streams import StreamMeter, StreamTally
from atp_grpc.telemetry.tallies import Labels, Tally, WatchedTally

COMMIT_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
LAG_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """The metrics of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.calls = CallMeters()
        self.asks = AskMeter()
        self.registry.register(self.asks)
        ProcessCollector(registry=self.registry)
        self._make_call_metrics()
        self._make_decision_metrics()
        self._make_learning_metrics()
        self._make_inner_metrics()
        self._make_health_metrics()
        self._make_certificate_metrics()

    def call_meter(self, service: str, method: str, kind: str = "unary") -> CallMeter:
        """The meter of one method; `kind` is `unary`, `server_stream` or `bidi_stream`."""
        return self.calls.meter(service, method, kind)

    def stream_meter(self, service: str, method: str, kind: str) -> StreamMeter:
        """The meter of the streams of one method."""
        return self._streams.meter(service, method, kind)

    def decided(self, model: str, policy: str, expected_cost_nano_usd: int) -> None:
        """Counts a decision and the money it is expected to cost. Names come from the catalogue and the settings."""
        self._tally.count(model, policy, expected_cost_nano_usd)

    def observed(self, result: str, reports: int = 1) -> None:
        """Counts observations that were answered: `recorded` (something was new) or `unchanged`."""
        self._observations.add(reports, (result,))

    def learned(self, outcomes: int = 1) -> None:
        """Counts outcomes that the learner took in."""
        self._learned.add(outcomes)

    def dropped_decision_records(self, records: int = 1) -> None:
        """Counts decision records that found their queue full; the decisions themselves were answered."""
        self._records_dropped.inc(records)

    def quality_changed(self, direction: str) -> None:
        """Counts models found to be better or worse than they were."""
        self._quality_changes.labels(direction).inc()

    def committed(self, seconds: float) -> None:
        """Times one commit of the store, the fsync included."""
        self._commit_seconds.observe(seconds)

    def catalog_reload_failed(self) -> None:
        """Counts a catalogue file that could not be used."""
        self._reload_failures.inc()

    def incident(self) -> None:
        """Counts a fault that was logged under an incident id."""
        self._incidents.inc()

    def engine_is(self, *, name: str, version: str) -> None:
        """Names the selection engine; a change replaces the earlier name."""
        self._engine.clear()
        self._engine.labels(engine=name, version=version).set(1)

    def watch(
        self,
        *,
        catalog_revision: Callable[[], float],
        learner_generation: Callable[[], float],
        context_on: Callable[[], float],
        engine_quarantined: Callable[[], float],
        engine_choices: Callable[[], Mapping[Labels, int]],
    ) -> None:
        """Reads these at every scrape. Truth values count as 1 and 0; `engine_choices` counts decisions by engine."""
        self._catalog_revision.set_function(catalog_revision)
        self._learner_generation.set_function(learner_generation)
        self._context_on.set_function(context_on)
        self._quarantined.set_function(engine_quarantined)
        self._engine_choices.read = engine_choices

    def watch_queue(self, queue: str, depth: Callable[[], float]) -> None:
        """Reads the depth of a queue, for example `decisions` or `observations`, at every scrape."""
        self._queue_depth.labels(queue=queue).set_function(depth)

    def watch_open_calls(self, count: Callable[[], float]) -> None:
        """Reads how many calls are inside the server at every scrape."""
        self._calls_open.set_function(count)

    def watch_admission(
        self,
        *,
        limit: Callable[[], float],
        waiting: Callable[[], float],
        seconds: Callable[[], float],
        refused: Callable[[], Mapping[Labels, int]],
    ) -> None:
        """Reads how many calls may wait, how many do and for how long, and how many were sent away, at every scrape."""
        self._call_limit.set_function(limit)
        self._calls_waiting.set_function(waiting)
        self._queue_seconds.set_function(seconds)
        self._overloaded.read = refused

    def watch_lines(self, *, dropped: Callable[[], float], left_out: Callable[[], float]) -> None:
        """Reads how many log lines were lost, and how many good calls left none, at every scrape."""
        self._lines_dropped.set_function(dropped)
        self._lines_left_out.set_function(left_out)

    def watch_spans(
        self, *, exported: Callable[[], Mapping[Labels, int]], dropped: Callable[[], Mapping[Labels, int]]
    ) -> None:
        """Reads how many spans the collector took, and how many were lost and why, at every scrape."""
        self._spans_exported.read, self._spans_dropped.read = exported, dropped

    def checked(self, check: str, state: int, seconds: float) -> None:
        """Notes what a health check found (0 healthy, 1 degraded, 2 unhealthy), and how long it took."""
        self._health_state.labels(check=check).set(state)
        self._health_seconds.labels(check=check).set(seconds)

    def watch_health_watches(self, count: Callable[[], float]) -> None:
        """Reads how many watches of the health service are open at every scrape."""
        self._health_watches.set_function(count)

    def loop_lagged(self, seconds: float) -> None:
        """Notes how late one heartbeat of the event loop was."""
        self._loop_lag.observe(seconds)

    def loop_stalled(self) -> None:
        """Counts a stall of the event loop."""
        self._loop_stalls.inc()

    def certificate_loaded(self, result: str) -> None:
        """Counts new content of the certificate files: `served` or `refused`."""
        self._certificate_loads.labels(result=result).inc()

    def watch_certificate(self, expires_seconds: Callable[[], float]) -> None:
        """Reads when the served certificate expires (Unix time) at every scrape."""
        self._certificate_expiry.set_function(expires_seconds)

    def watch_chaos(self, injected: Callable[[], Mapping[Labels, int]]) -> None:
        """Reads how many faults were injected on purpose, by target and fault, at every scrape."""
        self._chaos_faults.read = injected

    def _make_call_metrics(self) -> None:
        self.registry.register(self.calls)
        self._calls_open = Gauge("atp_calls_open", "Calls inside the server.", registry=self.registry)
        self._call_limit = Gauge("atp_call_limit", "Calls that may wait; 0: no limit.", registry=self.registry)
        self._calls_waiting = Gauge("atp_calls_waiting", "Calls that wait to be looked at.", registry=self.registry)
        self._queue_seconds = Gauge(
            "atp_queue_seconds", "Time that a call waits to be looked at.", registry=self.registry
        )
        self._overloaded = WatchedTally("atp_overloaded", "Calls sent away because too many waited.", ("attempt",))
        self.registry.register(self._overloaded)
        self._streams = StreamTally()
        self.registry.register(self._streams)

    def _make_decision_metrics(self) -> None:
        self._tally = DecisionTally()
        self.registry.register(self._tally)
        self._records_dropped = Counter(
            "atp_decision_records_dropped", "Decision records that found their queue full.", registry=self.registry
        )

    def _make_learning_metrics(self) -> None:
        self._observations = Tally("atp_observations", "Observations answered.", ("result",))
        self._learned = Tally("atp_learned", "Outcomes learned.")
        self._quality_changes = Counter(
            "atp_quality_changes",
            "Models found to have become better or worse.",
            ("direction",),
            registry=self.registry,
        )
        self.registry.register(self._observations)
        self.registry.register(self._learned)
        self._learner_generation = Gauge(
            "atp_learner_generation", "Outcomes in the learner's state.", registry=self.registry
        )
        self._context_on = Gauge("atp_context_on", "1 when features shape predictions.", registry=self.registry)
        self._engine = Gauge(
            "atp_engine_info", "1 for the engine in use.", ("engine", "version"), registry=self.registry
        )
        self._quarantined = Gauge(
            "atp_engine_quarantined", "1 when a fault set the native engine aside.", registry=self.registry
        )
        self._engine_choices = WatchedTally("atp_engine_choices", "Decisions made, by who chose.", ("engine",))
        self.registry.register(self._engine_choices)

    def _make_inner_metrics(self) -> None:
        self._catalog_revision = Gauge(
            "atp_catalog_revision", "Revision of the catalogue in force.", registry=self.registry
        )
        self._reload_failures = Counter(
            "atp_catalog_reload_failures", "Catalogue files that could not be used.", registry=self.registry
        )
        self._queue_depth = Gauge("atp_queue_depth", "Entries waiting in a queue.", ("queue",), registry=self.registry)
        self._commit_seconds = Histogram(
            "atp_store_commit_seconds",
            "Time of one commit of the store.",
            buckets=COMMIT_SECONDS,
            registry=self.registry,
        )
        self._chaos_faults = WatchedTally("atp_chaos_faults", "Faults injected on purpose.", ("target", "fault"))
        self.registry.register(self._chaos_faults)
        self._incidents = Counter("atp_incidents", "Faults logged under an incident id.", registry=self.registry)
        self._lines_dropped = Gauge("atp_log_lines_dropped", "Log lines that were lost.", registry=self.registry)
        self._lines_left_out = Gauge(
            "atp_call_lines_left_out", "Good calls without a log line.", registry=self.registry
        )
        self._spans_exported = WatchedTally("atp_spans_exported", "Spans that the collector took.")
        self._spans_dropped = WatchedTally("atp_spans_dropped", "Spans that were lost.", ("cause",))
        self.registry.register(self._spans_exported)
        self.registry.register(self._spans_dropped)

    def _make_health_metrics(self) -> None:
        self._health_state = Gauge(
            "atp_health_state", "0 healthy, 1 degraded, 2 unhealthy.", ("check",), registry=self.registry
        )
        self._health_seconds = Gauge(
            "atp_health_check_seconds", "Time that the last run of a check took.", ("check",), registry=self.registry
        )
        self._health_watches = Gauge("atp_health_watches", "Watches of the health service.", registry=self.registry)
        self._loop_lag = Histogram(
            "atp_loop_lag_seconds",
            "How late each heartbeat of the event loop was.",
            buckets=LAG_SECONDS,
            registry=self.registry,
        )
        self._loop_stalls = Counter("atp_loop_stalls", "Times the event loop stood still.", registry=self.registry)

    def _make_certificate_metrics(self) -> None:
        self._certificate_expiry = Gauge(
            "atp_tls_certificate_expiry_seconds", "When the served certificate expires.", registry=self.registry
        )
        self._certificate_loads = Counter(
            "atp_tls_certificate_loads", "New content of the certificate files.", ("result",), registry=self.registry
        )
