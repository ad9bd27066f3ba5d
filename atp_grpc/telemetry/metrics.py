"""Every metric of the server, in a registry of its own; `docs/metrics.md` lists them, equal by test.

The composition root makes one and hands it out; rooms count through its methods and never see the client library. No
label ever holds what a caller may choose freely, so the number of series stays bounded.
"""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

CALL_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
COMMIT_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)


class CallMeter:
    """Counts and times the calls of one method; labels are bound on the first call of each code."""

    def __init__(self, handled: Counter, seconds: Histogram, *, service: str, method: str) -> None:
        self._labels = {"grpc_type": "unary", "grpc_service": service, "grpc_method": method}
        self._handled = handled
        self._by_code = {"OK": handled.labels(**self._labels, grpc_code="OK")}
        self._seconds = seconds.labels(**self._labels)

    def record(self, code: str, seconds: float) -> None:
        """Counts one finished call, by its status code as Prometheus dashboards spell it (`OK`, `InvalidArgument`)."""
        counter = self._by_code.get(code)
        if counter is None:
            counter = self._by_code[code] = self._handled.labels(**self._labels, grpc_code=code)
        counter.inc()
        self._seconds.observe(seconds)


class Metrics:
    """The metrics of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._make_call_metrics()
        self._make_decision_metrics()
        self._make_learning_metrics()
        self._make_inner_metrics()

    def call_meter(self, service: str, method: str) -> CallMeter:
        """The meter of one method."""
        return CallMeter(self._handled, self._handling_seconds, service=service, method=method)

    def decided(self, *, model: str, policy: str, expected_cost_nano_usd: int) -> None:
        """Counts a decision and the money it is expected to cost. Names come from the catalogue and the settings."""
        counters = self._decision_counters.get((model, policy))
        if counters is None:
            counters = (
                self._decisions.labels(model=model, policy=policy),
                self._expected_cost.labels(model=model, policy=policy),
            )
            self._decision_counters[model, policy] = counters
        counters[0].inc()
        counters[1].inc(expected_cost_nano_usd)

    def observed(self, result: str) -> None:
        """Counts an observation that was answered: `recorded` (something was new) or `unchanged`."""
        self._observations.labels(result=result).inc()

    def learned(self, outcomes: int = 1) -> None:
        """Counts outcomes that the learner took in."""
        self._learned.inc(outcomes)

    def dropped_decision_records(self, records: int = 1) -> None:
        """Counts decision records that found their queue full; the decisions themselves were answered."""
        self._records_dropped.inc(records)

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
    ) -> None:
        """Reads these at every scrape. Truth values count as 1 and 0."""
        self._catalog_revision.set_function(catalog_revision)
        self._learner_generation.set_function(learner_generation)
        self._context_on.set_function(context_on)
        self._quarantined.set_function(engine_quarantined)

    def watch_queue(self, queue: str, depth: Callable[[], float]) -> None:
        """Reads the depth of a queue, for example `decisions` or `observations`, at every scrape."""
        self._queue_depth.labels(queue=queue).set_function(depth)

    def watch_open_calls(self, count: Callable[[], float]) -> None:
        """Reads how many calls are inside the server at every scrape."""
        self._calls_open.set_function(count)

    def watch_lines(self, *, dropped: Callable[[], float], left_out: Callable[[], float]) -> None:
        """Reads how many log lines were lost, and how many good calls left none, at every scrape."""
        self._lines_dropped.set_function(dropped)
        self._lines_left_out.set_function(left_out)

    def _make_call_metrics(self) -> None:
        labels = ("grpc_type", "grpc_service", "grpc_method")
        self._handled = Counter(
            "grpc_server_handled", "Finished calls.", (*labels, "grpc_code"), registry=self.registry
        )
        self._handling_seconds = Histogram(
            "grpc_server_handling_seconds",
            "Time from the first byte to the answer.",
            labels,
            buckets=CALL_SECONDS,
            registry=self.registry,
        )
        self._calls_open = Gauge("atp_calls_open", "Calls inside the server.", registry=self.registry)

    def _make_decision_metrics(self) -> None:
        labels = ("model", "policy")
        self._decisions = Counter("atp_decisions", "Decisions made.", labels, registry=self.registry)
        self._expected_cost = Counter(
            "atp_expected_cost_nano_usd",
            "Expected cost of the decisions made, in nano-US-dollars.",
            labels,
            registry=self.registry,
        )
        self._decision_counters: dict[tuple[str, str], tuple[Counter, Counter]] = {}
        self._records_dropped = Counter(
            "atp_decision_records_dropped", "Decision records that found their queue full.", registry=self.registry
        )

    def _make_learning_metrics(self) -> None:
        self._observations = Counter("atp_observations", "Observations answered.", ("result",), registry=self.registry)
        self._learned = Counter("atp_learned", "Outcomes learned.", registry=self.registry)
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
        self._incidents = Counter("atp_incidents", "Faults logged under an incident id.", registry=self.registry)
        self._lines_dropped = Gauge("atp_log_lines_dropped", "Log lines that were lost.", registry=self.registry)
        self._lines_left_out = Gauge(
            "atp_call_lines_left_out", "Good calls without a log line.", registry=self.registry
        )
