import datetime

from atp_grpc.pb.atp.v1 import generation_pb2 as _generation_pb2
from atp_grpc.pb.atp.v1 import outcome_pb2 as _outcome_pb2
from atp_grpc.pb.atp.v1 import routing_pb2 as _routing_pb2
from atp_grpc.pb.buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FaultReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FAULT_REASON_UNSPECIFIED: _ClassVar[FaultReason]
    FAULT_REASON_QUOTA_SPENT: _ClassVar[FaultReason]
    FAULT_REASON_OVERLOADED: _ClassVar[FaultReason]
    FAULT_REASON_CONTENT_REFUSED: _ClassVar[FaultReason]
    FAULT_REASON_CUT: _ClassVar[FaultReason]
    FAULT_REASON_STALLED: _ClassVar[FaultReason]
    FAULT_REASON_MALFORMED: _ClassVar[FaultReason]
    FAULT_REASON_REQUEST_TOO_LARGE: _ClassVar[FaultReason]

class ServingState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SERVING_STATE_UNSPECIFIED: _ClassVar[ServingState]
    SERVING_STATE_READY: _ClassVar[ServingState]
    SERVING_STATE_BUSY: _ClassVar[ServingState]
    SERVING_STATE_PAUSED: _ClassVar[ServingState]
    SERVING_STATE_DRAINING: _ClassVar[ServingState]
FAULT_REASON_UNSPECIFIED: FaultReason
FAULT_REASON_QUOTA_SPENT: FaultReason
FAULT_REASON_OVERLOADED: FaultReason
FAULT_REASON_CONTENT_REFUSED: FaultReason
FAULT_REASON_CUT: FaultReason
FAULT_REASON_STALLED: FaultReason
FAULT_REASON_MALFORMED: FaultReason
FAULT_REASON_REQUEST_TOO_LARGE: FaultReason
SERVING_STATE_UNSPECIFIED: ServingState
SERVING_STATE_READY: ServingState
SERVING_STATE_BUSY: ServingState
SERVING_STATE_PAUSED: ServingState
SERVING_STATE_DRAINING: ServingState

class DescribeRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class DescribeResponse(_message.Message):
    __slots__ = ("name", "version", "models", "open_calls")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    MODELS_FIELD_NUMBER: _ClassVar[int]
    OPEN_CALLS_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: str
    models: _containers.RepeatedCompositeFieldContainer[ModelDescription]
    open_calls: int
    def __init__(self, name: _Optional[str] = ..., version: _Optional[str] = ..., models: _Optional[_Iterable[_Union[ModelDescription, _Mapping]]] = ..., open_calls: _Optional[int] = ...) -> None: ...

class ModelDescription(_message.Message):
    __slots__ = ("name", "max_context_tokens", "max_output_tokens", "capabilities")
    NAME_FIELD_NUMBER: _ClassVar[int]
    MAX_CONTEXT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    MAX_OUTPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    CAPABILITIES_FIELD_NUMBER: _ClassVar[int]
    name: str
    max_context_tokens: int
    max_output_tokens: int
    capabilities: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., max_context_tokens: _Optional[int] = ..., max_output_tokens: _Optional[int] = ..., capabilities: _Optional[_Iterable[str]] = ...) -> None: ...

class Generation(_message.Message):
    __slots__ = ("model", "conversation", "max_output_tokens", "tools", "tool_choice", "response_format", "sampling")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_FIELD_NUMBER: _ClassVar[int]
    MAX_OUTPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    TOOLS_FIELD_NUMBER: _ClassVar[int]
    TOOL_CHOICE_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_FORMAT_FIELD_NUMBER: _ClassVar[int]
    SAMPLING_FIELD_NUMBER: _ClassVar[int]
    model: str
    conversation: _routing_pb2.Conversation
    max_output_tokens: int
    tools: _containers.RepeatedCompositeFieldContainer[_generation_pb2.Tool]
    tool_choice: _generation_pb2.ToolChoice
    response_format: _generation_pb2.ResponseFormat
    sampling: _generation_pb2.Sampling
    def __init__(self, model: _Optional[str] = ..., conversation: _Optional[_Union[_routing_pb2.Conversation, _Mapping]] = ..., max_output_tokens: _Optional[int] = ..., tools: _Optional[_Iterable[_Union[_generation_pb2.Tool, _Mapping]]] = ..., tool_choice: _Optional[_Union[_generation_pb2.ToolChoice, _Mapping]] = ..., response_format: _Optional[_Union[_generation_pb2.ResponseFormat, _Mapping]] = ..., sampling: _Optional[_Union[_generation_pb2.Sampling, _Mapping]] = ...) -> None: ...

class EstimateRequest(_message.Message):
    __slots__ = ("generation",)
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    generation: Generation
    def __init__(self, generation: _Optional[_Union[Generation, _Mapping]] = ...) -> None: ...

class EstimateResponse(_message.Message):
    __slots__ = ("input_tokens", "mean_output_tokens", "p95_output_tokens")
    INPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    MEAN_OUTPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    P95_OUTPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    input_tokens: int
    mean_output_tokens: int
    p95_output_tokens: int
    def __init__(self, input_tokens: _Optional[int] = ..., mean_output_tokens: _Optional[int] = ..., p95_output_tokens: _Optional[int] = ...) -> None: ...

class GenerateRequest(_message.Message):
    __slots__ = ("generation", "call_id", "is_streamed", "wants_certainty", "session")
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    IS_STREAMED_FIELD_NUMBER: _ClassVar[int]
    WANTS_CERTAINTY_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    generation: Generation
    call_id: str
    is_streamed: bool
    wants_certainty: bool
    session: str
    def __init__(self, generation: _Optional[_Union[Generation, _Mapping]] = ..., call_id: _Optional[str] = ..., is_streamed: _Optional[bool] = ..., wants_certainty: _Optional[bool] = ..., session: _Optional[str] = ...) -> None: ...

class GenerateResponse(_message.Message):
    __slots__ = ("delta_text", "delta_tool_call", "delta_certainty", "total_usage", "allowance", "finish")
    DELTA_TEXT_FIELD_NUMBER: _ClassVar[int]
    DELTA_TOOL_CALL_FIELD_NUMBER: _ClassVar[int]
    DELTA_CERTAINTY_FIELD_NUMBER: _ClassVar[int]
    TOTAL_USAGE_FIELD_NUMBER: _ClassVar[int]
    ALLOWANCE_FIELD_NUMBER: _ClassVar[int]
    FINISH_FIELD_NUMBER: _ClassVar[int]
    delta_text: str
    delta_tool_call: _generation_pb2.ToolCallDelta
    delta_certainty: Certainty
    total_usage: _outcome_pb2.Usage
    allowance: Allowance
    finish: Finish
    def __init__(self, delta_text: _Optional[str] = ..., delta_tool_call: _Optional[_Union[_generation_pb2.ToolCallDelta, _Mapping]] = ..., delta_certainty: _Optional[_Union[Certainty, _Mapping]] = ..., total_usage: _Optional[_Union[_outcome_pb2.Usage, _Mapping]] = ..., allowance: _Optional[_Union[Allowance, _Mapping]] = ..., finish: _Optional[_Union[Finish, _Mapping]] = ...) -> None: ...

class Certainty(_message.Message):
    __slots__ = ("log_probability", "tokens")
    LOG_PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    log_probability: float
    tokens: int
    def __init__(self, log_probability: _Optional[float] = ..., tokens: _Optional[int] = ...) -> None: ...

class Allowance(_message.Message):
    __slots__ = ("requests_left", "tokens_left", "reset")
    REQUESTS_LEFT_FIELD_NUMBER: _ClassVar[int]
    TOKENS_LEFT_FIELD_NUMBER: _ClassVar[int]
    RESET_FIELD_NUMBER: _ClassVar[int]
    requests_left: int
    tokens_left: int
    reset: _duration_pb2.Duration
    def __init__(self, requests_left: _Optional[int] = ..., tokens_left: _Optional[int] = ..., reset: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class Finish(_message.Message):
    __slots__ = ("reason", "revision")
    REASON_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    reason: _generation_pb2.FinishReason
    revision: str
    def __init__(self, reason: _Optional[_Union[_generation_pb2.FinishReason, str]] = ..., revision: _Optional[str] = ...) -> None: ...

class WatchRequest(_message.Message):
    __slots__ = ("model",)
    MODEL_FIELD_NUMBER: _ClassVar[int]
    model: str
    def __init__(self, model: _Optional[str] = ...) -> None: ...

class WatchResponse(_message.Message):
    __slots__ = ("state", "suggested_window", "lease")
    STATE_FIELD_NUMBER: _ClassVar[int]
    SUGGESTED_WINDOW_FIELD_NUMBER: _ClassVar[int]
    LEASE_FIELD_NUMBER: _ClassVar[int]
    state: ServingState
    suggested_window: int
    lease: _duration_pb2.Duration
    def __init__(self, state: _Optional[_Union[ServingState, str]] = ..., suggested_window: _Optional[int] = ..., lease: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...
