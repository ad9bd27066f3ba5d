"""Callers are told how busy the server is, with every answer and on a stream, as gRFC A51 has it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import grpc
from xds.data.orca.v3.orca_load_report_pb2 import OrcaLoadReport
from xds.service.orca.v3 import orca_pb2

from atp_grpc.client.messages import RouteRequest
from atp_grpc.config import TelemetrySettings
from tests.faults.battery import report
from tests.rpc.frames import raw_caller
from tests.rpc.serving import ACME, Serving, serving

TRAILER = b"endpoint-load-metrics-bin"


def reports(channel: grpc.aio.Channel) -> Any:
    """The stream of reports."""
    return channel.unary_stream(
        "/xds.service.orca.v3.OpenRcaService/StreamCoreMetrics",
        request_serializer=orca_pb2.OrcaLoadReportRequest.SerializeToString,
        response_deserializer=OrcaLoadReport.FromString,
    )


async def trailer_of(server: Serving, request: RouteRequest, credential: str) -> OrcaLoadReport | None:
    """The report that came with one Route, however it ended.

    Read from the wire: grpcio's own client keeps it from its callers, because it is meant for the balancing beneath.
    """
    async with raw_caller(server.app.door.grpc_port) as caller:
        headers = ((b"authorization", b"Bearer " + credential.encode()),)
        answer = await caller.call(b"/atp.v1.RouteService/Route", headers, request.SerializeToString())
    found = answer.headers.get(TRAILER)
    return None if found is None else OrcaLoadReport.FromString(found.removeprefix(b"\x00"))


async def told(server: Serving, request: RouteRequest, credential: str) -> OrcaLoadReport:
    """The report that comes with a Route, once the process is a tenth of a second old."""
    while (found := await trailer_of(server, request, credential)) is None:
        pass
    return found


async def test_every_answer_carries_a_report(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        await told(server, RouteRequest(prompt="hello"), server.credentials[ACME])
        reports = [await trailer_of(server, RouteRequest(prompt="hello"), server.credentials[ACME]) for _ in range(50)]

    for one in reports:
        assert one is not None
        assert one.rps_fractional > 0
        assert 0 < one.application_utilization <= 1
        assert one.cpu_utilization > 0
    report("E13 ORCA per call", n=50, figure="a report with every answer", bar="every answer", passed=True)


async def test_a_refusal_carries_a_report_too(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        by_the_handler = await told(server, RouteRequest(), server.credentials[ACME])
        on_arrival = await trailer_of(server, RouteRequest(prompt="hello"), "atp_test_nobody_x")

    assert by_the_handler.rps_fractional > 0
    assert on_arrival is not None


async def test_errors_of_callers_are_no_errors_of_the_server(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        for _ in range(20):
            await trailer_of(server, RouteRequest(), server.credentials[ACME])
        one = await told(server, RouteRequest(), server.credentials[ACME])

    assert one.rps_fractional > 0
    assert one.eps == 0


async def test_reports_can_be_turned_off(tmp_path: Path) -> None:
    async with serving(tmp_path, telemetry=TelemetrySettings(load_reports=False)) as server:
        without = await trailer_of(server, RouteRequest(prompt="hello"), server.credentials[ACME])
        async with grpc.aio.insecure_channel(server.target) as channel:
            stream = reports(channel)(orca_pb2.OrcaLoadReportRequest())
            assert await stream.code() is grpc.StatusCode.UNIMPLEMENTED

    assert without is None


async def test_the_stream_reports_again_and_again_without_a_credential(tmp_path: Path) -> None:
    telemetry = TelemetrySettings(load_report_interval_seconds=0.1)
    async with serving(tmp_path, telemetry=telemetry) as server, grpc.aio.insecure_channel(server.target) as channel:
        request = orca_pb2.OrcaLoadReportRequest()
        request.report_interval.FromMilliseconds(1)
        stream = reports(channel)(request, timeout=10)
        started = asyncio.get_running_loop().time()
        first = await stream.read()
        for _ in range(3):
            await server.acme.route(RouteRequest(prompt="hello"))
        seen = [await stream.read() for _ in range(4)]
        took = asyncio.get_running_loop().time() - started
        stream.cancel()

    assert isinstance(first, OrcaLoadReport)
    assert max(one.rps_fractional for one in seen) > 0
    # However short the interval that was asked for, the server keeps to its own shortest.
    assert took >= 4 * 0.1
    report("E13 ORCA stream", n=5, figure=f"5 reports in {took:.2f} s", bar="one an interval", passed=True)


async def test_a_stream_with_a_long_interval_ends_at_once_when_the_server_leaves(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        channel = grpc.aio.insecure_channel(server.target)
        stream = reports(channel)(orca_pb2.OrcaLoadReportRequest())
        await stream.read()
        left = asyncio.get_running_loop().time()

    assert await stream.code() is grpc.StatusCode.OK
    assert asyncio.get_running_loop().time() - left < 5
    await channel.close()
