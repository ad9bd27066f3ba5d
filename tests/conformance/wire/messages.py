"""Requests of every kind, as messages that keep the rules, as messages that may not, and as bytes gone wrong.

Entered by the laws of the wire. Nothing here knows what a reader makes of them.
"""

from __future__ import annotations

from hypothesis import strategies as st

from atp_grpc.pb.atp.v1 import route_service_pb2 as pb
from atp_grpc.pb.atp.v1 import routing_pb2

WORDS = st.text(max_size=8)
NAMES = st.text(min_size=1, max_size=8)
TOKENS = st.integers(1, 100_000_000)
FLOATS = st.floats(-1e6, 1e6, width=32)
TURNS = st.builds(
    routing_pb2.Message,
    role=st.sampled_from([1, 2, 3]),
    parts=st.lists(st.builds(routing_pb2.Part, text=WORDS), min_size=1, max_size=3),
)
CONSTRAINTS = st.builds(
    routing_pb2.Constraints,
    max_cost_nano_usd=st.none() | st.integers(0, 2**62),
    quality_floor=st.none() | st.floats(0, 1),
    required_capabilities=st.lists(NAMES, unique=True, max_size=3),
    allowed_models=st.lists(NAMES, unique=True, max_size=3),
    denied_models=st.lists(NAMES, unique=True, max_size=3),
    region=WORDS,
    data_scope=WORDS,
)
OBJECTIVES = st.builds(routing_pb2.Objective, named=st.sampled_from([0, 1, 2, 3, 4])) | st.builds(
    routing_pb2.Objective,
    weights=st.builds(routing_pb2.Weights, cost=st.floats(0, 1e6), latency=st.floats(0, 1e6)),
)
INPUTS = st.one_of(
    st.fixed_dictionaries({"prompt": st.text(min_size=1, max_size=40)}),
    st.fixed_dictionaries(
        {"conversation": st.builds(routing_pb2.Conversation, messages=st.lists(TURNS, min_size=1, max_size=3))}
    ),
    st.fixed_dictionaries(
        {"features": st.builds(routing_pb2.Features, schema_id=NAMES, values=st.lists(FLOATS, min_size=1, max_size=9))}
    ),
)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "request_id": st.from_regex(r"[A-Za-z0-9_.:-]{1,64}", fullmatch=True),
        "input_tokens": st.just(0) | TOKENS,
        "max_output_tokens": TOKENS,
        "task_type": WORDS,
        "constraints": CONSTRAINTS,
        "objective": OBJECTIVES,
        "policy": WORDS,
        "session_id": WORDS,
        "labels": st.dictionaries(NAMES, WORDS, max_size=4),
        "min_revision": st.integers(0, 2**63 - 1),
    },
)
VALID = st.builds(lambda asked, fields: pb.RouteRequest(**asked, **fields), INPUTS, FIELDS)
"""Messages that break no rule."""

_WRONG = st.sampled_from(
    [
        {},
        {"prompt": ""},
        {"prompt": "a", "request_id": "not an id"},
        {"prompt": "a", "request_id": "x" * 65},
        {"prompt": "a", "input_tokens": -1},
        {"prompt": "a", "input_tokens": 100_000_001},
        {"prompt": "a", "max_output_tokens": 0},
        {"prompt": "a", "min_revision": -1},
        {"prompt": "a", "policy": "x" * 65},
        {"prompt": "a", "task_type": "𝄞" * 65},
        {"prompt": "a", "session_id": "x" * 129},
        {"prompt": "a", "labels": {"": "x"}},
        {"prompt": "a", "labels": {"x" * 65: ""}},
        {"prompt": "a", "labels": {"x": "y" * 257}},
        {"prompt": "a", "labels": {str(number): "" for number in range(33)}},
        {"prompt": "a", "constraints": {"quality_floor": 1.5}},
        {"prompt": "a", "constraints": {"max_cost_nano_usd": -1}},
        {"prompt": "a", "constraints": {"region": "x" * 65}},
        {"prompt": "a", "constraints": {"allowed_models": ["a", "a"]}},
        {"prompt": "a", "constraints": {"latency_slo": {}}},
        {"prompt": "a", "objective": {"weights": {"cost": -1.0}}},
        {"prompt": "a", "objective": {"weights": {"latency": float("nan")}}},
        {"prompt": "x" * (256 * 1024 + 1)},
        {"conversation": {}},
        {"conversation": {"messages": [{"role": 2}]}},
        {"conversation": {"messages": [{"parts": [{"text": "hi"}]}]}},
        {"conversation": {"messages": [{"role": 2, "parts": [{}]}]}},
        {"conversation": {"messages": [{"role": 2, "parts": [{"text": ""}] * 65}]}},
        {"features": {"schema_id": "", "values": [1.0]}},
        {"features": {"schema_id": "x"}},
        {"features": {"schema_id": "x", "values": [float("nan")]}},
        {"features": {"schema_id": "x", "values": [float("inf")]}},
        {"features": {"schema_id": "x", "values": [1000001.0]}},
        {"features": {"schema_id": "x", "values": [0.0] * 1025}},
    ]
)
WRONG = st.builds(lambda fields: pb.RouteRequest(**fields), _WRONG)
"""Messages that break one rule each."""


_CALL = st.builds(routing_pb2.ToolCall, call_id=NAMES, name=NAMES, arguments_json=WORDS)
_RESULT = st.builds(routing_pb2.ToolResult, call_id=NAMES, text=WORDS, is_error=st.booleans())
_PARTS = st.one_of(
    st.builds(routing_pb2.Part, text=WORDS),
    st.builds(routing_pb2.Part, image=st.just(routing_pb2.Image(uri="https://a/b"))),
    st.builds(routing_pb2.Part, tool_call=_CALL),
    st.builds(routing_pb2.Part, tool_result=_RESULT),
)
_RICH_TURNS = st.builds(
    routing_pb2.Message, role=st.sampled_from([1, 2, 3, 4]), parts=st.lists(_PARTS, min_size=1, max_size=3)
)
RICH = st.builds(
    lambda turns, fields: pb.RouteRequest(conversation={"messages": turns}, **fields),
    st.lists(_RICH_TURNS, min_size=1, max_size=3),
    FIELDS,
)
"""Messages that break no rule and hold more than texts."""


@st.composite
def mutated(draw: st.DrawFn, messages: st.SearchStrategy[bytes]) -> bytes:
    """Bytes of messages, glued together, cut, or with some of them changed."""
    payload = bytearray(draw(messages))
    for _ in range(draw(st.integers(0, 3))):
        change = draw(st.sampled_from(["glue", "cut", "flip", "insert", "repeat"]))
        at = draw(st.integers(0, len(payload)))
        if change == "glue":
            payload += draw(messages)
        elif change == "cut":
            del payload[at : at + draw(st.integers(1, 4))]
        elif change == "insert":
            payload[at:at] = draw(st.binary(min_size=1, max_size=4))
        elif change == "repeat":
            payload[at:at] = payload[at : at + draw(st.integers(1, 12))]
        elif at < len(payload):
            payload[at] ^= 1 << draw(st.integers(0, 7))
    return bytes(payload)


PAYLOADS = mutated((VALID | WRONG | RICH).map(lambda message: message.SerializeToString()))
"""Bytes that are often a request, and often nearly one."""
