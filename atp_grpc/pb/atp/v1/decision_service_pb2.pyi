import datetime

from atp_grpc.pb.atp.v1 import outcome_pb2 as _outcome_pb2
from atp_grpc.pb.atp.v1 import permission_pb2 as _permission_pb2
from atp_grpc.pb.atp.v1 import routing_pb2 as _routing_pb2
from atp_grpc.pb.buf.validate import validate_pb2 as _validate_pb2
from google.api import annotations_pb2 as _annotations_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetDecisionRequest(_message.Message):
    __slots__ = ("decision_id",)
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    decision_id: str
    def __init__(self, decision_id: _Optional[str] = ...) -> None: ...

class GetDecisionResponse(_message.Message):
    __slots__ = ("decision",)
    DECISION_FIELD_NUMBER: _ClassVar[int]
    decision: Decision
    def __init__(self, decision: _Optional[_Union[Decision, _Mapping]] = ...) -> None: ...

class DecisionCandidate(_message.Message):
    __slots__ = ("target", "expected", "utility", "propensity")
    TARGET_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_FIELD_NUMBER: _ClassVar[int]
    UTILITY_FIELD_NUMBER: _ClassVar[int]
    PROPENSITY_FIELD_NUMBER: _ClassVar[int]
    target: _routing_pb2.Target
    expected: _routing_pb2.Expectation
    utility: float
    propensity: float
    def __init__(self, target: _Optional[_Union[_routing_pb2.Target, _Mapping]] = ..., expected: _Optional[_Union[_routing_pb2.Expectation, _Mapping]] = ..., utility: _Optional[float] = ..., propensity: _Optional[float] = ...) -> None: ...

class Decision(_message.Message):
    __slots__ = ("decision_id", "decided_at", "target", "propensity", "candidates", "policy", "policy_version", "catalog_revision", "learner_revision", "weights", "seed", "features", "reason_codes", "engine", "task_type", "session_id", "labels", "outcome", "dual_prices")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    DECIDED_AT_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    PROPENSITY_FIELD_NUMBER: _ClassVar[int]
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    POLICY_VERSION_FIELD_NUMBER: _ClassVar[int]
    CATALOG_REVISION_FIELD_NUMBER: _ClassVar[int]
    LEARNER_REVISION_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    REASON_CODES_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    TASK_TYPE_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    DUAL_PRICES_FIELD_NUMBER: _ClassVar[int]
    decision_id: str
    decided_at: _timestamp_pb2.Timestamp
    target: _routing_pb2.Target
    propensity: float
    candidates: _containers.RepeatedCompositeFieldContainer[DecisionCandidate]
    policy: str
    policy_version: int
    catalog_revision: int
    learner_revision: int
    weights: _routing_pb2.Weights
    seed: int
    features: _routing_pb2.Features
    reason_codes: _containers.RepeatedScalarFieldContainer[_routing_pb2.ReasonCode]
    engine: str
    task_type: str
    session_id: str
    labels: _containers.ScalarMap[str, str]
    outcome: Outcome
    dual_prices: _routing_pb2.DualPrices
    def __init__(self, decision_id: _Optional[str] = ..., decided_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., target: _Optional[_Union[_routing_pb2.Target, _Mapping]] = ..., propensity: _Optional[float] = ..., candidates: _Optional[_Iterable[_Union[DecisionCandidate, _Mapping]]] = ..., policy: _Optional[str] = ..., policy_version: _Optional[int] = ..., catalog_revision: _Optional[int] = ..., learner_revision: _Optional[int] = ..., weights: _Optional[_Union[_routing_pb2.Weights, _Mapping]] = ..., seed: _Optional[int] = ..., features: _Optional[_Union[_routing_pb2.Features, _Mapping]] = ..., reason_codes: _Optional[_Iterable[_Union[_routing_pb2.ReasonCode, str]]] = ..., engine: _Optional[str] = ..., task_type: _Optional[str] = ..., session_id: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ..., outcome: _Optional[_Union[Outcome, _Mapping]] = ..., dual_prices: _Optional[_Union[_routing_pb2.DualPrices, _Mapping]] = ...) -> None: ...

class Outcome(_message.Message):
    __slots__ = ("quality", "attempts", "labels", "cost_nano_usd")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    QUALITY_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    COST_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    quality: float
    attempts: _containers.RepeatedCompositeFieldContainer[_outcome_pb2.Attempt]
    labels: _containers.ScalarMap[str, str]
    cost_nano_usd: int
    def __init__(self, quality: _Optional[float] = ..., attempts: _Optional[_Iterable[_Union[_outcome_pb2.Attempt, _Mapping]]] = ..., labels: _Optional[_Mapping[str, str]] = ..., cost_nano_usd: _Optional[int] = ...) -> None: ...
