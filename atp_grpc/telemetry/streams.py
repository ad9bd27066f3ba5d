"""Counts streams, their messages and how they ended, for the metrics page.

Own integers, turned into samples when the page is read: a message is counted by one addition. Messages and ends are
counted as they happen, so the page also tells of streams that are still open.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

_LABELS = ("grpc_type", "grpc_service", "grpc_method")


class StreamMeter:
    """The streams of one method."""

    __slots__ = ("ends", "labels", "open", "received", "sent")

    def __init__(self, labels: tuple[str, str, str]) -> None:
        self.labels = labels
        self.open = 0
        self.received = 0
        self.sent = 0
        self.ends: Counter[str] = Counter()
        """How many ended, by what ended them."""


class StreamTally(Collector):
    """The streams of all methods."""

    def __init__(self) -> None:
        self._meters: list[StreamMeter] = []

    def meter(self, service: str, method: str, kind: str) -> StreamMeter:
        """A new meter; one for each method."""
        meter = StreamMeter((kind, service, method))
        self._meters.append(meter)
        return meter

    def collect(self) -> Iterator[Metric]:
        """The families of the metrics page."""
        received = CounterMetricFamily("grpc_server_msg_received", "Messages that came on streams.", labels=_LABELS)
        sent = CounterMetricFamily("grpc_server_msg_sent", "Messages sent on streams.", labels=_LABELS)
        streams = GaugeMetricFamily("atp_streams_open", "Streams inside the server.", labels=_LABELS)
        ends = CounterMetricFamily("atp_stream_ends", "Streams that have ended.", labels=(*_LABELS, "reason"))
        for meter in self._meters:
            received.add_metric(meter.labels, meter.received)
            sent.add_metric(meter.labels, meter.sent)
            streams.add_metric(meter.labels, meter.open)
            for reason, count in meter.ends.copy().items():
                ends.add_metric((*meter.labels, reason), count)
        yield from (received, sent, streams, ends)
