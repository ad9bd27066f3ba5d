"""A good request to every method, to be mutated."""

from __future__ import annotations

from google.protobuf.message import Message

from atp_grpc.client import messages as m
from atp_grpc.pb.atp.v1 import observe_service_pb2, route_service_pb2
from tests.rpc.streams.talking import OBSERVE_STREAM, ROUTE_STREAM

ASK_STREAM = "/atp.v1.AskService/AskStream"


def specimens_of_policies() -> dict[str, list[Message]]:
    """Good requests about routing policies."""
    policy = m.RoutingPolicy(
        name="fast",
        objective={"cost_weight": 0.5, "quality_floor": 0.25, "latency_slo": {"seconds": 9}},
        filters={"max_cost_nano_usd": 10**12, "denied_models": ["ember-nano"], "required_capabilities": ["tools"]},
        learner={"half_life": {"seconds": 60}, "scale": 0.5, "tenant_limit": 5},
        traffic_share=0.01,
        latency_scale={"seconds": 2},
    )
    mask = m.FieldMask(paths=["objective.quality_floor", "filters", "traffic_share"])
    named = {
        "Get": m.GetPolicyRequest(name="fast"),
        "Create": m.CreatePolicyRequest(policy=policy, request_id="id-1"),
        "Update": m.UpdatePolicyRequest(policy=policy, update_mask=mask),
        "Delete": m.DeletePolicyRequest(name="fast", etag="x"),
        "Rollback": m.RollbackPolicyRequest(name="fast", validate_only=True),
    }
    path = "/atp.admin.v1.PolicyService"
    return {
        f"{path}/ListPolicies": [m.ListPoliciesRequest(page_size=1)],
        **{f"{path}/{change}Policy": [request] for change, request in named.items()},
    }


def specimens_of_proof() -> dict[str, list[Message]]:
    """Good requests about what another policy would have earned, and about trials."""
    scope = {"decided_since": {"seconds": 1}, "warm_up_before": {"seconds": 2}, "confidence": 0.9, "tenant": "-"}
    decisions, policies = "/atp.v1.DecisionService", "/atp.admin.v1.PolicyService"
    return {
        f"{decisions}/EvaluatePolicy": [
            m.EvaluatePolicyRequest(model="ember-nano", scope=scope),
            m.EvaluatePolicyRequest(policy="default"),
            m.EvaluatePolicyRequest(uniform=True),
        ],
        f"{decisions}/ComputeSavings": [m.ComputeSavingsRequest(model="ember-nano", scope=scope)],
        f"{policies}/SimulatePolicy": [m.SimulatePolicyRequest(policy={"name": "bold"}, scope=scope)],
        f"{policies}/StartTrial": [
            m.StartTrialRequest(challenger="fast", share=0.5, max_requests=9, hold=1, request_id="id-1")
        ],
        f"{policies}/GetTrial": [m.GetTrialRequest(id="x")],
        f"{policies}/ListTrials": [m.ListTrialsRequest(page_size=1)],
        f"{policies}/StopTrial": [m.StopTrialRequest(id="x", validate_only=True)],
    }


def specimens_of_asks() -> dict[str, list[Message]]:
    """Good requests to be carried out, and about how that is done."""
    asked = m.AskRequest(
        conversation={
            "messages": [
                {"role": "ROLE_SYSTEM", "parts": [{"text": "Be brief."}]},
                {
                    "role": "ROLE_USER",
                    "parts": [{"text": "What is it?"}, {"image": {"uri": "https://example.com/a.png"}}],
                },
            ]
        },
        request_id="id-1",
        max_output_tokens=20,
        sampling={"temperature": 0.5, "stop": ["END"], "seed": 7},
        tools=[{"name": "search", "description": "Searches.", "parameters_json": '{"type": "object"}'}],
        tool_choice={"mode": "TOOL_MODE_AUTO"},
        on_cut="ON_CUT_RESTART",
        cache="CACHE_USE_READ_AND_WRITE",
        labels={"team": "support"},
    )
    short = m.AskRequest(prompt="hello", max_output_tokens=5)
    fault = m.ChaosRule(target="CHAOS_TARGET_STORE", fault="CHAOS_FAULT_DELAY", probability=0.5, delay={"seconds": 1})
    path = "/atp.admin.v1.OperationsService"
    return {
        "/atp.v1.AskService/Ask": [asked, short],
        ASK_STREAM: [m.AskStreamRequest(request=asked), m.AskStreamRequest(request=short)],
        f"{path}/ListDeploymentHealth": [m.ListDeploymentHealthRequest()],
        # For another process, so that no feature is switched off and no breaker stays open.
        f"{path}/ForceBreaker": [
            m.ForceBreakerRequest(instance_id="another", deployment="ember-nano@harbor", mode="BREAKER_MODE_AUTO")
        ],
        f"{path}/ListFlags": [m.ListFlagsRequest()],
        f"{path}/SetFlag": [m.SetFlagRequest(instance_id="another", name="ask_cache", on=True)],
        f"{path}/GetChaos": [m.GetChaosRequest()],
        f"{path}/SetChaos": [m.SetChaosRequest(target="CHAOS_TARGET_STORE", rules=[fault], seed=1)],
    }


def specimens(token: bytes, decision_id: str) -> dict[str, list[Message]]:
    """Good requests to start from, by method path."""
    full = m.RouteRequest(
        prompt="Write a function that adds two numbers.\n1. fast\n2. correct",
        request_id="id-1",
        max_output_tokens=100,
        constraints={"max_cost_nano_usd": 10**12, "quality_floor": 0.5, "latency_slo": {"seconds": 9}},
        objective={"weights": {"cost": 0.5, "latency": 0.1}},
        labels={"team": "support"},
    )
    vector = m.RouteRequest(features={"schema_id": "flags.v1", "values": [0.5] * 15}, input_tokens=10)
    reported = m.ObserveRequest(
        feedback_token=token,
        quality=0.5,
        attempts=[
            {"model": "ember-nano", "cost_nano_usd": 5, "usage": {"output_tokens": 7}, "latency": {"seconds": 1}}
        ],
        labels={"user": "u1"},
    )
    by_id = m.ObserveRequest(decision_id=decision_id, quality=0.5)
    return {
        "/atp.v1.RouteService/Route": [full, vector],
        "/atp.v1.RouteService/RouteBatch": [m.RouteBatchRequest(requests=[full, vector])],
        "/atp.v1.RouteService/Plan": [m.PlanRequest(request=full)],
        "/atp.v1.ObserveService/Observe": [reported, by_id],
        "/atp.v1.ObserveService/ObserveBatch": [m.ObserveBatchRequest(requests=[reported, by_id])],
        "/atp.v1.DecisionService/GetDecision": [m.GetDecisionRequest(decision_id=decision_id)],
        "/atp.v1.DecisionService/ListDecisions": [
            m.ListDecisionsRequest(page_size=2, page_token="x"),
            m.ListDecisionsRequest(
                filter={"model": "ember-nano", "labels": {"a": "b"}, "decided_since": {"seconds": 1}},
                observed="OBSERVED_STATE_OBSERVED",
                order="DECISION_ORDER_OLDEST_FIRST",
                view="DECISION_VIEW_FULL",
                tenant="-",
            ),
        ],
        "/atp.v1.DecisionService/ListObservations": [m.ListObservationsRequest(page_size=2, tenant="-")],
        "/atp.v1.DecisionService/ExplainDecision": [m.ExplainDecisionRequest(decision_id=decision_id)],
        "/atp.admin.v1.CatalogService/GetModel": [m.GetModelRequest(name="ember-nano")],
        "/atp.admin.v1.CatalogService/ListModels": [m.ListModelsRequest(page_size=2, page_token="x")],
        "/atp.admin.v1.CatalogService/GetDeployment": [m.GetDeploymentRequest(name="x")],
        "/atp.admin.v1.CatalogService/ListDeployments": [m.ListDeploymentsRequest(page_size=1)],
        "/atp.admin.v1.CatalogService/GetProvider": [m.GetProviderRequest(name="x")],
        "/atp.admin.v1.CatalogService/ListProviders": [m.ListProvidersRequest(page_size=1)],
        **specimens_of_policies(),
        **specimens_of_proof(),
        **specimens_of_asks(),
        "/atp.admin.v1.OperationsService/GetServerInfo": [m.GetServerInfoRequest()],
        "/atp.admin.v1.OperationsService/ReloadCatalog": [m.ReloadCatalogRequest(validate_only=True)],
        "/atp.admin.v1.OperationsService/GetServerStats": [m.GetServerStatsRequest()],
        # No mutation hits upon the random id of a process, so none drains it.
        "/atp.admin.v1.OperationsService/Drain": [m.DrainRequest(instance_id="another")],
        ROUTE_STREAM: [
            route_service_pb2.RouteStreamRequest(correlation_id="c1", request=full),
            route_service_pb2.RouteStreamRequest(request=vector),
        ],
        OBSERVE_STREAM: [
            observe_service_pb2.ObserveStreamRequest(request=reported),
            observe_service_pb2.ObserveStreamRequest(request=by_id),
        ],
    }
