"""Counts and times calls under the two families of names that gRPC dashboards know, from one set of integers.

The door has a meter for each method; the metrics page and the figures of the process read them. Both families come
from the same numbers, so the second one costs a call nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from atp_grpc.telemetry.tallies import Spread, buckets_of

CALL_SECONDS = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)
UNKNOWN = "unknown"
"""Service and method label of calls to methods that do not exist."""
OTHER = "other"
"""The same in the words of gRFC A66."""
_COMMON_LABELS = ("grpc_type", "grpc_service", "grpc_method")


class CallMeter:
    """The calls of one method."""

    __slots__ = ("kind", "method", "name", "service", "spreads", "started")

    def __init__(self, kind: str, service: str, method: str) -> None:
        self.kind, self.service, self.method = kind, service, method
        self.name = OTHER if method == UNKNOWN else f"{service}/{method}"
        """For example `atp.v1.RouteService/Route`."""
        self.started = 0
        """Calls that arrived."""
        self.spreads: dict[str, Spread] = {}
        """Seconds of the finished calls by status code, for example `INVALID_ARGUMENT`."""

    def record(self, code: str, seconds: float) -> None:
        """Counts one finished call, by the name of its status code."""
        spread = self.spreads.get(code)
        if spread is None:
            spread = self.spreads[code] = Spread(CALL_SECONDS)
        spread.add(seconds)

    def handled(self) -> dict[str, int]:
        """Finished calls by status code; those that went well are named even where there are none."""
        return {"OK": 0} | {code: sum(spread.counts) for code, spread in self.spreads.copy().items()}

    def latency(self) -> Spread:
        """Seconds of all finished calls."""
        joined = Spread(CALL_SECONDS)
        for spread in self.spreads.copy().values():
            joined.join(spread)
        return joined


class CallMeters(Collector):
    """The meters of a process. Iterating gives each of them."""

    def __init__(self) -> None:
        self._meters: dict[tuple[str, str], CallMeter] = {}

    def __iter__(self) -> Iterator[CallMeter]:
        return iter(list(self._meters.values()))

    def meter(self, service: str, method: str, kind: str) -> CallMeter:
        """The meter of one method."""
        meter = self._meters.get((service, method))
        if meter is None:
            meter = self._meters[service, method] = CallMeter(kind, service, method)
        return meter

    def collect(self) -> Iterator[Metric]:
        """The families of the metrics page."""
        yield from self._common()
        yield from self._native()

    def _common(self) -> Iterator[Metric]:
        """The names of go-grpc-prometheus, which most dashboards for gRPC are made for."""
        started = CounterMetricFamily("grpc_server_started", "Calls that arrived.", labels=_COMMON_LABELS)
        handled = CounterMetricFamily("grpc_server_handled", "Finished calls.", labels=(*_COMMON_LABELS, "grpc_code"))
        seconds = HistogramMetricFamily(
            "grpc_server_handling_seconds", "Time from the headers to the answer.", labels=_COMMON_LABELS
        )
        for meter in self:
            labels = (meter.kind, meter.service, meter.method)
            started.add_metric(labels, meter.started)
            for code, count in meter.handled().items():
                handled.add_metric((*labels, dashboard_code(code)), count)
            if meter.spreads:
                latency = meter.latency()
                seconds.add_metric(labels, buckets_of(latency), latency.total)
        yield from (started, handled, seconds)

    def _native(self) -> Iterator[Metric]:
        """The names of gRPC's own OpenTelemetry metrics (gRFC A66), as Prometheus spells them."""
        started = CounterMetricFamily("grpc_server_call_started", "Calls that arrived.", labels=("grpc_method",))
        seconds = HistogramMetricFamily(
            "grpc_server_call_duration_seconds",
            "Time from the headers to the answer.",
            labels=("grpc_method", "grpc_status"),
        )
        for meter in self:
            started.add_metric((meter.name,), meter.started)
            for code, spread in meter.spreads.copy().items():
                seconds.add_metric((meter.name, code), buckets_of(spread), spread.total)
        yield from (started, seconds)


def dashboard_code(code: str) -> str:
    """A status code as go-grpc-prometheus spells it: `OK`, `InvalidArgument`, and `Canceled` with one l."""
    if code == "OK":
        return code
    return "Canceled" if code == "CANCELLED" else "".join(word.capitalize() for word in code.split("_"))
