import datetime

from atp_grpc.pb.atp.v1 import evaluation_pb2 as _evaluation_pb2
from atp_grpc.pb.buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SavingsBasis(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SAVINGS_BASIS_UNSPECIFIED: _ClassVar[SavingsBasis]
    SAVINGS_BASIS_ESTIMATED: _ClassVar[SavingsBasis]
    SAVINGS_BASIS_PREDICTED: _ClassVar[SavingsBasis]
SAVINGS_BASIS_UNSPECIFIED: SavingsBasis
SAVINGS_BASIS_ESTIMATED: SavingsBasis
SAVINGS_BASIS_PREDICTED: SavingsBasis

class ComputeSavingsRequest(_message.Message):
    __slots__ = ("model", "policy", "scope")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    model: str
    policy: str
    scope: _evaluation_pb2.EvaluationScope
    def __init__(self, model: _Optional[str] = ..., policy: _Optional[str] = ..., scope: _Optional[_Union[_evaluation_pb2.EvaluationScope, _Mapping]] = ...) -> None: ...

class ComputeSavingsResponse(_message.Message):
    __slots__ = ("compared", "baseline_cost", "saving", "saving_share", "basis", "refusal", "footing", "predicted_nano_usd", "weights_below", "quality", "beside", "explored", "out_of_reach", "unbilled", "void_decisions", "warm_up_decisions", "misfit_decisions", "first_decided_at", "last_decided_at")
    COMPARED_FIELD_NUMBER: _ClassVar[int]
    BASELINE_COST_FIELD_NUMBER: _ClassVar[int]
    SAVING_FIELD_NUMBER: _ClassVar[int]
    SAVING_SHARE_FIELD_NUMBER: _ClassVar[int]
    BASIS_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    FOOTING_FIELD_NUMBER: _ClassVar[int]
    PREDICTED_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_BELOW_FIELD_NUMBER: _ClassVar[int]
    QUALITY_FIELD_NUMBER: _ClassVar[int]
    BESIDE_FIELD_NUMBER: _ClassVar[int]
    EXPLORED_FIELD_NUMBER: _ClassVar[int]
    OUT_OF_REACH_FIELD_NUMBER: _ClassVar[int]
    UNBILLED_FIELD_NUMBER: _ClassVar[int]
    VOID_DECISIONS_FIELD_NUMBER: _ClassVar[int]
    WARM_UP_DECISIONS_FIELD_NUMBER: _ClassVar[int]
    MISFIT_DECISIONS_FIELD_NUMBER: _ClassVar[int]
    FIRST_DECIDED_AT_FIELD_NUMBER: _ClassVar[int]
    LAST_DECIDED_AT_FIELD_NUMBER: _ClassVar[int]
    compared: DecisionGroup
    baseline_cost: SavedAmount
    saving: SavedAmount
    saving_share: SavedShare
    basis: SavingsBasis
    refusal: _evaluation_pb2.EvaluationRefusal
    footing: _evaluation_pb2.EvaluationFooting
    predicted_nano_usd: int
    weights_below: float
    quality: SavingsQuality
    beside: DecisionGroup
    explored: DecisionGroup
    out_of_reach: DecisionGroup
    unbilled: DecisionGroup
    void_decisions: int
    warm_up_decisions: int
    misfit_decisions: int
    first_decided_at: _timestamp_pb2.Timestamp
    last_decided_at: _timestamp_pb2.Timestamp
    def __init__(self, compared: _Optional[_Union[DecisionGroup, _Mapping]] = ..., baseline_cost: _Optional[_Union[SavedAmount, _Mapping]] = ..., saving: _Optional[_Union[SavedAmount, _Mapping]] = ..., saving_share: _Optional[_Union[SavedShare, _Mapping]] = ..., basis: _Optional[_Union[SavingsBasis, str]] = ..., refusal: _Optional[_Union[_evaluation_pb2.EvaluationRefusal, _Mapping]] = ..., footing: _Optional[_Union[_evaluation_pb2.EvaluationFooting, _Mapping]] = ..., predicted_nano_usd: _Optional[int] = ..., weights_below: _Optional[float] = ..., quality: _Optional[_Union[SavingsQuality, _Mapping]] = ..., beside: _Optional[_Union[DecisionGroup, _Mapping]] = ..., explored: _Optional[_Union[DecisionGroup, _Mapping]] = ..., out_of_reach: _Optional[_Union[DecisionGroup, _Mapping]] = ..., unbilled: _Optional[_Union[DecisionGroup, _Mapping]] = ..., void_decisions: _Optional[int] = ..., warm_up_decisions: _Optional[int] = ..., misfit_decisions: _Optional[int] = ..., first_decided_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_decided_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class DecisionGroup(_message.Message):
    __slots__ = ("decisions", "nano_usd")
    DECISIONS_FIELD_NUMBER: _ClassVar[int]
    NANO_USD_FIELD_NUMBER: _ClassVar[int]
    decisions: int
    nano_usd: int
    def __init__(self, decisions: _Optional[int] = ..., nano_usd: _Optional[int] = ...) -> None: ...

class SavedAmount(_message.Message):
    __slots__ = ("nano_usd", "low_nano_usd", "high_nano_usd")
    NANO_USD_FIELD_NUMBER: _ClassVar[int]
    LOW_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    HIGH_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    nano_usd: int
    low_nano_usd: int
    high_nano_usd: int
    def __init__(self, nano_usd: _Optional[int] = ..., low_nano_usd: _Optional[int] = ..., high_nano_usd: _Optional[int] = ...) -> None: ...

class SavedShare(_message.Message):
    __slots__ = ("value", "low", "high")
    VALUE_FIELD_NUMBER: _ClassVar[int]
    LOW_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    value: float
    low: float
    high: float
    def __init__(self, value: _Optional[float] = ..., low: _Optional[float] = ..., high: _Optional[float] = ...) -> None: ...

class SavingsQuality(_message.Message):
    __slots__ = ("paid_for", "graded", "baseline", "gain", "basis", "refusal", "footing")
    PAID_FOR_FIELD_NUMBER: _ClassVar[int]
    GRADED_FIELD_NUMBER: _ClassVar[int]
    BASELINE_FIELD_NUMBER: _ClassVar[int]
    GAIN_FIELD_NUMBER: _ClassVar[int]
    BASIS_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    FOOTING_FIELD_NUMBER: _ClassVar[int]
    paid_for: float
    graded: int
    baseline: SavedShare
    gain: SavedShare
    basis: SavingsBasis
    refusal: _evaluation_pb2.EvaluationRefusal
    footing: _evaluation_pb2.EvaluationFooting
    def __init__(self, paid_for: _Optional[float] = ..., graded: _Optional[int] = ..., baseline: _Optional[_Union[SavedShare, _Mapping]] = ..., gain: _Optional[_Union[SavedShare, _Mapping]] = ..., basis: _Optional[_Union[SavingsBasis, str]] = ..., refusal: _Optional[_Union[_evaluation_pb2.EvaluationRefusal, _Mapping]] = ..., footing: _Optional[_Union[_evaluation_pb2.EvaluationFooting, _Mapping]] = ...) -> None: ...
