import datetime

from atp_grpc.pb.atp.v1 import permission_pb2 as _permission_pb2
from atp_grpc.pb.buf.validate import validate_pb2 as _validate_pb2
from google.api import annotations_pb2 as _annotations_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AppliedPrior(_message.Message):
    __slots__ = ("digest", "applied_at", "rows", "row_weight", "models", "trials")
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    APPLIED_AT_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    ROW_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    MODELS_FIELD_NUMBER: _ClassVar[int]
    TRIALS_FIELD_NUMBER: _ClassVar[int]
    digest: str
    applied_at: _timestamp_pb2.Timestamp
    rows: int
    row_weight: float
    models: _containers.RepeatedScalarFieldContainer[str]
    trials: _containers.RepeatedCompositeFieldContainer[WeightTrial]
    def __init__(self, digest: _Optional[str] = ..., applied_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., rows: _Optional[int] = ..., row_weight: _Optional[float] = ..., models: _Optional[_Iterable[str]] = ..., trials: _Optional[_Iterable[_Union[WeightTrial, _Mapping]]] = ...) -> None: ...

class WeightTrial(_message.Message):
    __slots__ = ("row_weight", "loss")
    ROW_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    LOSS_FIELD_NUMBER: _ClassVar[int]
    row_weight: float
    loss: float
    def __init__(self, row_weight: _Optional[float] = ..., loss: _Optional[float] = ...) -> None: ...

class ImportPriorRequest(_message.Message):
    __slots__ = ("policy", "prior", "validate_only")
    POLICY_FIELD_NUMBER: _ClassVar[int]
    PRIOR_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    policy: str
    prior: bytes
    validate_only: bool
    def __init__(self, policy: _Optional[str] = ..., prior: _Optional[bytes] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class ImportPriorResponse(_message.Message):
    __slots__ = ("prior", "unknown_models", "revision")
    PRIOR_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN_MODELS_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    prior: AppliedPrior
    unknown_models: _containers.RepeatedScalarFieldContainer[str]
    revision: int
    def __init__(self, prior: _Optional[_Union[AppliedPrior, _Mapping]] = ..., unknown_models: _Optional[_Iterable[str]] = ..., revision: _Optional[int] = ...) -> None: ...

class GetPriorRequest(_message.Message):
    __slots__ = ("policy",)
    POLICY_FIELD_NUMBER: _ClassVar[int]
    policy: str
    def __init__(self, policy: _Optional[str] = ...) -> None: ...

class GetPriorResponse(_message.Message):
    __slots__ = ("priors", "revision")
    PRIORS_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    priors: _containers.RepeatedCompositeFieldContainer[AppliedPrior]
    revision: int
    def __init__(self, priors: _Optional[_Iterable[_Union[AppliedPrior, _Mapping]]] = ..., revision: _Optional[int] = ...) -> None: ...
