import datetime

from atp_grpc.pb.atp.admin.v1 import catalog_service_pb2 as _catalog_service_pb2
from atp_grpc.pb.atp.admin.v1 import trial_pb2 as _trial_pb2
from atp_grpc.pb.atp.v1 import evaluation_pb2 as _evaluation_pb2
from atp_grpc.pb.atp.v1 import permission_pb2 as _permission_pb2
from atp_grpc.pb.buf.validate import validate_pb2 as _validate_pb2
from google.api import annotations_pb2 as _annotations_pb2
from google.longrunning import operations_pb2 as _operations_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import field_mask_pb2 as _field_mask_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class WhenUnmet(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WHEN_UNMET_UNSPECIFIED: _ClassVar[WhenUnmet]
    WHEN_UNMET_BEST_EFFORT: _ClassVar[WhenUnmet]
    WHEN_UNMET_REFUSE: _ClassVar[WhenUnmet]

class Learner(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LEARNER_UNSPECIFIED: _ClassVar[Learner]
    LEARNER_THOMPSON: _ClassVar[Learner]
    LEARNER_LINUCB: _ClassVar[Learner]
    LEARNER_SQUARECB: _ClassVar[Learner]
    LEARNER_GREEDY: _ClassVar[Learner]
    LEARNER_UCB1: _ClassVar[Learner]
    LEARNER_THOMPSON_BETA: _ClassVar[Learner]

class ContextMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CONTEXT_MODE_UNSPECIFIED: _ClassVar[ContextMode]
    CONTEXT_MODE_AUTO: _ClassVar[ContextMode]
    CONTEXT_MODE_ON: _ClassVar[ContextMode]
    CONTEXT_MODE_OFF: _ClassVar[ContextMode]
WHEN_UNMET_UNSPECIFIED: WhenUnmet
WHEN_UNMET_BEST_EFFORT: WhenUnmet
WHEN_UNMET_REFUSE: WhenUnmet
LEARNER_UNSPECIFIED: Learner
LEARNER_THOMPSON: Learner
LEARNER_LINUCB: Learner
LEARNER_SQUARECB: Learner
LEARNER_GREEDY: Learner
LEARNER_UCB1: Learner
LEARNER_THOMPSON_BETA: Learner
CONTEXT_MODE_UNSPECIFIED: ContextMode
CONTEXT_MODE_AUTO: ContextMode
CONTEXT_MODE_ON: ContextMode
CONTEXT_MODE_OFF: ContextMode

class PolicyObjective(_message.Message):
    __slots__ = ("cost_weight", "latency_weight", "cost_ceiling_nano_usd", "quality_floor", "quality_floor_of_best", "latency_slo", "when_unmet")
    COST_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    LATENCY_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    COST_CEILING_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    QUALITY_FLOOR_FIELD_NUMBER: _ClassVar[int]
    QUALITY_FLOOR_OF_BEST_FIELD_NUMBER: _ClassVar[int]
    LATENCY_SLO_FIELD_NUMBER: _ClassVar[int]
    WHEN_UNMET_FIELD_NUMBER: _ClassVar[int]
    cost_weight: float
    latency_weight: float
    cost_ceiling_nano_usd: int
    quality_floor: float
    quality_floor_of_best: float
    latency_slo: _duration_pb2.Duration
    when_unmet: WhenUnmet
    def __init__(self, cost_weight: _Optional[float] = ..., latency_weight: _Optional[float] = ..., cost_ceiling_nano_usd: _Optional[int] = ..., quality_floor: _Optional[float] = ..., quality_floor_of_best: _Optional[float] = ..., latency_slo: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., when_unmet: _Optional[_Union[WhenUnmet, str]] = ...) -> None: ...

class PolicyFilters(_message.Message):
    __slots__ = ("max_cost_nano_usd", "required_capabilities", "allowed_models", "denied_models", "region", "data_scope")
    MAX_COST_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    REQUIRED_CAPABILITIES_FIELD_NUMBER: _ClassVar[int]
    ALLOWED_MODELS_FIELD_NUMBER: _ClassVar[int]
    DENIED_MODELS_FIELD_NUMBER: _ClassVar[int]
    REGION_FIELD_NUMBER: _ClassVar[int]
    DATA_SCOPE_FIELD_NUMBER: _ClassVar[int]
    max_cost_nano_usd: int
    required_capabilities: _containers.RepeatedScalarFieldContainer[str]
    allowed_models: _containers.RepeatedScalarFieldContainer[str]
    denied_models: _containers.RepeatedScalarFieldContainer[str]
    region: str
    data_scope: str
    def __init__(self, max_cost_nano_usd: _Optional[int] = ..., required_capabilities: _Optional[_Iterable[str]] = ..., allowed_models: _Optional[_Iterable[str]] = ..., denied_models: _Optional[_Iterable[str]] = ..., region: _Optional[str] = ..., data_scope: _Optional[str] = ...) -> None: ...

class LearnerParameters(_message.Message):
    __slots__ = ("learner", "scale", "alpha", "gamma", "epsilon", "slope_precision", "half_life", "context", "tenant_pseudo_count", "tenant_offset_limit", "tenant_limit")
    LEARNER_FIELD_NUMBER: _ClassVar[int]
    SCALE_FIELD_NUMBER: _ClassVar[int]
    ALPHA_FIELD_NUMBER: _ClassVar[int]
    GAMMA_FIELD_NUMBER: _ClassVar[int]
    EPSILON_FIELD_NUMBER: _ClassVar[int]
    SLOPE_PRECISION_FIELD_NUMBER: _ClassVar[int]
    HALF_LIFE_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    TENANT_PSEUDO_COUNT_FIELD_NUMBER: _ClassVar[int]
    TENANT_OFFSET_LIMIT_FIELD_NUMBER: _ClassVar[int]
    TENANT_LIMIT_FIELD_NUMBER: _ClassVar[int]
    learner: Learner
    scale: float
    alpha: float
    gamma: float
    epsilon: float
    slope_precision: float
    half_life: _duration_pb2.Duration
    context: ContextMode
    tenant_pseudo_count: float
    tenant_offset_limit: float
    tenant_limit: int
    def __init__(self, learner: _Optional[_Union[Learner, str]] = ..., scale: _Optional[float] = ..., alpha: _Optional[float] = ..., gamma: _Optional[float] = ..., epsilon: _Optional[float] = ..., slope_precision: _Optional[float] = ..., half_life: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., context: _Optional[_Union[ContextMode, str]] = ..., tenant_pseudo_count: _Optional[float] = ..., tenant_offset_limit: _Optional[float] = ..., tenant_limit: _Optional[int] = ...) -> None: ...

class Exploration(_message.Message):
    __slots__ = ("newcomer_observations", "max_share", "max_nano_usd_per_day", "stopped")
    NEWCOMER_OBSERVATIONS_FIELD_NUMBER: _ClassVar[int]
    MAX_SHARE_FIELD_NUMBER: _ClassVar[int]
    MAX_NANO_USD_PER_DAY_FIELD_NUMBER: _ClassVar[int]
    STOPPED_FIELD_NUMBER: _ClassVar[int]
    newcomer_observations: int
    max_share: float
    max_nano_usd_per_day: int
    stopped: bool
    def __init__(self, newcomer_observations: _Optional[int] = ..., max_share: _Optional[float] = ..., max_nano_usd_per_day: _Optional[int] = ..., stopped: _Optional[bool] = ...) -> None: ...

class Cascade(_message.Message):
    __slots__ = ("min_confidence", "most_escalations")
    MIN_CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    MOST_ESCALATIONS_FIELD_NUMBER: _ClassVar[int]
    min_confidence: float
    most_escalations: int
    def __init__(self, min_confidence: _Optional[float] = ..., most_escalations: _Optional[int] = ...) -> None: ...

class RoutingPolicy(_message.Message):
    __slots__ = ("name", "version", "origin", "etag", "objective", "filters", "feature_schema", "feature_dimension", "learner", "traffic_share", "cost_scale_nano_usd", "latency_scale", "exploration", "affinity_weight", "change_detection", "cascade", "cost_scale_in_force_nano_usd", "latency_scale_in_force", "previous_version")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    OBJECTIVE_FIELD_NUMBER: _ClassVar[int]
    FILTERS_FIELD_NUMBER: _ClassVar[int]
    FEATURE_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    FEATURE_DIMENSION_FIELD_NUMBER: _ClassVar[int]
    LEARNER_FIELD_NUMBER: _ClassVar[int]
    TRAFFIC_SHARE_FIELD_NUMBER: _ClassVar[int]
    COST_SCALE_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    LATENCY_SCALE_FIELD_NUMBER: _ClassVar[int]
    EXPLORATION_FIELD_NUMBER: _ClassVar[int]
    AFFINITY_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    CHANGE_DETECTION_FIELD_NUMBER: _ClassVar[int]
    CASCADE_FIELD_NUMBER: _ClassVar[int]
    COST_SCALE_IN_FORCE_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    LATENCY_SCALE_IN_FORCE_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_VERSION_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: int
    origin: _catalog_service_pb2.Origin
    etag: str
    objective: PolicyObjective
    filters: PolicyFilters
    feature_schema: str
    feature_dimension: int
    learner: LearnerParameters
    traffic_share: float
    cost_scale_nano_usd: float
    latency_scale: _duration_pb2.Duration
    exploration: Exploration
    affinity_weight: float
    change_detection: bool
    cascade: Cascade
    cost_scale_in_force_nano_usd: float
    latency_scale_in_force: _duration_pb2.Duration
    previous_version: int
    def __init__(self, name: _Optional[str] = ..., version: _Optional[int] = ..., origin: _Optional[_Union[_catalog_service_pb2.Origin, str]] = ..., etag: _Optional[str] = ..., objective: _Optional[_Union[PolicyObjective, _Mapping]] = ..., filters: _Optional[_Union[PolicyFilters, _Mapping]] = ..., feature_schema: _Optional[str] = ..., feature_dimension: _Optional[int] = ..., learner: _Optional[_Union[LearnerParameters, _Mapping]] = ..., traffic_share: _Optional[float] = ..., cost_scale_nano_usd: _Optional[float] = ..., latency_scale: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., exploration: _Optional[_Union[Exploration, _Mapping]] = ..., affinity_weight: _Optional[float] = ..., change_detection: _Optional[bool] = ..., cascade: _Optional[_Union[Cascade, _Mapping]] = ..., cost_scale_in_force_nano_usd: _Optional[float] = ..., latency_scale_in_force: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., previous_version: _Optional[int] = ...) -> None: ...

class GetPolicyRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class GetPolicyResponse(_message.Message):
    __slots__ = ("policy", "revision")
    POLICY_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    policy: RoutingPolicy
    revision: int
    def __init__(self, policy: _Optional[_Union[RoutingPolicy, _Mapping]] = ..., revision: _Optional[int] = ...) -> None: ...

class ListPoliciesRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListPoliciesResponse(_message.Message):
    __slots__ = ("policies", "next_page_token", "revision")
    POLICIES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    policies: _containers.RepeatedCompositeFieldContainer[RoutingPolicy]
    next_page_token: str
    revision: int
    def __init__(self, policies: _Optional[_Iterable[_Union[RoutingPolicy, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., revision: _Optional[int] = ...) -> None: ...

class CreatePolicyRequest(_message.Message):
    __slots__ = ("policy", "request_id", "validate_only")
    POLICY_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    policy: RoutingPolicy
    request_id: str
    validate_only: bool
    def __init__(self, policy: _Optional[_Union[RoutingPolicy, _Mapping]] = ..., request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class CreatePolicyResponse(_message.Message):
    __slots__ = ("policy", "revision")
    POLICY_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    policy: RoutingPolicy
    revision: int
    def __init__(self, policy: _Optional[_Union[RoutingPolicy, _Mapping]] = ..., revision: _Optional[int] = ...) -> None: ...

class UpdatePolicyRequest(_message.Message):
    __slots__ = ("policy", "update_mask", "request_id", "validate_only")
    POLICY_FIELD_NUMBER: _ClassVar[int]
    UPDATE_MASK_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    policy: RoutingPolicy
    update_mask: _field_mask_pb2.FieldMask
    request_id: str
    validate_only: bool
    def __init__(self, policy: _Optional[_Union[RoutingPolicy, _Mapping]] = ..., update_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ..., request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class UpdatePolicyResponse(_message.Message):
    __slots__ = ("policy", "revision")
    POLICY_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    policy: RoutingPolicy
    revision: int
    def __init__(self, policy: _Optional[_Union[RoutingPolicy, _Mapping]] = ..., revision: _Optional[int] = ...) -> None: ...

class DeletePolicyRequest(_message.Message):
    __slots__ = ("name", "etag", "request_id", "validate_only")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    name: str
    etag: str
    request_id: str
    validate_only: bool
    def __init__(self, name: _Optional[str] = ..., etag: _Optional[str] = ..., request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class DeletePolicyResponse(_message.Message):
    __slots__ = ("policy", "revision")
    POLICY_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    policy: RoutingPolicy
    revision: int
    def __init__(self, policy: _Optional[_Union[RoutingPolicy, _Mapping]] = ..., revision: _Optional[int] = ...) -> None: ...

class RollbackPolicyRequest(_message.Message):
    __slots__ = ("name", "etag", "request_id", "validate_only")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    name: str
    etag: str
    request_id: str
    validate_only: bool
    def __init__(self, name: _Optional[str] = ..., etag: _Optional[str] = ..., request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class RollbackPolicyResponse(_message.Message):
    __slots__ = ("policy", "revision")
    POLICY_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    policy: RoutingPolicy
    revision: int
    def __init__(self, policy: _Optional[_Union[RoutingPolicy, _Mapping]] = ..., revision: _Optional[int] = ...) -> None: ...

class SimulatePolicyRequest(_message.Message):
    __slots__ = ("policy", "scope")
    POLICY_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    policy: RoutingPolicy
    scope: _evaluation_pb2.EvaluationScope
    def __init__(self, policy: _Optional[_Union[RoutingPolicy, _Mapping]] = ..., scope: _Optional[_Union[_evaluation_pb2.EvaluationScope, _Mapping]] = ...) -> None: ...
