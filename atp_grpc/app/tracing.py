"""The traces of a process: whether there are any, which calls have one, and the way to the collector.

The instruments enter here. Without an endpoint there is no thread, no connection and no span.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

from structlog.typing import FilteringBoundLogger

from atp_grpc import __version__
from atp_grpc.config import TelemetrySettings
from atp_grpc.domain.clock import Clock
from atp_grpc.telemetry.collector import Collector, read_headers
from atp_grpc.telemetry.metrics import Metrics
from atp_grpc.telemetry.span_export import TIMEOUT_SECONDS, Origin, open_span_export
from atp_grpc.telemetry.spans import Spans


@contextmanager
def open_spans(
    settings: TelemetrySettings, *, instance_id: str, clock: Clock, metrics: Metrics, logger: FilteringBoundLogger
) -> Iterator[Spans]:
    """The spans, sent until the block ends where the settings name a collector."""
    source = random.Random()  # noqa: S311 - ids have to be distinct, not secret
    if not settings.traces_endpoint:
        yield Spans(clock=clock, source=source, ratio=0.0, put=None)
        return
    collector = Collector(
        settings.traces_endpoint,
        headers=read_headers(settings.traces_headers),
        is_compressed=settings.traces_compression == "gzip",
        timeout_seconds=TIMEOUT_SECONDS,
    )
    origin = Origin(
        {
            "service.name": settings.service_name,
            "service.version": __version__,
            "service.instance.id": instance_id,
            "telemetry.sdk.language": "python",
            "telemetry.sdk.name": "atp-grpc",
            "telemetry.sdk.version": __version__,
        },
        __version__,
    )
    with open_span_export(
        collector,
        origin,
        capacity=settings.traces_queue,
        on_trouble=lambda cause: logger.warning("traces not delivered", cause=cause),
        on_recovery=lambda: logger.info("traces delivered again"),
    ) as export:
        metrics.watch_spans(exported=export.exported, dropped=export.dropped)
        metrics.watch_queue("spans", lambda: export.depth)
        yield Spans(clock=clock, source=source, ratio=settings.trace_ratio, put=export.put)
