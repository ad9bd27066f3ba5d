"""Calls are counted once and shown under two families of names, exactly as the metrics library would show them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from atp_grpc.services.status import Code
from atp_grpc.telemetry.calls import CALL_SECONDS, UNKNOWN, CallMeters, dashboard_code
from atp_grpc.telemetry.metrics import Metrics
from atp_grpc.telemetry.tallies import Spread

COMMON = 'grpc_method="Route",grpc_service="atp.v1.RouteService",grpc_type="unary"'
METHOD = 'grpc_method="atp.v1.RouteService/Route"'


def page(metrics: Metrics) -> list[str]:
    return generate_latest(metrics.registry).decode().splitlines()


def test_a_call_is_there_under_both_families() -> None:
    metrics = Metrics()
    meter = metrics.call_meter("atp.v1.RouteService", "Route")
    meter.started += 4
    meter.record("OK", 0.003)
    meter.record("OK", 0.0001)
    meter.record("INVALID_ARGUMENT", 61.0)

    lines = page(metrics)
    for line in (
        f"grpc_server_started_total{{{COMMON}}} 4.0",
        f'grpc_server_handled_total{{grpc_code="OK",{COMMON}}} 2.0',
        f'grpc_server_handled_total{{grpc_code="InvalidArgument",{COMMON}}} 1.0',
        f"grpc_server_handling_seconds_count{{{COMMON}}} 3.0",
        f'grpc_server_handling_seconds_bucket{{{COMMON},le="0.0001"}} 1.0',
        f'grpc_server_handling_seconds_bucket{{{COMMON},le="60.0"}} 2.0',
        f'grpc_server_handling_seconds_bucket{{{COMMON},le="+Inf"}} 3.0',
        f"grpc_server_handling_seconds_sum{{{COMMON}}} 61.0031",
        f"grpc_server_call_started_total{{{METHOD}}} 4.0",
        f'grpc_server_call_duration_seconds_count{{{METHOD},grpc_status="OK"}} 2.0',
        f'grpc_server_call_duration_seconds_bucket{{{METHOD},grpc_status="INVALID_ARGUMENT",le="+Inf"}} 1.0',
    ):
        assert line in lines, line


def test_a_method_that_was_never_called_starts_from_nought() -> None:
    metrics = Metrics()
    metrics.call_meter("atp.v1.RouteService", "Route")

    lines = page(metrics)
    assert f"grpc_server_started_total{{{COMMON}}} 0.0" in lines
    assert f'grpc_server_handled_total{{grpc_code="OK",{COMMON}}} 0.0' in lines
    assert not any(line.startswith("grpc_server_handling_seconds_bucket") for line in lines)


def test_a_method_that_does_not_exist_is_other_under_the_names_of_grpc() -> None:
    metrics = Metrics()
    metrics.call_meter(UNKNOWN, UNKNOWN).started += 1

    assert 'grpc_server_call_started_total{grpc_method="other"} 1.0' in page(metrics)


def test_two_meters_of_one_method_are_one() -> None:
    meters = CallMeters()

    assert meters.meter("s", "m", "unary") is meters.meter("s", "m", "unary")
    assert len(list(meters)) == 1


def test_codes_are_spelled_as_dashboards_expect() -> None:
    spelled = {code: dashboard_code(code.name) for code in Code}

    assert spelled[Code.OK] == "OK"
    assert spelled[Code.CANCELLED] == "Canceled"
    assert spelled[Code.DEADLINE_EXCEEDED] == "DeadlineExceeded"
    assert all(name.isalpha() for name in spelled.values())


@given(st.lists(st.floats(0, 100) | st.sampled_from(CALL_SECONDS), max_size=40))
def test_a_spread_counts_as_the_histogram_of_the_library_does(values: list[float]) -> None:
    registry = CollectorRegistry()
    histogram, spread = Histogram("h", "h", buckets=CALL_SECONDS, registry=registry), Spread(CALL_SECONDS)
    for value in values:
        histogram.observe(value)
        spread.add(value)

    [family] = histogram.collect()
    theirs = [(float(one.labels["le"]), one.value) for one in family.samples if one.name == "h_bucket"]
    assert spread.cumulative() == theirs
    assert spread.total == next(one.value for one in family.samples if one.name == "h_sum")


@given(st.lists(st.floats(0, 100)), st.lists(st.floats(0, 100)))
def test_spreads_join_as_if_they_had_been_one(first: list[float], second: list[float]) -> None:
    joined, whole = Spread(CALL_SECONDS), Spread(CALL_SECONDS)
    for values in (first, second):
        part = Spread(CALL_SECONDS)
        for value in values:
            part.add(value)
            whole.add(value)
        joined.join(part)

    assert joined.counts == whole.counts
