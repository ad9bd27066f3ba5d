import datetime

from atp_grpc.pb.buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Role(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ROLE_UNSPECIFIED: _ClassVar[Role]
    ROLE_SYSTEM: _ClassVar[Role]
    ROLE_USER: _ClassVar[Role]
    ROLE_ASSISTANT: _ClassVar[Role]
    ROLE_TOOL: _ClassVar[Role]

class NamedObjective(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NAMED_OBJECTIVE_UNSPECIFIED: _ClassVar[NamedObjective]
    NAMED_OBJECTIVE_BALANCED: _ClassVar[NamedObjective]
    NAMED_OBJECTIVE_HIGHEST_QUALITY: _ClassVar[NamedObjective]
    NAMED_OBJECTIVE_LOWEST_COST: _ClassVar[NamedObjective]
    NAMED_OBJECTIVE_LOWEST_LATENCY: _ClassVar[NamedObjective]

class RefusalCause(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REFUSAL_CAUSE_UNSPECIFIED: _ClassVar[RefusalCause]
    REFUSAL_CAUSE_NOT_ALLOWED: _ClassVar[RefusalCause]
    REFUSAL_CAUSE_DENIED: _ClassVar[RefusalCause]
    REFUSAL_CAUSE_DRAINING: _ClassVar[RefusalCause]
    REFUSAL_CAUSE_SHADOW: _ClassVar[RefusalCause]
    REFUSAL_CAUSE_DEPRECATED: _ClassVar[RefusalCause]
    REFUSAL_CAUSE_CAPABILITY: _ClassVar[RefusalCause]
    REFUSAL_CAUSE_CONTEXT_LENGTH: _ClassVar[RefusalCause]
    REFUSAL_CAUSE_REGION: _ClassVar[RefusalCause]
    REFUSAL_CAUSE_DATA_SCOPE: _ClassVar[RefusalCause]
    REFUSAL_CAUSE_NO_PRICE: _ClassVar[RefusalCause]
    REFUSAL_CAUSE_NO_DEPLOYMENT: _ClassVar[RefusalCause]
    REFUSAL_CAUSE_MAX_COST: _ClassVar[RefusalCause]
    REFUSAL_CAUSE_QUALITY_FLOOR: _ClassVar[RefusalCause]
    REFUSAL_CAUSE_LATENCY_SLO: _ClassVar[RefusalCause]
    REFUSAL_CAUSE_BUDGET: _ClassVar[RefusalCause]
    REFUSAL_CAUSE_EXPLORATION_CAP: _ClassVar[RefusalCause]
    REFUSAL_CAUSE_NO_ENDPOINT: _ClassVar[RefusalCause]
    REFUSAL_CAUSE_BREAKER_OPEN: _ClassVar[RefusalCause]
    REFUSAL_CAUSE_KEYS_RESTING: _ClassVar[RefusalCause]
    REFUSAL_CAUSE_NOT_SERVING: _ClassVar[RefusalCause]

class ReasonCode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REASON_CODE_UNSPECIFIED: _ClassVar[ReasonCode]
    REASON_CODE_ONLY_CANDIDATE: _ClassVar[ReasonCode]
    REASON_CODE_EXPLORED: _ClassVar[ReasonCode]
    REASON_CODE_CONTEXT_USED: _ClassVar[ReasonCode]
    REASON_CODE_QUALITY_FLOOR_UNMET: _ClassVar[ReasonCode]
    REASON_CODE_LATENCY_SLO_UNMET: _ClassVar[ReasonCode]
    REASON_CODE_COST_CEILING_PRESSED: _ClassVar[ReasonCode]
    REASON_CODE_QUALITY_FLOOR_PRESSED: _ClassVar[ReasonCode]
    REASON_CODE_STAYED: _ClassVar[ReasonCode]
ROLE_UNSPECIFIED: Role
ROLE_SYSTEM: Role
ROLE_USER: Role
ROLE_ASSISTANT: Role
ROLE_TOOL: Role
NAMED_OBJECTIVE_UNSPECIFIED: NamedObjective
NAMED_OBJECTIVE_BALANCED: NamedObjective
NAMED_OBJECTIVE_HIGHEST_QUALITY: NamedObjective
NAMED_OBJECTIVE_LOWEST_COST: NamedObjective
NAMED_OBJECTIVE_LOWEST_LATENCY: NamedObjective
REFUSAL_CAUSE_UNSPECIFIED: RefusalCause
REFUSAL_CAUSE_NOT_ALLOWED: RefusalCause
REFUSAL_CAUSE_DENIED: RefusalCause
REFUSAL_CAUSE_DRAINING: RefusalCause
REFUSAL_CAUSE_SHADOW: RefusalCause
REFUSAL_CAUSE_DEPRECATED: RefusalCause
REFUSAL_CAUSE_CAPABILITY: RefusalCause
REFUSAL_CAUSE_CONTEXT_LENGTH: RefusalCause
REFUSAL_CAUSE_REGION: RefusalCause
REFUSAL_CAUSE_DATA_SCOPE: RefusalCause
REFUSAL_CAUSE_NO_PRICE: RefusalCause
REFUSAL_CAUSE_NO_DEPLOYMENT: RefusalCause
REFUSAL_CAUSE_MAX_COST: RefusalCause
REFUSAL_CAUSE_QUALITY_FLOOR: RefusalCause
REFUSAL_CAUSE_LATENCY_SLO: RefusalCause
REFUSAL_CAUSE_BUDGET: RefusalCause
REFUSAL_CAUSE_EXPLORATION_CAP: RefusalCause
REFUSAL_CAUSE_NO_ENDPOINT: RefusalCause
REFUSAL_CAUSE_BREAKER_OPEN: RefusalCause
REFUSAL_CAUSE_KEYS_RESTING: RefusalCause
REFUSAL_CAUSE_NOT_SERVING: RefusalCause
REASON_CODE_UNSPECIFIED: ReasonCode
REASON_CODE_ONLY_CANDIDATE: ReasonCode
REASON_CODE_EXPLORED: ReasonCode
REASON_CODE_CONTEXT_USED: ReasonCode
REASON_CODE_QUALITY_FLOOR_UNMET: ReasonCode
REASON_CODE_LATENCY_SLO_UNMET: ReasonCode
REASON_CODE_COST_CEILING_PRESSED: ReasonCode
REASON_CODE_QUALITY_FLOOR_PRESSED: ReasonCode
REASON_CODE_STAYED: ReasonCode

class Image(_message.Message):
    __slots__ = ("uri",)
    URI_FIELD_NUMBER: _ClassVar[int]
    uri: str
    def __init__(self, uri: _Optional[str] = ...) -> None: ...

class ToolCall(_message.Message):
    __slots__ = ("call_id", "name", "arguments_json")
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ARGUMENTS_JSON_FIELD_NUMBER: _ClassVar[int]
    call_id: str
    name: str
    arguments_json: str
    def __init__(self, call_id: _Optional[str] = ..., name: _Optional[str] = ..., arguments_json: _Optional[str] = ...) -> None: ...

class ToolResult(_message.Message):
    __slots__ = ("call_id", "text", "is_error")
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    IS_ERROR_FIELD_NUMBER: _ClassVar[int]
    call_id: str
    text: str
    is_error: bool
    def __init__(self, call_id: _Optional[str] = ..., text: _Optional[str] = ..., is_error: _Optional[bool] = ...) -> None: ...

class Part(_message.Message):
    __slots__ = ("text", "image", "tool_call", "tool_result")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    TOOL_CALL_FIELD_NUMBER: _ClassVar[int]
    TOOL_RESULT_FIELD_NUMBER: _ClassVar[int]
    text: str
    image: Image
    tool_call: ToolCall
    tool_result: ToolResult
    def __init__(self, text: _Optional[str] = ..., image: _Optional[_Union[Image, _Mapping]] = ..., tool_call: _Optional[_Union[ToolCall, _Mapping]] = ..., tool_result: _Optional[_Union[ToolResult, _Mapping]] = ...) -> None: ...

class Message(_message.Message):
    __slots__ = ("role", "parts")
    ROLE_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    role: Role
    parts: _containers.RepeatedCompositeFieldContainer[Part]
    def __init__(self, role: _Optional[_Union[Role, str]] = ..., parts: _Optional[_Iterable[_Union[Part, _Mapping]]] = ...) -> None: ...

class Conversation(_message.Message):
    __slots__ = ("messages",)
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    messages: _containers.RepeatedCompositeFieldContainer[Message]
    def __init__(self, messages: _Optional[_Iterable[_Union[Message, _Mapping]]] = ...) -> None: ...

class Features(_message.Message):
    __slots__ = ("schema_id", "values")
    SCHEMA_ID_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    schema_id: str
    values: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, schema_id: _Optional[str] = ..., values: _Optional[_Iterable[float]] = ...) -> None: ...

class Constraints(_message.Message):
    __slots__ = ("max_cost_nano_usd", "quality_floor", "latency_slo", "required_capabilities", "allowed_models", "denied_models", "region", "data_scope")
    MAX_COST_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    QUALITY_FLOOR_FIELD_NUMBER: _ClassVar[int]
    LATENCY_SLO_FIELD_NUMBER: _ClassVar[int]
    REQUIRED_CAPABILITIES_FIELD_NUMBER: _ClassVar[int]
    ALLOWED_MODELS_FIELD_NUMBER: _ClassVar[int]
    DENIED_MODELS_FIELD_NUMBER: _ClassVar[int]
    REGION_FIELD_NUMBER: _ClassVar[int]
    DATA_SCOPE_FIELD_NUMBER: _ClassVar[int]
    max_cost_nano_usd: int
    quality_floor: float
    latency_slo: _duration_pb2.Duration
    required_capabilities: _containers.RepeatedScalarFieldContainer[str]
    allowed_models: _containers.RepeatedScalarFieldContainer[str]
    denied_models: _containers.RepeatedScalarFieldContainer[str]
    region: str
    data_scope: str
    def __init__(self, max_cost_nano_usd: _Optional[int] = ..., quality_floor: _Optional[float] = ..., latency_slo: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., required_capabilities: _Optional[_Iterable[str]] = ..., allowed_models: _Optional[_Iterable[str]] = ..., denied_models: _Optional[_Iterable[str]] = ..., region: _Optional[str] = ..., data_scope: _Optional[str] = ...) -> None: ...

class Weights(_message.Message):
    __slots__ = ("cost", "latency")
    COST_FIELD_NUMBER: _ClassVar[int]
    LATENCY_FIELD_NUMBER: _ClassVar[int]
    cost: float
    latency: float
    def __init__(self, cost: _Optional[float] = ..., latency: _Optional[float] = ...) -> None: ...

class DualPrices(_message.Message):
    __slots__ = ("cost", "quality")
    COST_FIELD_NUMBER: _ClassVar[int]
    QUALITY_FIELD_NUMBER: _ClassVar[int]
    cost: float
    quality: float
    def __init__(self, cost: _Optional[float] = ..., quality: _Optional[float] = ...) -> None: ...

class Objective(_message.Message):
    __slots__ = ("named", "weights")
    NAMED_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    named: NamedObjective
    weights: Weights
    def __init__(self, named: _Optional[_Union[NamedObjective, str]] = ..., weights: _Optional[_Union[Weights, _Mapping]] = ...) -> None: ...

class Target(_message.Message):
    __slots__ = ("model", "deployment", "provider")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    DEPLOYMENT_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    model: str
    deployment: str
    provider: str
    def __init__(self, model: _Optional[str] = ..., deployment: _Optional[str] = ..., provider: _Optional[str] = ...) -> None: ...

class Expectation(_message.Message):
    __slots__ = ("quality", "cost_nano_usd", "latency", "failure_rate")
    QUALITY_FIELD_NUMBER: _ClassVar[int]
    COST_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    LATENCY_FIELD_NUMBER: _ClassVar[int]
    FAILURE_RATE_FIELD_NUMBER: _ClassVar[int]
    quality: float
    cost_nano_usd: int
    latency: _duration_pb2.Duration
    failure_rate: float
    def __init__(self, quality: _Optional[float] = ..., cost_nano_usd: _Optional[int] = ..., latency: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., failure_rate: _Optional[float] = ...) -> None: ...

class Fallback(_message.Message):
    __slots__ = ("target", "expected")
    TARGET_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_FIELD_NUMBER: _ClassVar[int]
    target: Target
    expected: Expectation
    def __init__(self, target: _Optional[_Union[Target, _Mapping]] = ..., expected: _Optional[_Union[Expectation, _Mapping]] = ...) -> None: ...
