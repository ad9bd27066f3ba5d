"""Load reports as gRFC A51 has them (ORCA): with every answer as a trailer, and on a stream of their own.

The listener asks for the trailer of each call; clients that balance by weight open the stream. Both say the same, and
neither says anything of a tenant or a call. Reports need no credential, because the clients that want them send none.
"""

from __future__ import annotations

from google.protobuf.duration_pb2 import Duration
from xds.data.orca.v3.orca_load_report_pb2 import OrcaLoadReport
from xds.service.orca.v3 import orca_pb2

from atp_grpc.domain.call import Call
from atp_grpc.domain.errors import OverloadedError
from atp_grpc.services.status import Trailers
from atp_grpc.services.stream import CallStream
from atp_grpc.telemetry.load import IDLE, Load, LoadMeter
from atp_grpc.transport.method import Method
from atp_grpc.transport.table import methods_of

TRAILER_KEY = "endpoint-load-metrics-bin"
SERVICE = orca_pb2.DESCRIPTOR.services_by_name["OpenRcaService"]
MOST_STREAMS = 256
"""Streams of reports at once: whoever reaches the listener may open them."""
FULL_RETRY_SECONDS = 30.0


class LoadReports:
    """The reports of one process."""

    def __init__(self, meter: LoadMeter, *, least_interval_seconds: float) -> None:
        """`least_interval_seconds` is the shortest time between two reports of a stream, whatever its caller wants."""
        self._meter = meter
        self._least_interval = least_interval_seconds
        self._load: Load | None = None
        self._trailers: Trailers = ()
        self._open_streams = 0

    def trailers(self) -> Trailers:
        """The trailing metadata of a call that ends now: none in the first tenth of a second of a process.

        The same object as long as the figures are the same.
        """
        load = self._meter.load()
        if load is not self._load:
            self._load = load
            self._trailers = ((TRAILER_KEY, _report(load).SerializeToString()),) if load is not IDLE else ()
        return self._trailers

    def rows(self) -> tuple[Method, ...]:
        """The row that serves the stream, to everybody."""
        return methods_of(SERVICE, self, permission=None)

    async def stream_core_metrics(
        self, request: orca_pb2.OrcaLoadReportRequest, stream: CallStream, _call: Call
    ) -> None:
        """A report at once and then one an interval, until the stream ends.

        Raises:
            OverloadedError: too many callers are told already.
        """
        if self._open_streams >= MOST_STREAMS:
            raise OverloadedError(FULL_RETRY_SECONDS)
        interval = max(self._least_interval, _seconds(request.report_interval))
        self._open_streams += 1
        try:
            while True:
                await stream.send(_report(self._meter.load()).SerializeToString())
                if await stream.rest(interval):
                    return
        finally:
            self._open_streams -= 1


def _report(load: Load) -> OrcaLoadReport:
    return OrcaLoadReport(
        application_utilization=load.loop_share,
        cpu_utilization=load.cpu_share,
        rps_fractional=load.calls_per_second,
        eps=load.errors_per_second,
    )


def _seconds(span: Duration) -> float:
    return span.seconds + span.nanos / 1e9
