import datetime

from atp_grpc.pb.buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class EvaluationRefusalCause(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EVALUATION_REFUSAL_CAUSE_UNSPECIFIED: _ClassVar[EvaluationRefusalCause]
    EVALUATION_REFUSAL_CAUSE_NOTHING_GRADED: _ClassVar[EvaluationRefusalCause]
    EVALUATION_REFUSAL_CAUSE_UNSUPPORTED: _ClassVar[EvaluationRefusalCause]
    EVALUATION_REFUSAL_CAUSE_FEW_EFFECTIVE: _ClassVar[EvaluationRefusalCause]
    EVALUATION_REFUSAL_CAUSE_OTHER_SCHEMA: _ClassVar[EvaluationRefusalCause]
EVALUATION_REFUSAL_CAUSE_UNSPECIFIED: EvaluationRefusalCause
EVALUATION_REFUSAL_CAUSE_NOTHING_GRADED: EvaluationRefusalCause
EVALUATION_REFUSAL_CAUSE_UNSUPPORTED: EvaluationRefusalCause
EVALUATION_REFUSAL_CAUSE_FEW_EFFECTIVE: EvaluationRefusalCause
EVALUATION_REFUSAL_CAUSE_OTHER_SCHEMA: EvaluationRefusalCause

class EvaluationScope(_message.Message):
    __slots__ = ("decided_since", "decided_before", "warm_up_before", "logged_policy", "tenant", "confidence")
    DECIDED_SINCE_FIELD_NUMBER: _ClassVar[int]
    DECIDED_BEFORE_FIELD_NUMBER: _ClassVar[int]
    WARM_UP_BEFORE_FIELD_NUMBER: _ClassVar[int]
    LOGGED_POLICY_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    decided_since: _timestamp_pb2.Timestamp
    decided_before: _timestamp_pb2.Timestamp
    warm_up_before: _timestamp_pb2.Timestamp
    logged_policy: str
    tenant: str
    confidence: float
    def __init__(self, decided_since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., decided_before: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., warm_up_before: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., logged_policy: _Optional[str] = ..., tenant: _Optional[str] = ..., confidence: _Optional[float] = ...) -> None: ...

class EvaluatePolicyRequest(_message.Message):
    __slots__ = ("policy", "model", "uniform", "scope")
    POLICY_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    UNIFORM_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    policy: str
    model: str
    uniform: bool
    scope: EvaluationScope
    def __init__(self, policy: _Optional[str] = ..., model: _Optional[str] = ..., uniform: _Optional[bool] = ..., scope: _Optional[_Union[EvaluationScope, _Mapping]] = ...) -> None: ...

class EvaluatePolicyResponse(_message.Message):
    __slots__ = ("quality", "cost_nano_usd", "shares", "decisions", "warm_up_decisions", "misfit_decisions", "first_decided_at", "last_decided_at")
    QUALITY_FIELD_NUMBER: _ClassVar[int]
    COST_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    SHARES_FIELD_NUMBER: _ClassVar[int]
    DECISIONS_FIELD_NUMBER: _ClassVar[int]
    WARM_UP_DECISIONS_FIELD_NUMBER: _ClassVar[int]
    MISFIT_DECISIONS_FIELD_NUMBER: _ClassVar[int]
    FIRST_DECIDED_AT_FIELD_NUMBER: _ClassVar[int]
    LAST_DECIDED_AT_FIELD_NUMBER: _ClassVar[int]
    quality: MeasureEvaluation
    cost_nano_usd: MeasureEvaluation
    shares: _containers.RepeatedCompositeFieldContainer[ModelShare]
    decisions: int
    warm_up_decisions: int
    misfit_decisions: int
    first_decided_at: _timestamp_pb2.Timestamp
    last_decided_at: _timestamp_pb2.Timestamp
    def __init__(self, quality: _Optional[_Union[MeasureEvaluation, _Mapping]] = ..., cost_nano_usd: _Optional[_Union[MeasureEvaluation, _Mapping]] = ..., shares: _Optional[_Iterable[_Union[ModelShare, _Mapping]]] = ..., decisions: _Optional[int] = ..., warm_up_decisions: _Optional[int] = ..., misfit_decisions: _Optional[int] = ..., first_decided_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_decided_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class MeasureEvaluation(_message.Message):
    __slots__ = ("estimates", "refusal", "footing")
    ESTIMATES_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    FOOTING_FIELD_NUMBER: _ClassVar[int]
    estimates: MeasureEstimates
    refusal: EvaluationRefusal
    footing: EvaluationFooting
    def __init__(self, estimates: _Optional[_Union[MeasureEstimates, _Mapping]] = ..., refusal: _Optional[_Union[EvaluationRefusal, _Mapping]] = ..., footing: _Optional[_Union[EvaluationFooting, _Mapping]] = ...) -> None: ...

class MeasureEstimates(_message.Message):
    __slots__ = ("value", "difference", "happened", "less_happened", "ips", "snips")
    VALUE_FIELD_NUMBER: _ClassVar[int]
    DIFFERENCE_FIELD_NUMBER: _ClassVar[int]
    HAPPENED_FIELD_NUMBER: _ClassVar[int]
    LESS_HAPPENED_FIELD_NUMBER: _ClassVar[int]
    IPS_FIELD_NUMBER: _ClassVar[int]
    SNIPS_FIELD_NUMBER: _ClassVar[int]
    value: Estimate
    difference: Estimate
    happened: float
    less_happened: Estimate
    ips: Estimate
    snips: Estimate
    def __init__(self, value: _Optional[_Union[Estimate, _Mapping]] = ..., difference: _Optional[_Union[Estimate, _Mapping]] = ..., happened: _Optional[float] = ..., less_happened: _Optional[_Union[Estimate, _Mapping]] = ..., ips: _Optional[_Union[Estimate, _Mapping]] = ..., snips: _Optional[_Union[Estimate, _Mapping]] = ...) -> None: ...

class Estimate(_message.Message):
    __slots__ = ("value", "standard_error", "low", "high")
    VALUE_FIELD_NUMBER: _ClassVar[int]
    STANDARD_ERROR_FIELD_NUMBER: _ClassVar[int]
    LOW_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    value: float
    standard_error: float
    low: float
    high: float
    def __init__(self, value: _Optional[float] = ..., standard_error: _Optional[float] = ..., low: _Optional[float] = ..., high: _Optional[float] = ...) -> None: ...

class EvaluationRefusal(_message.Message):
    __slots__ = ("cause", "text")
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    cause: EvaluationRefusalCause
    text: str
    def __init__(self, cause: _Optional[_Union[EvaluationRefusalCause, str]] = ..., text: _Optional[str] = ...) -> None: ...

class EvaluationFooting(_message.Message):
    __slots__ = ("graded", "ungraded", "effective", "largest_share", "mean_weight", "weight_deviation", "unsupported_share", "extrapolated_share")
    GRADED_FIELD_NUMBER: _ClassVar[int]
    UNGRADED_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_FIELD_NUMBER: _ClassVar[int]
    LARGEST_SHARE_FIELD_NUMBER: _ClassVar[int]
    MEAN_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_DEVIATION_FIELD_NUMBER: _ClassVar[int]
    UNSUPPORTED_SHARE_FIELD_NUMBER: _ClassVar[int]
    EXTRAPOLATED_SHARE_FIELD_NUMBER: _ClassVar[int]
    graded: int
    ungraded: int
    effective: float
    largest_share: float
    mean_weight: float
    weight_deviation: float
    unsupported_share: float
    extrapolated_share: float
    def __init__(self, graded: _Optional[int] = ..., ungraded: _Optional[int] = ..., effective: _Optional[float] = ..., largest_share: _Optional[float] = ..., mean_weight: _Optional[float] = ..., weight_deviation: _Optional[float] = ..., unsupported_share: _Optional[float] = ..., extrapolated_share: _Optional[float] = ...) -> None: ...

class ModelShare(_message.Message):
    __slots__ = ("model", "target", "logged")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    LOGGED_FIELD_NUMBER: _ClassVar[int]
    model: str
    target: float
    logged: float
    def __init__(self, model: _Optional[str] = ..., target: _Optional[float] = ..., logged: _Optional[float] = ...) -> None: ...

class EvaluatePolicyMetadata(_message.Message):
    __slots__ = ("created_at", "started_at", "decisions_read", "percent")
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    DECISIONS_READ_FIELD_NUMBER: _ClassVar[int]
    PERCENT_FIELD_NUMBER: _ClassVar[int]
    created_at: _timestamp_pb2.Timestamp
    started_at: _timestamp_pb2.Timestamp
    decisions_read: int
    percent: int
    def __init__(self, created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., started_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., decisions_read: _Optional[int] = ..., percent: _Optional[int] = ...) -> None: ...
