import datetime

from atp_grpc.pb.atp.v1 import evaluation_pb2 as _evaluation_pb2
from atp_grpc.pb.atp.v1 import outcome_pb2 as _outcome_pb2
from atp_grpc.pb.atp.v1 import permission_pb2 as _permission_pb2
from atp_grpc.pb.atp.v1 import routing_pb2 as _routing_pb2
from atp_grpc.pb.atp.v1 import savings_pb2 as _savings_pb2
from atp_grpc.pb.buf.validate import validate_pb2 as _validate_pb2
from google.api import annotations_pb2 as _annotations_pb2
from google.longrunning import operations_pb2 as _operations_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DecisionView(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DECISION_VIEW_UNSPECIFIED: _ClassVar[DecisionView]
    DECISION_VIEW_BASIC: _ClassVar[DecisionView]
    DECISION_VIEW_FULL: _ClassVar[DecisionView]

class DecisionOrder(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DECISION_ORDER_UNSPECIFIED: _ClassVar[DecisionOrder]
    DECISION_ORDER_NEWEST_FIRST: _ClassVar[DecisionOrder]
    DECISION_ORDER_OLDEST_FIRST: _ClassVar[DecisionOrder]

class ObservedState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OBSERVED_STATE_UNSPECIFIED: _ClassVar[ObservedState]
    OBSERVED_STATE_OBSERVED: _ClassVar[ObservedState]
    OBSERVED_STATE_UNOBSERVED: _ClassVar[ObservedState]
DECISION_VIEW_UNSPECIFIED: DecisionView
DECISION_VIEW_BASIC: DecisionView
DECISION_VIEW_FULL: DecisionView
DECISION_ORDER_UNSPECIFIED: DecisionOrder
DECISION_ORDER_NEWEST_FIRST: DecisionOrder
DECISION_ORDER_OLDEST_FIRST: DecisionOrder
OBSERVED_STATE_UNSPECIFIED: ObservedState
OBSERVED_STATE_OBSERVED: ObservedState
OBSERVED_STATE_UNOBSERVED: ObservedState

class DecisionFilter(_message.Message):
    __slots__ = ("model", "policy", "task_type", "session_id", "labels", "decided_since", "decided_before")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    MODEL_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    TASK_TYPE_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    DECIDED_SINCE_FIELD_NUMBER: _ClassVar[int]
    DECIDED_BEFORE_FIELD_NUMBER: _ClassVar[int]
    model: str
    policy: str
    task_type: str
    session_id: str
    labels: _containers.ScalarMap[str, str]
    decided_since: _timestamp_pb2.Timestamp
    decided_before: _timestamp_pb2.Timestamp
    def __init__(self, model: _Optional[str] = ..., policy: _Optional[str] = ..., task_type: _Optional[str] = ..., session_id: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ..., decided_since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., decided_before: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListDecisionsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "filter", "observed", "order", "view", "tenant")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    OBSERVED_FIELD_NUMBER: _ClassVar[int]
    ORDER_FIELD_NUMBER: _ClassVar[int]
    VIEW_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    filter: DecisionFilter
    observed: ObservedState
    order: DecisionOrder
    view: DecisionView
    tenant: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., filter: _Optional[_Union[DecisionFilter, _Mapping]] = ..., observed: _Optional[_Union[ObservedState, str]] = ..., order: _Optional[_Union[DecisionOrder, str]] = ..., view: _Optional[_Union[DecisionView, str]] = ..., tenant: _Optional[str] = ...) -> None: ...

class ListDecisionsResponse(_message.Message):
    __slots__ = ("decisions", "next_page_token")
    DECISIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    decisions: _containers.RepeatedCompositeFieldContainer[Decision]
    next_page_token: str
    def __init__(self, decisions: _Optional[_Iterable[_Union[Decision, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ListObservationsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "filter", "order", "tenant")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    ORDER_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    filter: DecisionFilter
    order: DecisionOrder
    tenant: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., filter: _Optional[_Union[DecisionFilter, _Mapping]] = ..., order: _Optional[_Union[DecisionOrder, str]] = ..., tenant: _Optional[str] = ...) -> None: ...

class Observation(_message.Message):
    __slots__ = ("decision_id", "decided_at", "target", "outcome", "tenant")
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    DECIDED_AT_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    decision_id: str
    decided_at: _timestamp_pb2.Timestamp
    target: _routing_pb2.Target
    outcome: Outcome
    tenant: str
    def __init__(self, decision_id: _Optional[str] = ..., decided_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., target: _Optional[_Union[_routing_pb2.Target, _Mapping]] = ..., outcome: _Optional[_Union[Outcome, _Mapping]] = ..., tenant: _Optional[str] = ...) -> None: ...

class ListObservationsResponse(_message.Message):
    __slots__ = ("observations", "next_page_token")
    OBSERVATIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    observations: _containers.RepeatedCompositeFieldContainer[Observation]
    next_page_token: str
    def __init__(self, observations: _Optional[_Iterable[_Union[Observation, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ExplainDecisionRequest(_message.Message):
    __slots__ = ("decision_id", "tenant")
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    decision_id: str
    tenant: str
    def __init__(self, decision_id: _Optional[str] = ..., tenant: _Optional[str] = ...) -> None: ...

class ExplainDecisionResponse(_message.Message):
    __slots__ = ("decision_id", "decided_at", "target", "propensity", "best", "given_up", "candidates", "refused", "weights", "dual_prices", "is_complete", "summary")
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    DECIDED_AT_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    PROPENSITY_FIELD_NUMBER: _ClassVar[int]
    BEST_FIELD_NUMBER: _ClassVar[int]
    GIVEN_UP_FIELD_NUMBER: _ClassVar[int]
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    DUAL_PRICES_FIELD_NUMBER: _ClassVar[int]
    IS_COMPLETE_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    decision_id: str
    decided_at: _timestamp_pb2.Timestamp
    target: _routing_pb2.Target
    propensity: float
    best: _routing_pb2.Target
    given_up: float
    candidates: _containers.RepeatedCompositeFieldContainer[ExplainedCandidate]
    refused: _containers.RepeatedCompositeFieldContainer[RefusedModel]
    weights: _routing_pb2.Weights
    dual_prices: _routing_pb2.DualPrices
    is_complete: bool
    summary: str
    def __init__(self, decision_id: _Optional[str] = ..., decided_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., target: _Optional[_Union[_routing_pb2.Target, _Mapping]] = ..., propensity: _Optional[float] = ..., best: _Optional[_Union[_routing_pb2.Target, _Mapping]] = ..., given_up: _Optional[float] = ..., candidates: _Optional[_Iterable[_Union[ExplainedCandidate, _Mapping]]] = ..., refused: _Optional[_Iterable[_Union[RefusedModel, _Mapping]]] = ..., weights: _Optional[_Union[_routing_pb2.Weights, _Mapping]] = ..., dual_prices: _Optional[_Union[_routing_pb2.DualPrices, _Mapping]] = ..., is_complete: _Optional[bool] = ..., summary: _Optional[str] = ...) -> None: ...

class ExplainedCandidate(_message.Message):
    __slots__ = ("target", "expected", "utility", "propensity", "gap", "parts", "set_aside", "would_be_best")
    TARGET_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_FIELD_NUMBER: _ClassVar[int]
    UTILITY_FIELD_NUMBER: _ClassVar[int]
    PROPENSITY_FIELD_NUMBER: _ClassVar[int]
    GAP_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    SET_ASIDE_FIELD_NUMBER: _ClassVar[int]
    WOULD_BE_BEST_FIELD_NUMBER: _ClassVar[int]
    target: _routing_pb2.Target
    expected: _routing_pb2.Expectation
    utility: float
    propensity: float
    gap: float
    parts: UtilityParts
    set_aside: _routing_pb2.RefusalCause
    would_be_best: Changes
    def __init__(self, target: _Optional[_Union[_routing_pb2.Target, _Mapping]] = ..., expected: _Optional[_Union[_routing_pb2.Expectation, _Mapping]] = ..., utility: _Optional[float] = ..., propensity: _Optional[float] = ..., gap: _Optional[float] = ..., parts: _Optional[_Union[UtilityParts, _Mapping]] = ..., set_aside: _Optional[_Union[_routing_pb2.RefusalCause, str]] = ..., would_be_best: _Optional[_Union[Changes, _Mapping]] = ...) -> None: ...

class UtilityParts(_message.Message):
    __slots__ = ("quality", "failure", "cost", "cost_ceiling", "quality_floor", "latency", "affinity")
    QUALITY_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    COST_FIELD_NUMBER: _ClassVar[int]
    COST_CEILING_FIELD_NUMBER: _ClassVar[int]
    QUALITY_FLOOR_FIELD_NUMBER: _ClassVar[int]
    LATENCY_FIELD_NUMBER: _ClassVar[int]
    AFFINITY_FIELD_NUMBER: _ClassVar[int]
    quality: float
    failure: float
    cost: float
    cost_ceiling: float
    quality_floor: float
    latency: float
    affinity: float
    def __init__(self, quality: _Optional[float] = ..., failure: _Optional[float] = ..., cost: _Optional[float] = ..., cost_ceiling: _Optional[float] = ..., quality_floor: _Optional[float] = ..., latency: _Optional[float] = ..., affinity: _Optional[float] = ...) -> None: ...

class Changes(_message.Message):
    __slots__ = ("cost_nano_usd", "quality", "latency", "cost_weight")
    COST_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    QUALITY_FIELD_NUMBER: _ClassVar[int]
    LATENCY_FIELD_NUMBER: _ClassVar[int]
    COST_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    cost_nano_usd: int
    quality: float
    latency: _duration_pb2.Duration
    cost_weight: float
    def __init__(self, cost_nano_usd: _Optional[int] = ..., quality: _Optional[float] = ..., latency: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., cost_weight: _Optional[float] = ...) -> None: ...

class RefusedModel(_message.Message):
    __slots__ = ("target", "cause")
    TARGET_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    target: _routing_pb2.Target
    cause: _routing_pb2.RefusalCause
    def __init__(self, target: _Optional[_Union[_routing_pb2.Target, _Mapping]] = ..., cause: _Optional[_Union[_routing_pb2.RefusalCause, str]] = ...) -> None: ...

class UtilityScales(_message.Message):
    __slots__ = ("cost_nano_usd", "latency_seconds")
    COST_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    LATENCY_SECONDS_FIELD_NUMBER: _ClassVar[int]
    cost_nano_usd: float
    latency_seconds: float
    def __init__(self, cost_nano_usd: _Optional[float] = ..., latency_seconds: _Optional[float] = ...) -> None: ...

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
    __slots__ = ("target", "expected", "utility", "propensity", "set_aside")
    TARGET_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_FIELD_NUMBER: _ClassVar[int]
    UTILITY_FIELD_NUMBER: _ClassVar[int]
    PROPENSITY_FIELD_NUMBER: _ClassVar[int]
    SET_ASIDE_FIELD_NUMBER: _ClassVar[int]
    target: _routing_pb2.Target
    expected: _routing_pb2.Expectation
    utility: float
    propensity: float
    set_aside: _routing_pb2.RefusalCause
    def __init__(self, target: _Optional[_Union[_routing_pb2.Target, _Mapping]] = ..., expected: _Optional[_Union[_routing_pb2.Expectation, _Mapping]] = ..., utility: _Optional[float] = ..., propensity: _Optional[float] = ..., set_aside: _Optional[_Union[_routing_pb2.RefusalCause, str]] = ...) -> None: ...

class Decision(_message.Message):
    __slots__ = ("decision_id", "decided_at", "target", "propensity", "candidates", "policy", "policy_version", "catalog_revision", "learner_revision", "weights", "seed", "features", "reason_codes", "engine", "task_type", "session_id", "labels", "outcome", "dual_prices", "scales", "refused", "favoured_model", "favour", "tenant")
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
    SCALES_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    FAVOURED_MODEL_FIELD_NUMBER: _ClassVar[int]
    FAVOUR_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
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
    scales: UtilityScales
    refused: _containers.RepeatedCompositeFieldContainer[RefusedModel]
    favoured_model: str
    favour: float
    tenant: str
    def __init__(self, decision_id: _Optional[str] = ..., decided_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., target: _Optional[_Union[_routing_pb2.Target, _Mapping]] = ..., propensity: _Optional[float] = ..., candidates: _Optional[_Iterable[_Union[DecisionCandidate, _Mapping]]] = ..., policy: _Optional[str] = ..., policy_version: _Optional[int] = ..., catalog_revision: _Optional[int] = ..., learner_revision: _Optional[int] = ..., weights: _Optional[_Union[_routing_pb2.Weights, _Mapping]] = ..., seed: _Optional[int] = ..., features: _Optional[_Union[_routing_pb2.Features, _Mapping]] = ..., reason_codes: _Optional[_Iterable[_Union[_routing_pb2.ReasonCode, str]]] = ..., engine: _Optional[str] = ..., task_type: _Optional[str] = ..., session_id: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ..., outcome: _Optional[_Union[Outcome, _Mapping]] = ..., dual_prices: _Optional[_Union[_routing_pb2.DualPrices, _Mapping]] = ..., scales: _Optional[_Union[UtilityScales, _Mapping]] = ..., refused: _Optional[_Iterable[_Union[RefusedModel, _Mapping]]] = ..., favoured_model: _Optional[str] = ..., favour: _Optional[float] = ..., tenant: _Optional[str] = ...) -> None: ...

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
