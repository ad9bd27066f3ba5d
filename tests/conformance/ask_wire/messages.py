"""Requests of Ask of every kind, as messages that keep the rules, as messages that may not, and as bytes gone wrong.

Entered by the laws of Ask's wire. Nothing here knows what a reader makes of them.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from atp_grpc.pb.atp.v1 import ask_service_pb2 as pb
from atp_grpc.pb.atp.v1 import generation_pb2, routing_pb2
from tests.conformance.wire.messages import CONSTRAINTS, NAMES, OBJECTIVES, TOKENS, TURNS, WORDS, mutated

SAMPLINGS = st.builds(
    generation_pb2.Sampling,
    temperature=st.none() | st.floats(0, 2),
    top_p=st.none() | st.floats(0, 1),
    stop=st.lists(NAMES, max_size=3),
    seed=st.none() | st.integers(-(2**63), 2**63 - 1),
)
INPUTS = st.fixed_dictionaries({"prompt": st.text(min_size=1, max_size=40)}) | st.fixed_dictionaries(
    {"conversation": st.builds(routing_pb2.Conversation, messages=st.lists(TURNS, min_size=1, max_size=3))}
)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "request_id": st.from_regex(r"[A-Za-z0-9_.:-]{1,64}", fullmatch=True),
        "max_output_tokens": TOKENS,
        "sampling": SAMPLINGS,
        "on_cut": st.integers(0, 3),
        "cache": st.integers(0, 3),
        "task_type": WORDS,
        "constraints": CONSTRAINTS,
        "objective": OBJECTIVES,
        "policy": WORDS,
        "session_id": WORDS,
        "labels": st.dictionaries(NAMES, WORDS, max_size=4),
        "min_revision": st.integers(0, 2**63 - 1),
    },
)
PLAIN = st.builds(lambda asked, fields: pb.AskRequest(**asked, **fields), INPUTS, FIELDS)
"""Messages that hold nothing but texts, and break no rule unless their last turn is empty."""
_RICHER = st.fixed_dictionaries(
    {},
    optional={
        "tools": st.lists(st.builds(generation_pb2.Tool, name=st.sampled_from(["a", "b", "a b"])), max_size=2),
        "tool_choice": st.builds(generation_pb2.ToolChoice, mode=st.integers(0, 4), name=st.sampled_from(["", "a"])),
        "response_format": st.builds(generation_pb2.ResponseFormat, kind=st.integers(0, 4)),
    },
)
RICH = st.builds(lambda asked, fields, more: pb.AskRequest(**asked, **fields, **more), INPUTS, FIELDS, _RICHER)
_BROKEN: list[dict[str, Any]] = [
    {},
    {"prompt": ""},
    {"prompt": "a", "request_id": "not an id"},
    {"prompt": "a", "max_output_tokens": 0},
    {"prompt": "a", "on_cut": 4},
    {"prompt": "a", "cache": -1},
    {"prompt": "a", "sampling": {"temperature": 2.5}},
    {"prompt": "a", "sampling": {"stop": [""]}},
    {"prompt": "a", "policy": "x" * 65},
    {"prompt": "a", "task_type": "𝄞" * 65},
    {"prompt": "a", "session_id": "x" * 129},
    {"prompt": "a", "labels": {"": "x"}},
    {"prompt": "a", "min_revision": -1},
    {"prompt": "a", "constraints": {"quality_floor": 1.5}},
    {"prompt": "a", "objective": {"weights": {"cost": -1.0}}},
    {"conversation": {}},
    {"conversation": {"messages": [{"role": 2}]}},
    {"conversation": {"messages": [{"role": 4, "parts": [{"text": "hi"}]}]}},
    {"conversation": {"messages": [{"role": 2, "parts": [{"text": "hi"}]}, {"role": 2, "parts": [{"text": ""}]}]}},
    {"conversation": {"messages": [{"role": 2, "parts": [{"text": ""}] * 65}]}},
]
WRONG = st.builds(lambda fields: pb.AskRequest(**fields), st.sampled_from(_BROKEN))
PAYLOADS = mutated((PLAIN | RICH | WRONG).map(lambda message: message.SerializeToString()))
"""Bytes that are often a request, and often nearly one."""
