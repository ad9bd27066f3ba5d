import datetime

from atp_grpc.pb.atp.v1 import generation_pb2 as _generation_pb2
from atp_grpc.pb.atp.v1 import outcome_pb2 as _outcome_pb2
from atp_grpc.pb.atp.v1 import permission_pb2 as _permission_pb2
from atp_grpc.pb.atp.v1 import route_service_pb2 as _route_service_pb2
from atp_grpc.pb.atp.v1 import routing_pb2 as _routing_pb2
from atp_grpc.pb.buf.validate import validate_pb2 as _validate_pb2
from google.api import annotations_pb2 as _annotations_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class OnCut(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ON_CUT_UNSPECIFIED: _ClassVar[OnCut]
    ON_CUT_FAIL: _ClassVar[OnCut]
    ON_CUT_RESTART: _ClassVar[OnCut]
    ON_CUT_RESUME: _ClassVar[OnCut]

class CacheUse(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CACHE_USE_UNSPECIFIED: _ClassVar[CacheUse]
    CACHE_USE_OFF: _ClassVar[CacheUse]
    CACHE_USE_READ_AND_WRITE: _ClassVar[CacheUse]
    CACHE_USE_IF_UNAVAILABLE: _ClassVar[CacheUse]

class CacheOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CACHE_OUTCOME_UNSPECIFIED: _ClassVar[CacheOutcome]
    CACHE_OUTCOME_MISS: _ClassVar[CacheOutcome]
    CACHE_OUTCOME_HIT: _ClassVar[CacheOutcome]
    CACHE_OUTCOME_STALE: _ClassVar[CacheOutcome]
ON_CUT_UNSPECIFIED: OnCut
ON_CUT_FAIL: OnCut
ON_CUT_RESTART: OnCut
ON_CUT_RESUME: OnCut
CACHE_USE_UNSPECIFIED: CacheUse
CACHE_USE_OFF: CacheUse
CACHE_USE_READ_AND_WRITE: CacheUse
CACHE_USE_IF_UNAVAILABLE: CacheUse
CACHE_OUTCOME_UNSPECIFIED: CacheOutcome
CACHE_OUTCOME_MISS: CacheOutcome
CACHE_OUTCOME_HIT: CacheOutcome
CACHE_OUTCOME_STALE: CacheOutcome

class AskRequest(_message.Message):
    __slots__ = ("request_id", "prompt", "conversation", "max_output_tokens", "sampling", "tools", "tool_choice", "response_format", "on_cut", "cache", "task_type", "constraints", "objective", "policy", "session_id", "labels", "min_revision")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    PROMPT_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_FIELD_NUMBER: _ClassVar[int]
    MAX_OUTPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    SAMPLING_FIELD_NUMBER: _ClassVar[int]
    TOOLS_FIELD_NUMBER: _ClassVar[int]
    TOOL_CHOICE_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_FORMAT_FIELD_NUMBER: _ClassVar[int]
    ON_CUT_FIELD_NUMBER: _ClassVar[int]
    CACHE_FIELD_NUMBER: _ClassVar[int]
    TASK_TYPE_FIELD_NUMBER: _ClassVar[int]
    CONSTRAINTS_FIELD_NUMBER: _ClassVar[int]
    OBJECTIVE_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    MIN_REVISION_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    prompt: str
    conversation: _routing_pb2.Conversation
    max_output_tokens: int
    sampling: _generation_pb2.Sampling
    tools: _containers.RepeatedCompositeFieldContainer[_generation_pb2.Tool]
    tool_choice: _generation_pb2.ToolChoice
    response_format: _generation_pb2.ResponseFormat
    on_cut: OnCut
    cache: CacheUse
    task_type: str
    constraints: _routing_pb2.Constraints
    objective: _routing_pb2.Objective
    policy: str
    session_id: str
    labels: _containers.ScalarMap[str, str]
    min_revision: int
    def __init__(self, request_id: _Optional[str] = ..., prompt: _Optional[str] = ..., conversation: _Optional[_Union[_routing_pb2.Conversation, _Mapping]] = ..., max_output_tokens: _Optional[int] = ..., sampling: _Optional[_Union[_generation_pb2.Sampling, _Mapping]] = ..., tools: _Optional[_Iterable[_Union[_generation_pb2.Tool, _Mapping]]] = ..., tool_choice: _Optional[_Union[_generation_pb2.ToolChoice, _Mapping]] = ..., response_format: _Optional[_Union[_generation_pb2.ResponseFormat, _Mapping]] = ..., on_cut: _Optional[_Union[OnCut, str]] = ..., cache: _Optional[_Union[CacheUse, str]] = ..., task_type: _Optional[str] = ..., constraints: _Optional[_Union[_routing_pb2.Constraints, _Mapping]] = ..., objective: _Optional[_Union[_routing_pb2.Objective, _Mapping]] = ..., policy: _Optional[str] = ..., session_id: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ..., min_revision: _Optional[int] = ...) -> None: ...

class AskStreamRequest(_message.Message):
    __slots__ = ("request",)
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    request: AskRequest
    def __init__(self, request: _Optional[_Union[AskRequest, _Mapping]] = ...) -> None: ...

class AskAttempt(_message.Message):
    __slots__ = ("target", "error", "usage", "cost_nano_usd", "latency", "is_estimated")
    TARGET_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    COST_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    LATENCY_FIELD_NUMBER: _ClassVar[int]
    IS_ESTIMATED_FIELD_NUMBER: _ClassVar[int]
    target: _routing_pb2.Target
    error: _outcome_pb2.AttemptError
    usage: _outcome_pb2.Usage
    cost_nano_usd: int
    latency: _duration_pb2.Duration
    is_estimated: bool
    def __init__(self, target: _Optional[_Union[_routing_pb2.Target, _Mapping]] = ..., error: _Optional[_Union[_outcome_pb2.AttemptError, str]] = ..., usage: _Optional[_Union[_outcome_pb2.Usage, _Mapping]] = ..., cost_nano_usd: _Optional[int] = ..., latency: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., is_estimated: _Optional[bool] = ...) -> None: ...

class LatencySplit(_message.Message):
    __slots__ = ("queue", "route", "first_token", "total")
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    ROUTE_FIELD_NUMBER: _ClassVar[int]
    FIRST_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    queue: _duration_pb2.Duration
    route: _duration_pb2.Duration
    first_token: _duration_pb2.Duration
    total: _duration_pb2.Duration
    def __init__(self, queue: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., route: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., first_token: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., total: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class Delta(_message.Message):
    __slots__ = ("text", "tool_call", "total_characters")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    TOOL_CALL_FIELD_NUMBER: _ClassVar[int]
    TOTAL_CHARACTERS_FIELD_NUMBER: _ClassVar[int]
    text: str
    tool_call: _generation_pb2.ToolCallDelta
    total_characters: int
    def __init__(self, text: _Optional[str] = ..., tool_call: _Optional[_Union[_generation_pb2.ToolCallDelta, _Mapping]] = ..., total_characters: _Optional[int] = ...) -> None: ...

class Switch(_message.Message):
    __slots__ = ("left", "entered", "error", "restarts")
    LEFT_FIELD_NUMBER: _ClassVar[int]
    ENTERED_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    RESTARTS_FIELD_NUMBER: _ClassVar[int]
    left: _routing_pb2.Target
    entered: _routing_pb2.Target
    error: _outcome_pb2.AttemptError
    restarts: bool
    def __init__(self, left: _Optional[_Union[_routing_pb2.Target, _Mapping]] = ..., entered: _Optional[_Union[_routing_pb2.Target, _Mapping]] = ..., error: _Optional[_Union[_outcome_pb2.AttemptError, str]] = ..., restarts: _Optional[bool] = ...) -> None: ...

class UsageSoFar(_message.Message):
    __slots__ = ("total_usage", "total_cost_nano_usd", "is_estimated")
    TOTAL_USAGE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_COST_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    IS_ESTIMATED_FIELD_NUMBER: _ClassVar[int]
    total_usage: _outcome_pb2.Usage
    total_cost_nano_usd: int
    is_estimated: bool
    def __init__(self, total_usage: _Optional[_Union[_outcome_pb2.Usage, _Mapping]] = ..., total_cost_nano_usd: _Optional[int] = ..., is_estimated: _Optional[bool] = ...) -> None: ...

class Final(_message.Message):
    __slots__ = ("target", "finish_reason", "total_usage", "total_cost_nano_usd", "estimated_cost_nano_usd", "is_estimated", "attempts", "latency", "cache", "model_revision", "confidence")
    TARGET_FIELD_NUMBER: _ClassVar[int]
    FINISH_REASON_FIELD_NUMBER: _ClassVar[int]
    TOTAL_USAGE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_COST_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    ESTIMATED_COST_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    IS_ESTIMATED_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    LATENCY_FIELD_NUMBER: _ClassVar[int]
    CACHE_FIELD_NUMBER: _ClassVar[int]
    MODEL_REVISION_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    target: _routing_pb2.Target
    finish_reason: _generation_pb2.FinishReason
    total_usage: _outcome_pb2.Usage
    total_cost_nano_usd: int
    estimated_cost_nano_usd: int
    is_estimated: bool
    attempts: _containers.RepeatedCompositeFieldContainer[AskAttempt]
    latency: LatencySplit
    cache: CacheOutcome
    model_revision: str
    confidence: float
    def __init__(self, target: _Optional[_Union[_routing_pb2.Target, _Mapping]] = ..., finish_reason: _Optional[_Union[_generation_pb2.FinishReason, str]] = ..., total_usage: _Optional[_Union[_outcome_pb2.Usage, _Mapping]] = ..., total_cost_nano_usd: _Optional[int] = ..., estimated_cost_nano_usd: _Optional[int] = ..., is_estimated: _Optional[bool] = ..., attempts: _Optional[_Iterable[_Union[AskAttempt, _Mapping]]] = ..., latency: _Optional[_Union[LatencySplit, _Mapping]] = ..., cache: _Optional[_Union[CacheOutcome, str]] = ..., model_revision: _Optional[str] = ..., confidence: _Optional[float] = ...) -> None: ...

class AskResponse(_message.Message):
    __slots__ = ("decision", "text", "tool_calls", "final")
    DECISION_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    TOOL_CALLS_FIELD_NUMBER: _ClassVar[int]
    FINAL_FIELD_NUMBER: _ClassVar[int]
    decision: _route_service_pb2.RouteResponse
    text: str
    tool_calls: _containers.RepeatedCompositeFieldContainer[_routing_pb2.ToolCall]
    final: Final
    def __init__(self, decision: _Optional[_Union[_route_service_pb2.RouteResponse, _Mapping]] = ..., text: _Optional[str] = ..., tool_calls: _Optional[_Iterable[_Union[_routing_pb2.ToolCall, _Mapping]]] = ..., final: _Optional[_Union[Final, _Mapping]] = ...) -> None: ...

class AskStreamResponse(_message.Message):
    __slots__ = ("sequence", "decision", "delta", "switch", "usage", "final")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    DELTA_FIELD_NUMBER: _ClassVar[int]
    SWITCH_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    FINAL_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    decision: _route_service_pb2.RouteResponse
    delta: Delta
    switch: Switch
    usage: UsageSoFar
    final: Final
    def __init__(self, sequence: _Optional[int] = ..., decision: _Optional[_Union[_route_service_pb2.RouteResponse, _Mapping]] = ..., delta: _Optional[_Union[Delta, _Mapping]] = ..., switch: _Optional[_Union[Switch, _Mapping]] = ..., usage: _Optional[_Union[UsageSoFar, _Mapping]] = ..., final: _Optional[_Union[Final, _Mapping]] = ...) -> None: ...
