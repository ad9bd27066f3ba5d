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

class GetServerInfoRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ArmInfo(_message.Message):
    __slots__ = ("model", "observations", "quality", "output_tokens", "latency_seconds", "failure_rate")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    OBSERVATIONS_FIELD_NUMBER: _ClassVar[int]
    QUALITY_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    LATENCY_SECONDS_FIELD_NUMBER: _ClassVar[int]
    FAILURE_RATE_FIELD_NUMBER: _ClassVar[int]
    model: str
    observations: float
    quality: float
    output_tokens: float
    latency_seconds: float
    failure_rate: float
    def __init__(self, model: _Optional[str] = ..., observations: _Optional[float] = ..., quality: _Optional[float] = ..., output_tokens: _Optional[float] = ..., latency_seconds: _Optional[float] = ..., failure_rate: _Optional[float] = ...) -> None: ...

class EngineInfo(_message.Message):
    __slots__ = ("name", "version", "quarantined", "learned", "context_on", "context_z", "arms", "feature_schema", "feature_dimension")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    QUARANTINED_FIELD_NUMBER: _ClassVar[int]
    LEARNED_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_ON_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_Z_FIELD_NUMBER: _ClassVar[int]
    ARMS_FIELD_NUMBER: _ClassVar[int]
    FEATURE_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    FEATURE_DIMENSION_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: str
    quarantined: bool
    learned: int
    context_on: bool
    context_z: float
    arms: _containers.RepeatedCompositeFieldContainer[ArmInfo]
    feature_schema: str
    feature_dimension: int
    def __init__(self, name: _Optional[str] = ..., version: _Optional[str] = ..., quarantined: _Optional[bool] = ..., learned: _Optional[int] = ..., context_on: _Optional[bool] = ..., context_z: _Optional[float] = ..., arms: _Optional[_Iterable[_Union[ArmInfo, _Mapping]]] = ..., feature_schema: _Optional[str] = ..., feature_dimension: _Optional[int] = ...) -> None: ...

class ReloadFailure(_message.Message):
    __slots__ = ("failed_at", "complaints")
    FAILED_AT_FIELD_NUMBER: _ClassVar[int]
    COMPLAINTS_FIELD_NUMBER: _ClassVar[int]
    failed_at: _timestamp_pb2.Timestamp
    complaints: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, failed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., complaints: _Optional[_Iterable[str]] = ...) -> None: ...

class CatalogInfo(_message.Message):
    __slots__ = ("revision", "loaded_at", "digest", "models", "deployments", "last_failure")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    LOADED_AT_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    MODELS_FIELD_NUMBER: _ClassVar[int]
    DEPLOYMENTS_FIELD_NUMBER: _ClassVar[int]
    LAST_FAILURE_FIELD_NUMBER: _ClassVar[int]
    revision: int
    loaded_at: _timestamp_pb2.Timestamp
    digest: str
    models: int
    deployments: int
    last_failure: ReloadFailure
    def __init__(self, revision: _Optional[int] = ..., loaded_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., digest: _Optional[str] = ..., models: _Optional[int] = ..., deployments: _Optional[int] = ..., last_failure: _Optional[_Union[ReloadFailure, _Mapping]] = ...) -> None: ...

class GetServerInfoResponse(_message.Message):
    __slots__ = ("instance_id", "version", "started_at", "profile", "store", "replica", "engine", "catalog", "last_sequence")
    INSTANCE_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    STORE_FIELD_NUMBER: _ClassVar[int]
    REPLICA_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    CATALOG_FIELD_NUMBER: _ClassVar[int]
    LAST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    instance_id: str
    version: str
    started_at: _timestamp_pb2.Timestamp
    profile: str
    store: str
    replica: str
    engine: EngineInfo
    catalog: CatalogInfo
    last_sequence: int
    def __init__(self, instance_id: _Optional[str] = ..., version: _Optional[str] = ..., started_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., profile: _Optional[str] = ..., store: _Optional[str] = ..., replica: _Optional[str] = ..., engine: _Optional[_Union[EngineInfo, _Mapping]] = ..., catalog: _Optional[_Union[CatalogInfo, _Mapping]] = ..., last_sequence: _Optional[int] = ...) -> None: ...

class ReloadCatalogRequest(_message.Message):
    __slots__ = ("instance_id", "validate_only")
    INSTANCE_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    instance_id: str
    validate_only: bool
    def __init__(self, instance_id: _Optional[str] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class ReloadCatalogResponse(_message.Message):
    __slots__ = ("revision", "changed")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    revision: int
    changed: bool
    def __init__(self, revision: _Optional[int] = ..., changed: _Optional[bool] = ...) -> None: ...
