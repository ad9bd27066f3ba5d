"""The metrics of Ask: attempts and their money, times, switches, joined calls, the cache, the deployments' state.

`Metrics` holds one; the composition root feeds it. Labels are names of the catalogue and words of the contract. Nothing
here waits or raises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from atp_grpc.telemetry.tallies import Spread, Tally, buckets_of

SECONDS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3.0, 6.0, 12.0, 25.0, 50.0, 100.0)
"""Bounds of the histograms: models begin after tenths of a second and may write for minutes."""


class DeploymentGauges(NamedTuple):
    """How a deployment stands: `state` is 0 closed, 1 half open, 2 open; calls under way, and the most at once."""

    deployment: str
    state: int
    in_flight: int
    limit: int


class CacheFigures(NamedTuple):
    """What happened to the answer cache since the start, and what it holds now."""

    hits: int
    misses: int
    evictions: int
    bytes_used: int


class AskMeter(Collector):
    """Counts what becomes of Asks."""

    def __init__(self) -> None:
        self._attempts = Tally("atp_ask_attempts", "Attempts that ended.", ("deployment", "error"))
        self._cost = Tally("atp_ask_cost_nano_usd", "Cost of attempts.", ("deployment",))
        self._answers = Tally("atp_ask_answers", "Answers given.", ("finish_reason", "cache"))
        self._switches = Tally("atp_ask_switches", "Answers that another attempt took over.", ("how",))
        self._joined = Tally("atp_ask_joined", "Calls that joined the run of another with the same id.")
        self._unsettled = Tally("atp_ask_unsettled_nano_usd", "Bills that could not be written down.")
        self._first_token, self._total = Spread(SECONDS), Spread(SECONDS)
        self._deployments: Callable[[], Iterable[DeploymentGauges]] = tuple
        self._cache: Callable[[], CacheFigures] = lambda: CacheFigures(0, 0, 0, 0)

    def attempted(self, deployment: str, error: str, cost_nano_usd: int) -> None:
        """Counts a call to a deployment, and what it cost; `error` is empty when it answered."""
        self._attempts.add(1, (deployment, error))
        if cost_nano_usd:
            self._cost.add(cost_nano_usd, (deployment,))

    def answered(
        self, finish_reason: str, cache: str, *, first_token_seconds: float | None, total_seconds: float
    ) -> None:
        """Counts a complete answer and times it; one from the cache has no first token."""
        self._answers.add(1, (finish_reason, cache))
        self._total.add(total_seconds)
        if first_token_seconds is not None:
            self._first_token.add(first_token_seconds)

    def switched(self, how: str) -> None:
        """Counts an answer that another attempt took over: `restart` or `resume`."""
        self._switches.add(1, (how,))

    def joined(self) -> None:
        """Counts a call that joined a run."""
        self._joined.add()

    def unsettled(self, nano_usd: int) -> None:
        """Counts money whose bill could not be written down."""
        self._unsettled.add(nano_usd)

    def watch(
        self, *, deployments: Callable[[], Iterable[DeploymentGauges]], cache: Callable[[], CacheFigures]
    ) -> None:
        """Reads these at every scrape."""
        self._deployments, self._cache = deployments, cache

    def collect(self) -> Iterator[Metric]:
        """The families of the metrics page."""
        for tally in (self._attempts, self._cost, self._answers, self._switches, self._joined, self._unsettled):
            yield from tally.collect()
        yield _times("atp_ask_first_token_seconds", "Time to the first token.", self._first_token)
        yield _times("atp_ask_seconds", "Time to the end of an answer.", self._total)
        yield from self._collect_cache()
        yield from self._collect_deployments()

    def _collect_cache(self) -> Iterator[Metric]:
        figures = self._cache()
        events = CounterMetricFamily("atp_ask_cache", "What happened to the answer cache.", labels=("event",))
        for event, count in (("hit", figures.hits), ("miss", figures.misses), ("eviction", figures.evictions)):
            events.add_metric((event,), count)
        yield events
        yield GaugeMetricFamily("atp_ask_cache_bytes", "Bytes of answers kept.", value=figures.bytes_used)

    def _collect_deployments(self) -> Iterator[Metric]:
        labels = ("deployment",)
        state = GaugeMetricFamily("atp_breaker_state", "0 closed, 1 half open, 2 open.", labels=labels)
        in_flight = GaugeMetricFamily("atp_deployment_in_flight", "Calls to it under way.", labels=labels)
        limit = GaugeMetricFamily("atp_deployment_limit", "Most calls to it at once.", labels=labels)
        for gauges in self._deployments():
            name = (gauges.deployment,)
            state.add_metric(name, gauges.state)
            in_flight.add_metric(name, gauges.in_flight)
            limit.add_metric(name, gauges.limit)
        yield from (state, in_flight, limit)


def _times(name: str, sentence: str, spread: Spread) -> Metric:
    return HistogramMetricFamily(name, sentence, buckets=buckets_of(spread), sum_value=spread.total)
