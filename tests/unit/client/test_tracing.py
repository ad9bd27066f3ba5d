"""A caller who traces with OpenTelemetry sends its trace along; one who does not sends nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, Sampler
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from atp_grpc.client import AtpClient
from atp_grpc.client.messages import RouteRequest
from atp_grpc.client.tracing import trace_metadata
from tests.unit.client.scripted_server import Scripted


def propagated() -> dict[str, str]:
    """What OpenTelemetry itself would send now."""
    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier


@pytest.mark.parametrize("sampler", [ALWAYS_ON, ALWAYS_OFF])
def test_what_is_sent_is_what_opentelemetry_sends_sampled_or_not(sampler: Sampler) -> None:
    tracer = TracerProvider(sampler=sampler).get_tracer("caller")

    with tracer.start_as_current_span("work"):
        sent = dict(trace_metadata())
        assert sent == propagated()
        assert int(sent["traceparent"][-2:], 16) & 1 == (sampler is ALWAYS_ON)


def test_the_state_of_the_trace_goes_along() -> None:
    remote = trace.SpanContext(
        trace_id=0x4BF92F3577B34DA6A3CE929D0E0E4736,
        span_id=0x00F067AA0BA902B7,
        is_remote=True,
        trace_flags=trace.TraceFlags(trace.TraceFlags.SAMPLED),
        trace_state=trace.TraceState([("vendor", "a1"), ("other", "b2")]),
    )

    with trace.use_span(trace.NonRecordingSpan(remote)):
        assert dict(trace_metadata()) == propagated()
        assert dict(trace_metadata())["tracestate"] == "vendor=a1,other=b2"


def test_without_a_span_nothing_is_sent() -> None:
    assert trace_metadata() == ()


def test_a_caller_who_does_not_trace_never_loads_opentelemetry() -> None:
    script = (
        "import sys; from atp_grpc.client.tracing import trace_metadata; import atp_grpc.client\n"
        "print(trace_metadata(), [name for name in sys.modules if name.startswith('opentelemetry')])"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "() []"


async def test_a_call_within_a_span_carries_it_and_the_next_one_does_not(server: Scripted) -> None:
    tracer = TracerProvider().get_tracer("caller")
    async with AtpClient.open(server.target, credential="atp_test_k_s") as atp:
        with tracer.start_as_current_span("work"):
            expected = propagated()["traceparent"]
            await atp.route(RouteRequest(prompt="hello"))
        await atp.route(RouteRequest(prompt="hello"))

    first, second = (call.metadata for call in server.received)
    assert first["traceparent"] == expected
    assert first["authorization"] == second["authorization"] == "Bearer atp_test_k_s"
    assert "traceparent" not in second
