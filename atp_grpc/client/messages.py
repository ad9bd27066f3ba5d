"""The messages of the contract under one name, for callers of `AtpClient`.

Users and the command line import messages from here, never from the generated modules, whose layout follows the proto
files. It defines nothing of its own.
"""

from google.protobuf.field_mask_pb2 import FieldMask
from grpc_health.v1.health_pb2 import HealthCheckResponse, HealthListResponse

from atp_grpc.pb.atp.admin.v1.catalog_service_pb2 import (
    Deployment,
    EndpointInfo,
    GetDeploymentRequest,
    GetDeploymentResponse,
    GetModelRequest,
    GetModelResponse,
    GetProviderRequest,
    GetProviderResponse,
    ListDeploymentsRequest,
    ListDeploymentsResponse,
    ListModelsRequest,
    ListModelsResponse,
    ListProvidersRequest,
    ListProvidersResponse,
    Model,
    Origin,
    Price,
    Provider,
    ServingStatus,
)
from atp_grpc.pb.atp.admin.v1.deployment_health_pb2 import BreakerMode, BreakerState, DeploymentHealth
from atp_grpc.pb.atp.admin.v1.event_service_pb2 import Event, EventKind, WatchEventsRequest, WatchEventsResponse
from atp_grpc.pb.atp.admin.v1.operations_service_pb2 import (
    ArmInfo,
    CatalogInfo,
    ChaosCount,
    ChaosFault,
    ChaosRule,
    ChaosTarget,
    DrainRequest,
    DrainResponse,
    EngineInfo,
    Flag,
    ForceBreakerRequest,
    ForceBreakerResponse,
    GetChaosRequest,
    GetChaosResponse,
    GetServerInfoRequest,
    GetServerInfoResponse,
    GetServerStatsRequest,
    GetServerStatsResponse,
    HealthCheck,
    HealthState,
    LatencyBucket,
    ListDeploymentHealthRequest,
    ListDeploymentHealthResponse,
    ListFlagsRequest,
    ListFlagsResponse,
    MethodStats,
    ModelStats,
    ReloadCatalogRequest,
    ReloadCatalogResponse,
    ReloadFailure,
    SetChaosRequest,
    SetChaosResponse,
    SetFlagRequest,
    SetFlagResponse,
)
from atp_grpc.pb.atp.admin.v1.policy_service_pb2 import (
    Cascade,
    CreatePolicyRequest,
    CreatePolicyResponse,
    DeletePolicyRequest,
    DeletePolicyResponse,
    Exploration,
    GetPolicyRequest,
    GetPolicyResponse,
    LearnerParameters,
    ListPoliciesRequest,
    ListPoliciesResponse,
    PolicyFilters,
    PolicyObjective,
    RollbackPolicyRequest,
    RollbackPolicyResponse,
    RoutingPolicy,
    SimulatePolicyRequest,
    UpdatePolicyRequest,
    UpdatePolicyResponse,
    WhenUnmet,
)
from atp_grpc.pb.atp.admin.v1.prior_service_pb2 import (
    AppliedPrior,
    GetPriorRequest,
    GetPriorResponse,
    ImportPriorRequest,
    ImportPriorResponse,
    WeightTrial,
)
from atp_grpc.pb.atp.admin.v1.tenant_service_pb2 import (
    Budget,
    BudgetPeriod,
    DeleteBudgetRequest,
    DeleteBudgetResponse,
    GetBudgetRequest,
    GetBudgetResponse,
    ListBudgetsRequest,
    ListBudgetsResponse,
    SetBudgetRequest,
    SetBudgetResponse,
)
from atp_grpc.pb.atp.admin.v1.trial_pb2 import (
    GetTrialRequest,
    GetTrialResponse,
    ListTrialsRequest,
    ListTrialsResponse,
    StartTrialRequest,
    StartTrialResponse,
    StopTrialRequest,
    StopTrialResponse,
    Trial,
    TrialEvidence,
    TrialGates,
    TrialQuestion,
    TrialSide,
    TrialState,
    TrialStopCause,
    TrialVerdict,
)
from atp_grpc.pb.atp.v1.ask_service_pb2 import (
    AskAttempt,
    AskRequest,
    AskResponse,
    AskStreamRequest,
    AskStreamResponse,
    CacheOutcome,
    CacheUse,
    Delta,
    Final,
    LatencySplit,
    OnCut,
    Switch,
    UsageSoFar,
)
from atp_grpc.pb.atp.v1.decision_service_pb2 import (
    Changes,
    Decision,
    DecisionCandidate,
    DecisionFilter,
    DecisionOrder,
    DecisionView,
    ExplainDecisionRequest,
    ExplainDecisionResponse,
    ExplainedCandidate,
    GetDecisionRequest,
    GetDecisionResponse,
    ListDecisionsRequest,
    ListDecisionsResponse,
    ListObservationsRequest,
    ListObservationsResponse,
    Observation,
    ObservedState,
    Outcome,
    RefusedModel,
    UtilityParts,
    UtilityScales,
)
from atp_grpc.pb.atp.v1.evaluation_pb2 import (
    Estimate,
    EvaluatePolicyMetadata,
    EvaluatePolicyRequest,
    EvaluatePolicyResponse,
    EvaluationFooting,
    EvaluationRefusal,
    EvaluationRefusalCause,
    EvaluationScope,
    MeasureEstimates,
    MeasureEvaluation,
    ModelShare,
)
from atp_grpc.pb.atp.v1.generation_pb2 import (
    FinishReason,
    ResponseFormat,
    ResponseKind,
    Sampling,
    Tool,
    ToolCallDelta,
    ToolChoice,
    ToolMode,
)
from atp_grpc.pb.atp.v1.observe_service_pb2 import (
    ObserveBatchRequest,
    ObserveBatchResponse,
    ObserveRequest,
    ObserveResponse,
    ObserveResult,
)
from atp_grpc.pb.atp.v1.outcome_pb2 import Attempt, AttemptError, Usage
from atp_grpc.pb.atp.v1.route_service_pb2 import (
    PlannedCandidate,
    PlanRequest,
    PlanResponse,
    RouteBatchRequest,
    RouteBatchResponse,
    RouteRequest,
    RouteResponse,
    RouteResult,
)
from atp_grpc.pb.atp.v1.routing_pb2 import (
    Constraints,
    Conversation,
    DualPrices,
    Expectation,
    Fallback,
    Features,
    Image,
    Message,
    NamedObjective,
    Objective,
    Part,
    ReasonCode,
    RefusalCause,
    Role,
    Target,
    ToolCall,
    ToolResult,
    Weights,
)
from atp_grpc.pb.atp.v1.savings_pb2 import (
    ComputeSavingsRequest,
    ComputeSavingsResponse,
    DecisionGroup,
    SavedAmount,
    SavedShare,
    SavingsBasis,
    SavingsQuality,
)

__all__ = ["AppliedPrior", "ArmInfo", "AskAttempt", "AskRequest", "AskResponse", "AskStreamRequest"]
__all__ += ["AskStreamResponse", "Attempt", "AttemptError", "BreakerMode", "BreakerState", "Budget", "BudgetPeriod"]
__all__ += ["CacheOutcome", "CacheUse", "Cascade", "CatalogInfo", "Changes", "ChaosCount", "ChaosFault", "ChaosRule"]
__all__ += ["ChaosTarget", "ComputeSavingsRequest", "ComputeSavingsResponse", "Constraints", "Conversation"]
__all__ += ["CreatePolicyRequest", "CreatePolicyResponse", "Decision", "DecisionCandidate", "DecisionFilter"]
__all__ += ["DecisionGroup", "DecisionOrder", "DecisionView", "DeleteBudgetRequest", "DeleteBudgetResponse"]
__all__ += ["DeletePolicyRequest", "DeletePolicyResponse", "Delta", "Deployment", "DeploymentHealth", "DrainRequest"]
__all__ += ["DrainResponse", "DualPrices", "EndpointInfo", "EngineInfo", "Estimate", "EvaluatePolicyMetadata"]
__all__ += ["EvaluatePolicyRequest", "EvaluatePolicyResponse", "EvaluationFooting", "EvaluationRefusal"]
__all__ += ["EvaluationRefusalCause", "EvaluationScope", "Event", "EventKind", "Expectation", "ExplainDecisionRequest"]
__all__ += ["ExplainDecisionResponse", "ExplainedCandidate", "Exploration", "Fallback", "Features", "FieldMask"]
__all__ += ["Final", "FinishReason", "Flag", "ForceBreakerRequest", "ForceBreakerResponse", "GetBudgetRequest"]
__all__ += ["GetBudgetResponse", "GetChaosRequest", "GetChaosResponse", "GetDecisionRequest", "GetDecisionResponse"]
__all__ += ["GetDeploymentRequest", "GetDeploymentResponse", "GetModelRequest", "GetModelResponse", "GetPolicyRequest"]
__all__ += ["GetPolicyResponse", "GetPriorRequest", "GetPriorResponse", "GetProviderRequest", "GetProviderResponse"]
__all__ += ["GetServerInfoRequest", "GetServerInfoResponse", "GetServerStatsRequest", "GetServerStatsResponse"]
__all__ += ["GetTrialRequest", "GetTrialResponse", "HealthCheck", "HealthCheckResponse", "HealthListResponse"]
__all__ += ["HealthState", "Image", "ImportPriorRequest", "ImportPriorResponse", "LatencyBucket", "LatencySplit"]
__all__ += ["LearnerParameters", "ListBudgetsRequest", "ListBudgetsResponse", "ListDecisionsRequest"]
__all__ += ["ListDecisionsResponse", "ListDeploymentHealthRequest", "ListDeploymentHealthResponse"]
__all__ += ["ListDeploymentsRequest", "ListDeploymentsResponse", "ListFlagsRequest", "ListFlagsResponse"]
__all__ += ["ListModelsRequest", "ListModelsResponse", "ListObservationsRequest", "ListObservationsResponse"]
__all__ += ["ListPoliciesRequest", "ListPoliciesResponse", "ListProvidersRequest", "ListProvidersResponse"]
__all__ += ["ListTrialsRequest", "ListTrialsResponse", "MeasureEstimates", "MeasureEvaluation", "Message"]
__all__ += ["MethodStats", "Model", "ModelShare", "ModelStats", "NamedObjective", "Objective", "Observation"]
__all__ += ["ObserveBatchRequest", "ObserveBatchResponse", "ObserveRequest", "ObserveResponse", "ObserveResult"]
__all__ += ["ObservedState", "OnCut", "Origin", "Outcome", "Part", "PlanRequest", "PlanResponse", "PlannedCandidate"]
__all__ += ["PolicyFilters", "PolicyObjective", "Price", "Provider", "ReasonCode", "RefusalCause", "RefusedModel"]
__all__ += ["ReloadCatalogRequest", "ReloadCatalogResponse", "ReloadFailure", "ResponseFormat", "ResponseKind", "Role"]
__all__ += ["RollbackPolicyRequest", "RollbackPolicyResponse", "RouteBatchRequest", "RouteBatchResponse"]
__all__ += ["RouteRequest", "RouteResponse", "RouteResult", "RoutingPolicy", "Sampling", "SavedAmount", "SavedShare"]
__all__ += ["SavingsBasis", "SavingsQuality", "ServingStatus", "SetBudgetRequest", "SetBudgetResponse"]
__all__ += ["SetChaosRequest", "SetChaosResponse", "SetFlagRequest", "SetFlagResponse", "SimulatePolicyRequest"]
__all__ += ["StartTrialRequest", "StartTrialResponse", "StopTrialRequest", "StopTrialResponse", "Switch", "Target"]
__all__ += ["Tool", "ToolCall", "ToolCallDelta", "ToolChoice", "ToolMode", "ToolResult", "Trial", "TrialEvidence"]
__all__ += ["TrialGates", "TrialQuestion", "TrialSide", "TrialState", "TrialStopCause", "TrialVerdict"]
__all__ += ["UpdatePolicyRequest", "UpdatePolicyResponse", "Usage", "UsageSoFar", "UtilityParts", "UtilityScales"]
__all__ += ["WatchEventsRequest", "WatchEventsResponse", "WeightTrial", "Weights", "WhenUnmet"]
