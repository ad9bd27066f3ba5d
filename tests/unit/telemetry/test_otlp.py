"""What we write by hand is what OTLP's own messages read."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as service_pb
from opentelemetry.proto.trace.v1 import trace_pb2

from atp_grpc.domain.clock import ManualClock
from atp_grpc.domain.tenant import Principal
from atp_grpc.telemetry import otlp
from atp_grpc.telemetry.span_encoding import SpanEncoder
from atp_grpc.telemetry.spans import Ended, Spans
from tests.rpc.tracing.receiver import attributes_of

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
ACME = Principal("acme", "key-1", frozenset())
METHOD = "atp.v1.RouteService/Route"


class Desk:
    def __init__(self, ratio: float = 1.0) -> None:
        self.ended: list[Ended] = []
        self.clock = ManualClock(1_700_000_000_000_000_000)
        self.spans = Spans(clock=self.clock, source=random.Random(5), ratio=ratio, put=self.ended.append)

    def read(self) -> trace_pb2.Span:
        """The one span, through a whole request."""
        written = map(SpanEncoder().encode, self.ended)
        request = otlp.export_request(written, resource={"service.name": "atp"}, scope="s", version="1")
        [resource] = service_pb.ExportTraceServiceRequest.FromString(request).resource_spans
        [scope] = resource.scope_spans
        [span] = scope.spans
        return span

    def span_of(self, traceparent: str = "", tracestate: str = "", **facts: Any) -> trace_pb2.Span:
        begun = self.spans.begin(TRACE, traceparent, tracestate)
        assert begun is not None
        self.spans.end(Ended(begun, METHOD, 0.25, **({"code": 0} | facts)))
        return self.read()


def test_a_span_says_who_when_and_what() -> None:
    notes = {"model": "swift", "candidates": 3, "is_replay": True, "share": 0.5}
    span = Desk().span_of(
        f"00-{TRACE}-{PARENT}-01", "vendor=a1", principal=ACME, attempt=2, waited_seconds=0.1, notes=notes
    )

    assert (span.trace_id.hex(), span.parent_span_id.hex(), span.trace_state) == (TRACE, PARENT, "vendor=a1")
    assert len(span.span_id) == 8
    assert (span.name, span.kind) == (METHOD, trace_pb2.Span.SPAN_KIND_SERVER)
    assert span.start_time_unix_nano == 1_700_000_000_000_000_000
    assert span.end_time_unix_nano - span.start_time_unix_nano == 250_000_000
    assert attributes_of(span) == {
        "rpc.system": "grpc",
        "rpc.service": "atp.v1.RouteService",
        "rpc.method": "Route",
        "rpc.grpc.status_code": 0,
        "atp.tenant": "acme",
        "atp.attempt": 2,
        "atp.model": "swift",
        "atp.candidates": 3,
        "atp.is_replay": True,
        "atp.share": 0.5,
    }
    [event] = span.events
    assert (event.name, event.time_unix_nano - span.start_time_unix_nano) == ("handling", 100_000_000)
    assert span.status == trace_pb2.Status()
    remote = trace_pb2.SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK | trace_pb2.SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK
    assert span.flags == 1 | remote


def test_the_first_span_of_a_trace_has_no_parent() -> None:
    span = Desk().span_of()

    assert (span.trace_id.hex(), span.parent_span_id, span.trace_state) == (TRACE, b"", "")
    assert span.flags == 1 | trace_pb2.SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK
    assert not span.events


@pytest.mark.parametrize(("code", "is_error"), [(code, code in {2, 4, 12, 13, 14, 15}) for code in range(17)], ids=str)
def test_a_status_is_an_error_of_the_server_as_the_conventions_say(code: int, is_error: bool) -> None:
    span = Desk().span_of(code=code, reason="SOME_REASON" if code else "", incident="01ab" if code == 13 else "")

    assert attributes_of(span)["rpc.grpc.status_code"] == code
    assert attributes_of(span).get("atp.reason") == ("SOME_REASON" if code else None)
    assert attributes_of(span).get("atp.incident") == ("01ab" if code == 13 else None)
    assert span.status.code == (trace_pb2.Status.STATUS_CODE_ERROR if is_error else trace_pb2.Status.STATUS_CODE_UNSET)
    assert span.status.message == ("SOME_REASON" if is_error else "")


@given(
    key=st.text(max_size=300),
    value=st.text(max_size=400) | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False),
)
def test_every_value_is_read_as_it_was_written(key: str, value: otlp.AttributeValue) -> None:
    span = trace_pb2.Span.FromString(otlp.attribute(key, value))

    [(read_key, read)] = attributes_of(span).items()
    assert read_key == key
    assert type(read) is type(value)
    if isinstance(value, str):
        assert value.startswith(str(read))
        assert read == value or 252 < len(str(read).encode()) <= 256
    else:
        assert read == value


def test_nonsense_in_text_does_no_harm() -> None:
    span = trace_pb2.Span.FromString(otlp.attribute("key", "\ud800 half a sign"))

    assert attributes_of(span) == {"key": "? half a sign"}
    assert math.isnan(attributes_of(trace_pb2.Span.FromString(otlp.attribute("key", math.nan)))["key"])


def test_a_request_names_the_process_the_program_and_the_conventions() -> None:
    written = otlp.export_request(
        [otlp.scope_span(b"")] * 3,
        resource={"service.name": "atp", "service.instance.id": "i" * 200},
        scope="s",
        version="1",
    )

    [resource] = service_pb.ExportTraceServiceRequest.FromString(written).resource_spans
    [scope] = resource.scope_spans
    named = {one.key: one.value.string_value for one in resource.resource.attributes}
    assert named == {"service.name": "atp", "service.instance.id": "i" * 200}
    assert (scope.scope.name, scope.scope.version, len(scope.spans)) == ("s", "1", 3)
    assert resource.schema_url == scope.schema_url == otlp.SCHEMA_URL


@given(st.integers(0, 2**40), st.text(max_size=50))
def test_what_a_collector_rejects_is_read(count: int, message: str) -> None:
    answer = service_pb.ExportTraceServiceResponse()
    answer.partial_success.rejected_spans = count
    answer.partial_success.error_message = message

    assert otlp.rejected_spans(answer.SerializeToString()) == count


@given(st.binary(max_size=60))
def test_any_answer_of_a_collector_can_be_read(answer: bytes) -> None:
    assert otlp.rejected_spans(answer) >= 0


@pytest.mark.parametrize(
    ("flags", "is_traced"), [("00", False), ("01", True), ("02", False), ("03", True), ("ff", True)]
)
def test_whoever_began_the_trace_decides(flags: str, is_traced: bool) -> None:
    for ratio in (0.0, 1.0):
        begun = Desk(ratio).spans.begin(TRACE, f"00-{TRACE}-{PARENT}-{flags}", "")
        assert (begun is not None) == is_traced


@pytest.mark.parametrize("ratio", [0.0, 0.1, 0.5, 1.0])
def test_a_share_of_the_traces_that_begin_here_is_recorded(ratio: float) -> None:
    desk, chance = Desk(ratio), random.Random(3)
    traces = [f"{chance.getrandbits(128):032x}" for _ in range(4_000)]

    recorded = sum(desk.spans.begin(trace, "", "") is not None for trace in traces)

    assert abs(recorded / len(traces) - ratio) < 0.03
    assert recorded in {0, len(traces)} if ratio in {0.0, 1.0} else 0 < recorded < len(traces)


def test_the_sampled_share_is_the_one_that_an_sdk_with_the_same_ratio_samples() -> None:
    from opentelemetry.sdk.trace.sampling import Decision, TraceIdRatioBased

    sampler, desk, chance = TraceIdRatioBased(0.3), Desk(0.3), random.Random(4)
    for _ in range(2_000):
        number = chance.getrandbits(128)
        expected = sampler.should_sample(None, number, "").decision is Decision.RECORD_AND_SAMPLE
        assert (desk.spans.begin(f"{number:032x}", "", "") is not None) == expected


def test_without_a_way_out_there_are_no_spans() -> None:
    spans = Spans(clock=ManualClock(), source=random.Random(1), ratio=1.0, put=None)

    assert spans.begin(TRACE, f"00-{TRACE}-{PARENT}-01", "") is None


def test_a_state_that_is_too_long_is_left_out() -> None:
    assert Desk().span_of(f"00-{TRACE}-{PARENT}-01", "k=" + "v" * 600).trace_state == ""
