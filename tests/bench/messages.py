"""What the transport benches send and get: a 300-character prompt, and a reply of the shape Route gives."""

from __future__ import annotations

import struct

from atp_grpc.pb.atp.v1 import route_service_pb2 as route_pb
from atp_grpc.pb.atp.v1 import routing_pb2

PROMPT = (
    "A warehouse ships 48 boxes in the morning and twice as many in the afternoon. Each box holds 12 lamps, and 3 "
    "percent of the lamps arrive broken. How many whole lamps were delivered that day? Show each step of the "
    "calculation, then give the final answer alone on the last line, as a whole number."
)


def route_request() -> route_pb.RouteRequest:
    """A Route request as a backend would send it, without an id (each call is a new decision)."""
    return route_pb.RouteRequest(
        prompt=PROMPT,
        max_output_tokens=512,
        task_type="arithmetic",
        session_id="5f0c2a34-9c1e-4a55-9d0b-3a6f0c6f2b11",
        labels={"team": "support", "feature": "checkout"},
    )


def frame(message: bytes) -> bytes:
    """A gRPC message frame, uncompressed."""
    return struct.pack(">BI", 0, len(message)) + message


def echo_response() -> route_pb.RouteResponse:
    """Builds, field by field, a reply of the size and shape of a decision."""

    def expected(quality: float) -> routing_pb2.Expectation:
        message = routing_pb2.Expectation(quality=quality, cost_nano_usd=812_345, failure_rate=0.01)
        message.latency.nanos = 800_000_000
        return message

    def target(name: str) -> routing_pb2.Target:
        return routing_pb2.Target(model=name, deployment=f"{name}@alpha", provider="alpha")

    response = route_pb.RouteResponse(
        decision_id="0190a1b2c3d4e5f60718293a4b5c6d7e",
        feedback_token=b"\x07" * 230,
        target=target("cobalt-base"),
        expected=expected(0.91),
        propensity=0.985,
        fallbacks=[
            routing_pb2.Fallback(target=target(name), expected=expected(0.9))
            for name in ("ember-mini", "cobalt-pro", "onyx-large")
        ],
        policy="default",
        policy_version=1,
        catalog_revision=1,
        learner_revision=1000,
        reason_codes=[routing_pb2.REASON_CODE_CONTEXT_USED],
        engine="native",
    )
    response.decided_at.seconds = 1_700_000_000
    response.feedback_expires_at.seconds = 1_700_604_800
    return response
