"""Whatever is written on the wire of adapters is read back the same; statuses and faults say the same thing."""

from __future__ import annotations

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.domain.ask import FinishReason
from atp_grpc.domain.conversation import (
    ImagePart,
    Prompt,
    ResponseFormat,
    Role,
    Sampling,
    TextPart,
    Tool,
    ToolCallPart,
    ToolChoice,
    ToolMode,
    ToolResultPart,
    Turn,
)
from atp_grpc.domain.endpoint import Dialect, Endpoint
from atp_grpc.domain.outcome import Usage
from atp_grpc.pb.atp.adapter.v1 import adapter_service_pb2
from atp_grpc.providers.contract import (
    Allowance,
    Certainty,
    FaultKind,
    Finished,
    Generation,
    ProviderFault,
    TextDelta,
    ToolCallDelta,
    Used,
)
from atp_grpc.providers.remote.events import event_message, read_event
from atp_grpc.providers.remote.faults import fault_status, read_fault
from atp_grpc.providers.remote.requests import generate_request, read_generation
from atp_grpc.providers.remote.watching import STATES
from atp_grpc.providers.standing import ServingState

TEXT = st.text(max_size=20)
COUNT = st.integers(0, 10**9)
UNKNOWN_OR_COUNT = st.none() | COUNT
PARTS = st.one_of(
    st.builds(TextPart, TEXT),
    st.builds(ImagePart, TEXT),
    st.builds(ToolCallPart, TEXT, TEXT, TEXT),
    st.builds(ToolResultPart, TEXT, TEXT, st.booleans()),
)
TURNS = st.lists(st.builds(Turn, st.sampled_from(Role), st.lists(PARTS, max_size=3).map(tuple)), max_size=3).map(tuple)
SAMPLING = st.builds(
    Sampling,
    st.none() | st.floats(0, 2),
    st.none() | st.floats(0, 1),
    st.lists(TEXT, max_size=2).map(tuple),
    st.none() | st.integers(-(2**63), 2**63 - 1),
)
TOOLS = st.lists(st.builds(Tool, TEXT, TEXT, TEXT), min_size=1, max_size=2).map(tuple)
EVENTS = st.one_of(
    st.builds(TextDelta, TEXT),
    st.builds(ToolCallDelta, st.integers(0, 9), TEXT, TEXT, TEXT),
    st.builds(Certainty, st.floats(-1e6, 0), COUNT),
    st.builds(Used, st.builds(Usage, *[UNKNOWN_OR_COUNT] * 5)),
    st.builds(Allowance, UNKNOWN_OR_COUNT, UNKNOWN_OR_COUNT, st.none() | st.integers(0, 10**6).map(float)),
    st.builds(Finished, st.sampled_from(FinishReason), TEXT),
)
ENDPOINT = Endpoint(Dialect.REMOTE, model="bee")


class Ended(grpc.aio.AioRpcError):
    """A status as it arrives."""

    def __init__(self, code: grpc.StatusCode, metadata: tuple[tuple[str, bytes], ...] = ()) -> None:
        super().__init__(code, grpc.aio.Metadata(), grpc.aio.Metadata(*metadata))


@given(
    st.builds(
        Prompt,
        turns=TURNS,
        tools=TOOLS,
        tool_choice=st.builds(ToolChoice, st.sampled_from(ToolMode), TEXT),
        response_format=st.just(ResponseFormat()),
        sampling=SAMPLING,
        max_output_tokens=st.just(7),
    ),
    st.booleans(),
    TEXT,
)
def test_a_generation_crosses_the_wire_unchanged(prompt: Prompt, is_streamed: bool, session: str) -> None:
    asked = Generation(ENDPOINT, "key", prompt, 7, is_streamed, "call-1", not is_streamed, session)
    crossed = adapter_service_pb2.GenerateRequest.FromString(generate_request(asked).SerializeToString())

    assert read_generation(crossed, ENDPOINT, "key") == asked


@given(EVENTS)
def test_an_event_crosses_the_wire_unchanged(event: TextDelta) -> None:
    crossed = adapter_service_pb2.GenerateResponse.FromString(event_message(event).SerializeToString())

    assert read_event(crossed) == event


def test_a_key_is_never_in_a_message() -> None:
    asked = Generation(ENDPOINT, "sk-very-secret", Prompt((Turn(Role.USER, (TextPart("hello"),)),)), 7)

    assert b"sk-very-secret" not in generate_request(asked).SerializeToString()


BEGUN = {FaultKind.UNAVAILABLE: FaultKind.CUT, FaultKind.TIMEOUT: FaultKind.STALLED}
OURS = {FaultKind.EGRESS_REFUSED: FaultKind.UNAVAILABLE}


@pytest.mark.parametrize("kind", FaultKind)
def test_a_fault_crosses_the_wire_and_keeps_its_kind(kind: FaultKind) -> None:
    code, _, metadata = fault_status(ProviderFault(kind, retry_after_seconds=2.5))
    status = Ended(code, metadata)

    before, after = read_fault(status, has_begun=False), read_fault(status, has_begun=True)

    at_first = {begun: not_begun for not_begun, begun in BEGUN.items()}
    sent = OURS.get(kind, kind)
    assert before.kind is at_first.get(sent, sent)
    assert after.kind is BEGUN.get(sent, sent)
    assert before.retry_after_seconds == 2.5


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (grpc.StatusCode.RESOURCE_EXHAUSTED, FaultKind.RATE_LIMITED),
        (grpc.StatusCode.PERMISSION_DENIED, FaultKind.KEY_REFUSED),
        (grpc.StatusCode.UNAUTHENTICATED, FaultKind.KEY_REFUSED),
        (grpc.StatusCode.NOT_FOUND, FaultKind.MODEL_UNKNOWN),
        (grpc.StatusCode.OUT_OF_RANGE, FaultKind.CONTEXT_LENGTH),
        (grpc.StatusCode.INVALID_ARGUMENT, FaultKind.INVALID_REQUEST),
        (grpc.StatusCode.DEADLINE_EXCEEDED, FaultKind.TIMEOUT),
        (grpc.StatusCode.UNIMPLEMENTED, FaultKind.MALFORMED),
        (grpc.StatusCode.UNAVAILABLE, FaultKind.UNAVAILABLE),
        (grpc.StatusCode.INTERNAL, FaultKind.UNAVAILABLE),
        (grpc.StatusCode.UNKNOWN, FaultKind.UNAVAILABLE),
    ],
)
def test_a_bare_status_is_understood(code: grpc.StatusCode, kind: FaultKind) -> None:
    fault = read_fault(Ended(code), has_begun=False)

    assert (fault.kind, fault.status, fault.retry_after_seconds) == (kind, code.value[0], None)


def test_details_that_cannot_be_read_leave_the_status_as_it_is() -> None:
    status = Ended(grpc.StatusCode.NOT_FOUND, (("grpc-status-details-bin", b"\xff\xff"),))

    assert read_fault(status, has_begun=False).kind is FaultKind.MODEL_UNKNOWN


def test_every_reason_on_the_wire_is_a_kind_of_fault() -> None:
    reasons = {name.removeprefix("FAULT_REASON_") for name in adapter_service_pb2.FaultReason.DESCRIPTOR.values_by_name}

    assert reasons - {"UNSPECIFIED"} <= set(FaultKind.__members__)


def test_every_state_on_the_wire_has_its_value_and_nobody_says_away() -> None:
    names = {name.removeprefix("SERVING_STATE_") for name in adapter_service_pb2.ServingState.DESCRIPTOR.values_by_name}

    assert names - {"UNSPECIFIED"} == {state.name for state in STATES}
    assert set(ServingState) - set(STATES) == {ServingState.AWAY}
