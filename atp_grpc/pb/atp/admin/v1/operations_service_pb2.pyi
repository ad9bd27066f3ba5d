import datetime

from atp_grpc.pb.atp.v1 import permission_pb2 as _permission_pb2
from atp_grpc.pb.buf.validate import validate_pb2 as _validate_pb2
from google.api import annotations_pb2 as _annotations_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class HealthState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    HEALTH_STATE_UNSPECIFIED: _ClassVar[HealthState]
    HEALTH_STATE_HEALTHY: _ClassVar[HealthState]
    HEALTH_STATE_DEGRADED: _ClassVar[HealthState]
    HEALTH_STATE_UNHEALTHY: _ClassVar[HealthState]
HEALTH_STATE_UNSPECIFIED: HealthState
HEALTH_STATE_HEALTHY: HealthState
HEALTH_STATE_DEGRADED: HealthState
HEALTH_STATE_UNHEALTHY: HealthState

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

class GetServerStatsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class MethodStats(_message.Message):
    __slots__ = ("service", "method", "total_by_code", "latency", "total_seconds")
    class TotalByCodeEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    TOTAL_BY_CODE_FIELD_NUMBER: _ClassVar[int]
    LATENCY_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SECONDS_FIELD_NUMBER: _ClassVar[int]
    service: str
    method: str
    total_by_code: _containers.ScalarMap[str, int]
    latency: _containers.RepeatedCompositeFieldContainer[LatencyBucket]
    total_seconds: float
    def __init__(self, service: _Optional[str] = ..., method: _Optional[str] = ..., total_by_code: _Optional[_Mapping[str, int]] = ..., latency: _Optional[_Iterable[_Union[LatencyBucket, _Mapping]]] = ..., total_seconds: _Optional[float] = ...) -> None: ...

class LatencyBucket(_message.Message):
    __slots__ = ("upper_seconds", "total_calls")
    UPPER_SECONDS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_CALLS_FIELD_NUMBER: _ClassVar[int]
    upper_seconds: float
    total_calls: int
    def __init__(self, upper_seconds: _Optional[float] = ..., total_calls: _Optional[int] = ...) -> None: ...

class ModelStats(_message.Message):
    __slots__ = ("model", "policy", "total_decisions", "total_expected_cost_nano_usd")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    TOTAL_DECISIONS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_EXPECTED_COST_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    model: str
    policy: str
    total_decisions: int
    total_expected_cost_nano_usd: int
    def __init__(self, model: _Optional[str] = ..., policy: _Optional[str] = ..., total_decisions: _Optional[int] = ..., total_expected_cost_nano_usd: _Optional[int] = ...) -> None: ...

class HealthCheck(_message.Message):
    __slots__ = ("name", "state", "sentence")
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    SENTENCE_FIELD_NUMBER: _ClassVar[int]
    name: str
    state: HealthState
    sentence: str
    def __init__(self, name: _Optional[str] = ..., state: _Optional[_Union[HealthState, str]] = ..., sentence: _Optional[str] = ...) -> None: ...

class GetServerStatsResponse(_message.Message):
    __slots__ = ("instance_id", "taken_at", "uptime", "methods", "models", "total_learned", "open_calls", "open_streams", "call_limit", "total_overloaded", "queue_depths", "loop_lag", "total_cpu_seconds", "resident_bytes", "checks", "draining", "total_incidents", "total_decisions_by_engine")
    class QueueDepthsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    class TotalDecisionsByEngineEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    INSTANCE_ID_FIELD_NUMBER: _ClassVar[int]
    TAKEN_AT_FIELD_NUMBER: _ClassVar[int]
    UPTIME_FIELD_NUMBER: _ClassVar[int]
    METHODS_FIELD_NUMBER: _ClassVar[int]
    MODELS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_LEARNED_FIELD_NUMBER: _ClassVar[int]
    OPEN_CALLS_FIELD_NUMBER: _ClassVar[int]
    OPEN_STREAMS_FIELD_NUMBER: _ClassVar[int]
    CALL_LIMIT_FIELD_NUMBER: _ClassVar[int]
    TOTAL_OVERLOADED_FIELD_NUMBER: _ClassVar[int]
    QUEUE_DEPTHS_FIELD_NUMBER: _ClassVar[int]
    LOOP_LAG_FIELD_NUMBER: _ClassVar[int]
    TOTAL_CPU_SECONDS_FIELD_NUMBER: _ClassVar[int]
    RESIDENT_BYTES_FIELD_NUMBER: _ClassVar[int]
    CHECKS_FIELD_NUMBER: _ClassVar[int]
    DRAINING_FIELD_NUMBER: _ClassVar[int]
    TOTAL_INCIDENTS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_DECISIONS_BY_ENGINE_FIELD_NUMBER: _ClassVar[int]
    instance_id: str
    taken_at: _timestamp_pb2.Timestamp
    uptime: _duration_pb2.Duration
    methods: _containers.RepeatedCompositeFieldContainer[MethodStats]
    models: _containers.RepeatedCompositeFieldContainer[ModelStats]
    total_learned: int
    open_calls: int
    open_streams: int
    call_limit: int
    total_overloaded: int
    queue_depths: _containers.ScalarMap[str, int]
    loop_lag: _duration_pb2.Duration
    total_cpu_seconds: float
    resident_bytes: int
    checks: _containers.RepeatedCompositeFieldContainer[HealthCheck]
    draining: bool
    total_incidents: int
    total_decisions_by_engine: _containers.ScalarMap[str, int]
    def __init__(self, instance_id: _Optional[str] = ..., taken_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., uptime: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., methods: _Optional[_Iterable[_Union[MethodStats, _Mapping]]] = ..., models: _Optional[_Iterable[_Union[ModelStats, _Mapping]]] = ..., total_learned: _Optional[int] = ..., open_calls: _Optional[int] = ..., open_streams: _Optional[int] = ..., call_limit: _Optional[int] = ..., total_overloaded: _Optional[int] = ..., queue_depths: _Optional[_Mapping[str, int]] = ..., loop_lag: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., total_cpu_seconds: _Optional[float] = ..., resident_bytes: _Optional[int] = ..., checks: _Optional[_Iterable[_Union[HealthCheck, _Mapping]]] = ..., draining: _Optional[bool] = ..., total_incidents: _Optional[int] = ..., total_decisions_by_engine: _Optional[_Mapping[str, int]] = ...) -> None: ...

class DrainRequest(_message.Message):
    __slots__ = ("instance_id",)
    INSTANCE_ID_FIELD_NUMBER: _ClassVar[int]
    instance_id: str
    def __init__(self, instance_id: _Optional[str] = ...) -> None: ...

class DrainResponse(_message.Message):
    __slots__ = ("instance_id", "ends_within")
    INSTANCE_ID_FIELD_NUMBER: _ClassVar[int]
    ENDS_WITHIN_FIELD_NUMBER: _ClassVar[int]
    instance_id: str
    ends_within: _duration_pb2.Duration
    def __init__(self, instance_id: _Optional[str] = ..., ends_within: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...
