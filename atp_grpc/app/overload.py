"""What happens when more calls come than can be answered in time: the admission as the settings ask for it.

The door enters here. The rule itself stands in `transport/admission`.
"""

from __future__ import annotations

import random

from atp_grpc.app.background import every
from atp_grpc.config import AdmissionSettings
from atp_grpc.domain.clock import Clock
from atp_grpc.telemetry.metrics import Metrics
from atp_grpc.transport.admission import SAMPLE_SECONDS, AdaptiveAdmission, OpenAdmission
from atp_grpc.transport.grpcio.server import GrpcioServer
from atp_grpc.transport.traffic import Traffic


def open_admission(settings: AdmissionSettings, clock: Clock) -> AdaptiveAdmission | OpenAdmission:
    """Who is let in."""
    if not settings.enabled:
        return OpenAdmission()
    return AdaptiveAdmission(
        target_queue_seconds=settings.target_queue_seconds,
        least_calls=settings.least_calls,
        least_share=settings.least_share,
        monotonic=clock.monotonic,
        chance=random.Random(),  # noqa: S311 - spreads the times to come back, nothing more
    )


async def watched_admission(
    admission: AdaptiveAdmission, server: GrpcioServer, traffic: Traffic, metrics: Metrics
) -> None:
    """Tells the admission of the queue, and the metrics of the admission, until cancelled."""
    metrics.watch_admission(
        limit=lambda: admission.limit,
        waiting=lambda: admission.waiting,
        seconds=lambda: admission.queue_seconds,
        refused=lambda: {("first",): admission.refused_first_tries, ("retry",): admission.refused_retries},
    )

    async def look() -> None:
        admission.sample(waiting=server.waiting_calls(), dispatched=traffic.arrivals)

    await every(SAMPLE_SECONDS, look)
