import datetime

from atp_grpc.pb.atp.admin.v1 import deployment_health_pb2 as _deployment_health_pb2
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

class ChaosTarget(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CHAOS_TARGET_UNSPECIFIED: _ClassVar[ChaosTarget]
    CHAOS_TARGET_PROVIDER: _ClassVar[ChaosTarget]
    CHAOS_TARGET_EDGE: _ClassVar[ChaosTarget]
    CHAOS_TARGET_STORE: _ClassVar[ChaosTarget]
    CHAOS_TARGET_BACKGROUND: _ClassVar[ChaosTarget]

class ChaosFault(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CHAOS_FAULT_UNSPECIFIED: _ClassVar[ChaosFault]
    CHAOS_FAULT_ERROR: _ClassVar[ChaosFault]
    CHAOS_FAULT_DELAY: _ClassVar[ChaosFault]
    CHAOS_FAULT_CUT: _ClassVar[ChaosFault]
    CHAOS_FAULT_STALL: _ClassVar[ChaosFault]
    CHAOS_FAULT_MALFORMED: _ClassVar[ChaosFault]
    CHAOS_FAULT_RATE_LIMITED: _ClassVar[ChaosFault]
HEALTH_STATE_UNSPECIFIED: HealthState
HEALTH_STATE_HEALTHY: HealthState
HEALTH_STATE_DEGRADED: HealthState
HEALTH_STATE_UNHEALTHY: HealthState
CHAOS_TARGET_UNSPECIFIED: ChaosTarget
CHAOS_TARGET_PROVIDER: ChaosTarget
CHAOS_TARGET_EDGE: ChaosTarget
CHAOS_TARGET_STORE: ChaosTarget
CHAOS_TARGET_BACKGROUND: ChaosTarget
CHAOS_FAULT_UNSPECIFIED: ChaosFault
CHAOS_FAULT_ERROR: ChaosFault
CHAOS_FAULT_DELAY: ChaosFault
CHAOS_FAULT_CUT: ChaosFault
CHAOS_FAULT_STALL: ChaosFault
CHAOS_FAULT_MALFORMED: ChaosFault
CHAOS_FAULT_RATE_LIMITED: ChaosFault

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

class ListDeploymentHealthRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListDeploymentHealthResponse(_message.Message):
    __slots__ = ("instance_id", "deployments")
    INSTANCE_ID_FIELD_NUMBER: _ClassVar[int]
    DEPLOYMENTS_FIELD_NUMBER: _ClassVar[int]
    instance_id: str
    deployments: _containers.RepeatedCompositeFieldContainer[_deployment_health_pb2.DeploymentHealth]
    def __init__(self, instance_id: _Optional[str] = ..., deployments: _Optional[_Iterable[_Union[_deployment_health_pb2.DeploymentHealth, _Mapping]]] = ...) -> None: ...

class ForceBreakerRequest(_message.Message):
    __slots__ = ("instance_id", "deployment", "mode")
    INSTANCE_ID_FIELD_NUMBER: _ClassVar[int]
    DEPLOYMENT_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    instance_id: str
    deployment: str
    mode: _deployment_health_pb2.BreakerMode
    def __init__(self, instance_id: _Optional[str] = ..., deployment: _Optional[str] = ..., mode: _Optional[_Union[_deployment_health_pb2.BreakerMode, str]] = ...) -> None: ...

class ForceBreakerResponse(_message.Message):
    __slots__ = ("deployment",)
    DEPLOYMENT_FIELD_NUMBER: _ClassVar[int]
    deployment: _deployment_health_pb2.DeploymentHealth
    def __init__(self, deployment: _Optional[_Union[_deployment_health_pb2.DeploymentHealth, _Mapping]] = ...) -> None: ...

class ListFlagsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Flag(_message.Message):
    __slots__ = ("name", "description", "on", "default_on")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    ON_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_ON_FIELD_NUMBER: _ClassVar[int]
    name: str
    description: str
    on: bool
    default_on: bool
    def __init__(self, name: _Optional[str] = ..., description: _Optional[str] = ..., on: _Optional[bool] = ..., default_on: _Optional[bool] = ...) -> None: ...

class ListFlagsResponse(_message.Message):
    __slots__ = ("instance_id", "flags")
    INSTANCE_ID_FIELD_NUMBER: _ClassVar[int]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    instance_id: str
    flags: _containers.RepeatedCompositeFieldContainer[Flag]
    def __init__(self, instance_id: _Optional[str] = ..., flags: _Optional[_Iterable[_Union[Flag, _Mapping]]] = ...) -> None: ...

class SetFlagRequest(_message.Message):
    __slots__ = ("instance_id", "name", "on")
    INSTANCE_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ON_FIELD_NUMBER: _ClassVar[int]
    instance_id: str
    name: str
    on: bool
    def __init__(self, instance_id: _Optional[str] = ..., name: _Optional[str] = ..., on: _Optional[bool] = ...) -> None: ...

class SetFlagResponse(_message.Message):
    __slots__ = ("flag",)
    FLAG_FIELD_NUMBER: _ClassVar[int]
    flag: Flag
    def __init__(self, flag: _Optional[_Union[Flag, _Mapping]] = ...) -> None: ...

class ChaosRule(_message.Message):
    __slots__ = ("target", "fault", "probability", "delay", "deployment")
    TARGET_FIELD_NUMBER: _ClassVar[int]
    FAULT_FIELD_NUMBER: _ClassVar[int]
    PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    DELAY_FIELD_NUMBER: _ClassVar[int]
    DEPLOYMENT_FIELD_NUMBER: _ClassVar[int]
    target: ChaosTarget
    fault: ChaosFault
    probability: float
    delay: _duration_pb2.Duration
    deployment: str
    def __init__(self, target: _Optional[_Union[ChaosTarget, str]] = ..., fault: _Optional[_Union[ChaosFault, str]] = ..., probability: _Optional[float] = ..., delay: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., deployment: _Optional[str] = ...) -> None: ...

class ChaosCount(_message.Message):
    __slots__ = ("rule", "total_injected")
    RULE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_INJECTED_FIELD_NUMBER: _ClassVar[int]
    rule: ChaosRule
    total_injected: int
    def __init__(self, rule: _Optional[_Union[ChaosRule, _Mapping]] = ..., total_injected: _Optional[int] = ...) -> None: ...

class GetChaosRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetChaosResponse(_message.Message):
    __slots__ = ("instance_id", "allowed", "rules", "total_injected")
    class TotalInjectedEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    INSTANCE_ID_FIELD_NUMBER: _ClassVar[int]
    ALLOWED_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    TOTAL_INJECTED_FIELD_NUMBER: _ClassVar[int]
    instance_id: str
    allowed: bool
    rules: _containers.RepeatedCompositeFieldContainer[ChaosCount]
    total_injected: _containers.ScalarMap[str, int]
    def __init__(self, instance_id: _Optional[str] = ..., allowed: _Optional[bool] = ..., rules: _Optional[_Iterable[_Union[ChaosCount, _Mapping]]] = ..., total_injected: _Optional[_Mapping[str, int]] = ...) -> None: ...

class SetChaosRequest(_message.Message):
    __slots__ = ("instance_id", "target", "rules", "seed")
    INSTANCE_ID_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    instance_id: str
    target: ChaosTarget
    rules: _containers.RepeatedCompositeFieldContainer[ChaosRule]
    seed: int
    def __init__(self, instance_id: _Optional[str] = ..., target: _Optional[_Union[ChaosTarget, str]] = ..., rules: _Optional[_Iterable[_Union[ChaosRule, _Mapping]]] = ..., seed: _Optional[int] = ...) -> None: ...

class SetChaosResponse(_message.Message):
    __slots__ = ("rules",)
    RULES_FIELD_NUMBER: _ClassVar[int]
    rules: _containers.RepeatedCompositeFieldContainer[ChaosCount]
    def __init__(self, rules: _Optional[_Iterable[_Union[ChaosCount, _Mapping]]] = ...) -> None: ...
