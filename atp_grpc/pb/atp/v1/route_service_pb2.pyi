import datetime

from atp_grpc.pb.atp.v1 import permission_pb2 as _permission_pb2
from atp_grpc.pb.atp.v1 import routing_pb2 as _routing_pb2
from atp_grpc.pb.atp.v1 import stream_pb2 as _stream_pb2
from atp_grpc.pb.buf.validate import validate_pb2 as _validate_pb2
from google.api import annotations_pb2 as _annotations_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.rpc import status_pb2 as _status_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RouteRequest(_message.Message):
    __slots__ = ("request_id", "prompt", "conversation", "features", "input_tokens", "max_output_tokens", "task_type", "constraints", "objective", "policy", "session_id", "labels", "min_revision")
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
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    INPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    MAX_OUTPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
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
    features: _routing_pb2.Features
    input_tokens: int
    max_output_tokens: int
    task_type: str
    constraints: _routing_pb2.Constraints
    objective: _routing_pb2.Objective
    policy: str
    session_id: str
    labels: _containers.ScalarMap[str, str]
    min_revision: int
    def __init__(self, request_id: _Optional[str] = ..., prompt: _Optional[str] = ..., conversation: _Optional[_Union[_routing_pb2.Conversation, _Mapping]] = ..., features: _Optional[_Union[_routing_pb2.Features, _Mapping]] = ..., input_tokens: _Optional[int] = ..., max_output_tokens: _Optional[int] = ..., task_type: _Optional[str] = ..., constraints: _Optional[_Union[_routing_pb2.Constraints, _Mapping]] = ..., objective: _Optional[_Union[_routing_pb2.Objective, _Mapping]] = ..., policy: _Optional[str] = ..., session_id: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ..., min_revision: _Optional[int] = ...) -> None: ...

class RouteResponse(_message.Message):
    __slots__ = ("decision_id", "feedback_token", "target", "expected", "propensity", "fallbacks", "policy", "policy_version", "catalog_revision", "learner_revision", "reason_codes", "engine", "decided_at", "feedback_expires_at", "dual_prices")
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    FEEDBACK_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_FIELD_NUMBER: _ClassVar[int]
    PROPENSITY_FIELD_NUMBER: _ClassVar[int]
    FALLBACKS_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    POLICY_VERSION_FIELD_NUMBER: _ClassVar[int]
    CATALOG_REVISION_FIELD_NUMBER: _ClassVar[int]
    LEARNER_REVISION_FIELD_NUMBER: _ClassVar[int]
    REASON_CODES_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    DECIDED_AT_FIELD_NUMBER: _ClassVar[int]
    FEEDBACK_EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    DUAL_PRICES_FIELD_NUMBER: _ClassVar[int]
    decision_id: str
    feedback_token: bytes
    target: _routing_pb2.Target
    expected: _routing_pb2.Expectation
    propensity: float
    fallbacks: _containers.RepeatedCompositeFieldContainer[_routing_pb2.Fallback]
    policy: str
    policy_version: int
    catalog_revision: int
    learner_revision: int
    reason_codes: _containers.RepeatedScalarFieldContainer[_routing_pb2.ReasonCode]
    engine: str
    decided_at: _timestamp_pb2.Timestamp
    feedback_expires_at: _timestamp_pb2.Timestamp
    dual_prices: _routing_pb2.DualPrices
    def __init__(self, decision_id: _Optional[str] = ..., feedback_token: _Optional[bytes] = ..., target: _Optional[_Union[_routing_pb2.Target, _Mapping]] = ..., expected: _Optional[_Union[_routing_pb2.Expectation, _Mapping]] = ..., propensity: _Optional[float] = ..., fallbacks: _Optional[_Iterable[_Union[_routing_pb2.Fallback, _Mapping]]] = ..., policy: _Optional[str] = ..., policy_version: _Optional[int] = ..., catalog_revision: _Optional[int] = ..., learner_revision: _Optional[int] = ..., reason_codes: _Optional[_Iterable[_Union[_routing_pb2.ReasonCode, str]]] = ..., engine: _Optional[str] = ..., decided_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., feedback_expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., dual_prices: _Optional[_Union[_routing_pb2.DualPrices, _Mapping]] = ...) -> None: ...

class RouteBatchRequest(_message.Message):
    __slots__ = ("requests",)
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[RouteRequest]
    def __init__(self, requests: _Optional[_Iterable[_Union[RouteRequest, _Mapping]]] = ...) -> None: ...

class RouteResult(_message.Message):
    __slots__ = ("response", "error")
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    response: RouteResponse
    error: _status_pb2.Status
    def __init__(self, response: _Optional[_Union[RouteResponse, _Mapping]] = ..., error: _Optional[_Union[_status_pb2.Status, _Mapping]] = ...) -> None: ...

class RouteBatchResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[RouteResult]
    def __init__(self, results: _Optional[_Iterable[_Union[RouteResult, _Mapping]]] = ...) -> None: ...

class RouteStreamRequest(_message.Message):
    __slots__ = ("correlation_id", "request")
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    correlation_id: str
    request: RouteRequest
    def __init__(self, correlation_id: _Optional[str] = ..., request: _Optional[_Union[RouteRequest, _Mapping]] = ...) -> None: ...

class RouteStreamResult(_message.Message):
    __slots__ = ("sequence", "correlation_id", "response", "error")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    correlation_id: str
    response: RouteResponse
    error: _status_pb2.Status
    def __init__(self, sequence: _Optional[int] = ..., correlation_id: _Optional[str] = ..., response: _Optional[_Union[RouteResponse, _Mapping]] = ..., error: _Optional[_Union[_status_pb2.Status, _Mapping]] = ...) -> None: ...

class RouteStreamResponse(_message.Message):
    __slots__ = ("result", "end")
    RESULT_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    result: RouteStreamResult
    end: _stream_pb2.StreamEnd
    def __init__(self, result: _Optional[_Union[RouteStreamResult, _Mapping]] = ..., end: _Optional[_Union[_stream_pb2.StreamEnd, _Mapping]] = ...) -> None: ...

class PlanRequest(_message.Message):
    __slots__ = ("request", "for_ask")
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    FOR_ASK_FIELD_NUMBER: _ClassVar[int]
    request: RouteRequest
    for_ask: bool
    def __init__(self, request: _Optional[_Union[RouteRequest, _Mapping]] = ..., for_ask: _Optional[bool] = ...) -> None: ...

class PlannedCandidate(_message.Message):
    __slots__ = ("target", "expected", "utility", "propensity", "refusal")
    TARGET_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_FIELD_NUMBER: _ClassVar[int]
    UTILITY_FIELD_NUMBER: _ClassVar[int]
    PROPENSITY_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    target: _routing_pb2.Target
    expected: _routing_pb2.Expectation
    utility: float
    propensity: float
    refusal: _routing_pb2.RefusalCause
    def __init__(self, target: _Optional[_Union[_routing_pb2.Target, _Mapping]] = ..., expected: _Optional[_Union[_routing_pb2.Expectation, _Mapping]] = ..., utility: _Optional[float] = ..., propensity: _Optional[float] = ..., refusal: _Optional[_Union[_routing_pb2.RefusalCause, str]] = ...) -> None: ...

class PlanResponse(_message.Message):
    __slots__ = ("candidates", "policy", "policy_version", "catalog_revision", "learner_revision", "reason_codes", "engine")
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    POLICY_VERSION_FIELD_NUMBER: _ClassVar[int]
    CATALOG_REVISION_FIELD_NUMBER: _ClassVar[int]
    LEARNER_REVISION_FIELD_NUMBER: _ClassVar[int]
    REASON_CODES_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    candidates: _containers.RepeatedCompositeFieldContainer[PlannedCandidate]
    policy: str
    policy_version: int
    catalog_revision: int
    learner_revision: int
    reason_codes: _containers.RepeatedScalarFieldContainer[_routing_pb2.ReasonCode]
    engine: str
    def __init__(self, candidates: _Optional[_Iterable[_Union[PlannedCandidate, _Mapping]]] = ..., policy: _Optional[str] = ..., policy_version: _Optional[int] = ..., catalog_revision: _Optional[int] = ..., learner_revision: _Optional[int] = ..., reason_codes: _Optional[_Iterable[_Union[_routing_pb2.ReasonCode, str]]] = ..., engine: _Optional[str] = ...) -> None: ...
