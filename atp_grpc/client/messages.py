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
    Decision,
    DecisionCandidate,
    GetDecisionRequest,
    GetDecisionResponse,
    Outcome,
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

__all__ = ["AppliedPrior", "ArmInfo", "AskAttempt", "AskRequest", "AskResponse", "AskStreamRequest"]
__all__ += ["AskStreamResponse", "Attempt", "AttemptError", "BreakerMode", "BreakerState", "Budget", "BudgetPeriod"]
__all__ += ["CacheOutcome", "CacheUse", "Cascade", "CatalogInfo", "ChaosCount", "ChaosFault", "ChaosRule"]
__all__ += ["ChaosTarget", "Constraints", "Conversation", "CreatePolicyRequest", "CreatePolicyResponse", "Decision"]
__all__ += ["DecisionCandidate", "DeleteBudgetRequest", "DeleteBudgetResponse", "DeletePolicyRequest"]
__all__ += ["DeletePolicyResponse", "Delta", "Deployment", "DeploymentHealth", "DrainRequest", "DrainResponse"]
__all__ += ["DualPrices", "EndpointInfo", "EngineInfo", "Expectation", "Exploration", "Fallback", "Features"]
__all__ += ["FieldMask", "Final", "FinishReason", "Flag", "ForceBreakerRequest", "ForceBreakerResponse"]
__all__ += ["GetBudgetRequest", "GetBudgetResponse", "GetChaosRequest", "GetChaosResponse", "GetDecisionRequest"]
__all__ += ["GetDecisionResponse", "GetDeploymentRequest", "GetDeploymentResponse", "GetModelRequest"]
__all__ += ["GetModelResponse", "GetPolicyRequest", "GetPolicyResponse", "GetPriorRequest", "GetPriorResponse"]
__all__ += ["GetProviderRequest", "GetProviderResponse", "GetServerInfoRequest", "GetServerInfoResponse"]
__all__ += ["GetServerStatsRequest", "GetServerStatsResponse", "HealthCheck", "HealthCheckResponse"]
__all__ += ["HealthListResponse", "HealthState", "Image", "ImportPriorRequest", "ImportPriorResponse", "LatencyBucket"]
__all__ += ["LatencySplit", "LearnerParameters", "ListBudgetsRequest", "ListBudgetsResponse"]
__all__ += ["ListDeploymentHealthRequest", "ListDeploymentHealthResponse", "ListDeploymentsRequest"]
__all__ += ["ListDeploymentsResponse", "ListFlagsRequest", "ListFlagsResponse", "ListModelsRequest"]
__all__ += ["ListModelsResponse", "ListPoliciesRequest", "ListPoliciesResponse", "ListProvidersRequest"]
__all__ += ["ListProvidersResponse", "Message", "MethodStats", "Model", "ModelStats", "NamedObjective", "Objective"]
__all__ += ["ObserveBatchRequest", "ObserveBatchResponse", "ObserveRequest", "ObserveResponse", "ObserveResult"]
__all__ += ["OnCut", "Origin", "Outcome", "Part", "PlanRequest", "PlanResponse", "PlannedCandidate", "PolicyFilters"]
__all__ += ["PolicyObjective", "Price", "Provider", "ReasonCode", "RefusalCause", "ReloadCatalogRequest"]
__all__ += ["ReloadCatalogResponse", "ReloadFailure", "ResponseFormat", "ResponseKind", "Role", "RollbackPolicyRequest"]
__all__ += ["RollbackPolicyResponse", "RouteBatchRequest", "RouteBatchResponse", "RouteRequest", "RouteResponse"]
__all__ += ["RouteResult", "RoutingPolicy", "Sampling", "ServingStatus", "SetBudgetRequest", "SetBudgetResponse"]
__all__ += ["SetChaosRequest", "SetChaosResponse", "SetFlagRequest", "SetFlagResponse", "Switch", "Target", "Tool"]
__all__ += ["ToolCall", "ToolCallDelta", "ToolChoice", "ToolMode", "ToolResult", "UpdatePolicyRequest"]
__all__ += ["UpdatePolicyResponse", "Usage", "UsageSoFar", "WeightTrial", "Weights", "WhenUnmet"]
