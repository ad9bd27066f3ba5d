"""Route requests from the wire. Everything that `protovalidate` cannot say is checked here: sizes of text, set-ness."""

from __future__ import annotations

import struct

from google.protobuf.duration_pb2 import Duration

from atp_grpc.domain.request import (
    NO_CONSTRAINTS,
    Constraints,
    FeatureVector,
    NamedObjective,
    Objective,
    RouteRequest,
    Weights,
)
from atp_grpc.pb.atp.v1 import route_service_pb2 as route_pb
from atp_grpc.pb.atp.v1 import routing_pb2 as routing_pb
from atp_grpc.services.convert.conversations import check_size, text_of

MAX_TEXT_BYTES = 256 * 1024

_OBJECTIVES: dict[int, NamedObjective | None] = {
    routing_pb.NAMED_OBJECTIVE_UNSPECIFIED: None,
    routing_pb.NAMED_OBJECTIVE_BALANCED: NamedObjective.BALANCED,
    routing_pb.NAMED_OBJECTIVE_HIGHEST_QUALITY: NamedObjective.HIGHEST_QUALITY,
    routing_pb.NAMED_OBJECTIVE_LOWEST_COST: NamedObjective.LOWEST_COST,
    routing_pb.NAMED_OBJECTIVE_LOWEST_LATENCY: NamedObjective.LOWEST_LATENCY,
}


def route_request(message: route_pb.RouteRequest) -> RouteRequest:
    """The request in the domain's words.

    Raises:
        MessageTooLargeError: more than 256 KiB of text.
    """
    text, features = _input(message)
    return RouteRequest(
        text=text,
        features=features,
        input_tokens=message.input_tokens if message.HasField("input_tokens") else None,
        max_output_tokens=message.max_output_tokens if message.HasField("max_output_tokens") else None,
        constraints=constraints(message.constraints) if message.HasField("constraints") else NO_CONSTRAINTS,
        objective=objective(message.objective) if message.HasField("objective") else None,
        policy=message.policy,
        task_type=message.task_type,
        session_id=message.session_id,
        labels=dict(message.labels),
        min_revision=message.min_revision,
        request_id=message.request_id,
    )


def seconds(duration: Duration) -> float:
    """A span in seconds."""
    return float(duration.seconds) + float(duration.nanos) / 1e9


def _input(message: route_pb.RouteRequest) -> tuple[str | None, FeatureVector | None]:
    kind = message.WhichOneof("input")
    if kind == "features":
        values = message.features.values
        return None, FeatureVector(message.features.schema_id, struct.pack(f"<{len(values)}f", *values))
    text = message.prompt if kind == "prompt" else text_of(message.conversation.messages)
    check_size(text, MAX_TEXT_BYTES)
    return text, None


def constraints(message: routing_pb.Constraints) -> Constraints:
    """What a model must satisfy."""
    return Constraints(
        max_cost_nano_usd=message.max_cost_nano_usd if message.HasField("max_cost_nano_usd") else None,
        quality_floor=message.quality_floor if message.HasField("quality_floor") else None,
        latency_slo_seconds=seconds(message.latency_slo) if message.HasField("latency_slo") else None,
        required_capabilities=frozenset(message.required_capabilities),
        allowed_models=frozenset(message.allowed_models),
        denied_models=frozenset(message.denied_models),
        region=message.region,
        data_scope=message.data_scope,
    )


def objective(message: routing_pb.Objective) -> Objective:
    """What to optimise; None when the message leaves it to the policy."""
    if message.WhichOneof("kind") == "weights":
        return Weights(cost=message.weights.cost, latency=message.weights.latency)
    return _OBJECTIVES[message.named]
