"""Every call of the kit, as a real server sees it and answers it."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

import grpc
import pytest

from atp_grpc.client import AtpCallError, AtpClient, MalformedCredentialError, pages, random_request_id
from atp_grpc.client import messages as m
from tests.unit.client.scripted_server import ANSWERS, Scripted

CALLS = [
    ("route", m.RouteRequest(prompt="hello"), "/atp.v1.RouteService/Route"),
    ("route_batch", m.RouteBatchRequest(requests=[m.RouteRequest(prompt="a")]), "/atp.v1.RouteService/RouteBatch"),
    ("plan", m.PlanRequest(request=m.RouteRequest(prompt="hello")), "/atp.v1.RouteService/Plan"),
    ("observe", m.ObserveRequest(decision_id="d-1", quality=1), "/atp.v1.ObserveService/Observe"),
    ("observe_batch", m.ObserveBatchRequest(), "/atp.v1.ObserveService/ObserveBatch"),
    ("ask", m.AskRequest(prompt="hello"), "/atp.v1.AskService/Ask"),
    ("get_decision", m.GetDecisionRequest(decision_id="d-1"), "/atp.v1.DecisionService/GetDecision"),
    ("list_decisions", m.ListDecisionsRequest(page_size=5), "/atp.v1.DecisionService/ListDecisions"),
    ("list_observations", m.ListObservationsRequest(page_size=5), "/atp.v1.DecisionService/ListObservations"),
    ("evaluations.begin", m.EvaluatePolicyRequest(uniform=True), "/atp.v1.DecisionService/EvaluatePolicy"),
    ("evaluations.begin_simulation", m.SimulatePolicyRequest(), "/atp.admin.v1.PolicyService/SimulatePolicy"),
    ("explain_decision", m.ExplainDecisionRequest(decision_id="d-1"), "/atp.v1.DecisionService/ExplainDecision"),
    ("get_model", m.GetModelRequest(name="a"), "/atp.admin.v1.CatalogService/GetModel"),
    ("list_models", m.ListModelsRequest(), "/atp.admin.v1.CatalogService/ListModels"),
    ("get_deployment", m.GetDeploymentRequest(name="a"), "/atp.admin.v1.CatalogService/GetDeployment"),
    ("list_deployments", m.ListDeploymentsRequest(), "/atp.admin.v1.CatalogService/ListDeployments"),
    ("get_provider", m.GetProviderRequest(name="a"), "/atp.admin.v1.CatalogService/GetProvider"),
    ("list_providers", m.ListProvidersRequest(), "/atp.admin.v1.CatalogService/ListProviders"),
    ("policies.get", m.GetPolicyRequest(name="a"), "/atp.admin.v1.PolicyService/GetPolicy"),
    ("policies.list", m.ListPoliciesRequest(), "/atp.admin.v1.PolicyService/ListPolicies"),
    ("policies.create", m.CreatePolicyRequest(), "/atp.admin.v1.PolicyService/CreatePolicy"),
    ("policies.update", m.UpdatePolicyRequest(), "/atp.admin.v1.PolicyService/UpdatePolicy"),
    ("policies.delete", m.DeletePolicyRequest(name="a"), "/atp.admin.v1.PolicyService/DeletePolicy"),
    ("policies.rollback", m.RollbackPolicyRequest(name="a"), "/atp.admin.v1.PolicyService/RollbackPolicy"),
    ("trials.start", m.StartTrialRequest(challenger="a"), "/atp.admin.v1.PolicyService/StartTrial"),
    ("trials.get", m.GetTrialRequest(), "/atp.admin.v1.PolicyService/GetTrial"),
    ("trials.list", m.ListTrialsRequest(), "/atp.admin.v1.PolicyService/ListTrials"),
    ("trials.stop", m.StopTrialRequest(id="a"), "/atp.admin.v1.PolicyService/StopTrial"),
    ("priors.import_prior", m.ImportPriorRequest(prior=b"p"), "/atp.admin.v1.PriorService/ImportPrior"),
    ("priors.get", m.GetPriorRequest(), "/atp.admin.v1.PriorService/GetPrior"),
    ("budgets.set", m.SetBudgetRequest(tenant="a"), "/atp.admin.v1.TenantService/SetBudget"),
    ("budgets.get", m.GetBudgetRequest(tenant="a"), "/atp.admin.v1.TenantService/GetBudget"),
    ("budgets.list", m.ListBudgetsRequest(), "/atp.admin.v1.TenantService/ListBudgets"),
    ("budgets.delete", m.DeleteBudgetRequest(tenant="a"), "/atp.admin.v1.TenantService/DeleteBudget"),
    ("get_server_info", m.GetServerInfoRequest(), "/atp.admin.v1.OperationsService/GetServerInfo"),
    (
        "operations.list_deployment_health",
        m.ListDeploymentHealthRequest(),
        "/atp.admin.v1.OperationsService/ListDeploymentHealth",
    ),
    (
        "operations.force_breaker",
        m.ForceBreakerRequest(deployment="a"),
        "/atp.admin.v1.OperationsService/ForceBreaker",
    ),
    ("operations.list_flags", m.ListFlagsRequest(), "/atp.admin.v1.OperationsService/ListFlags"),
    ("operations.set_flag", m.SetFlagRequest(name="ask"), "/atp.admin.v1.OperationsService/SetFlag"),
    ("operations.get_chaos", m.GetChaosRequest(), "/atp.admin.v1.OperationsService/GetChaos"),
    ("operations.set_chaos", m.SetChaosRequest(), "/atp.admin.v1.OperationsService/SetChaos"),
    ("reload_catalog", m.ReloadCatalogRequest(), "/atp.admin.v1.OperationsService/ReloadCatalog"),
]
UNAVAILABLE = (grpc.StatusCode.UNAVAILABLE, None)


def test_every_rpc_of_the_contract_has_a_method() -> None:
    assert {path for _, _, path in CALLS} == set(ANSWERS)


@pytest.mark.parametrize(("method", "request_message", "path"), CALLS)
async def test_a_method_calls_its_rpc_and_returns_its_answer(
    server: Scripted, method: str, request_message: Any, path: str
) -> None:
    async with AtpClient.open(server.target, credential="atp_dev_1_secret") as atp:
        answer = await attrgetter(method)(atp)(request_message)

    [received] = server.received
    assert (answer, received.method, received.request) == (ANSWERS[path], path, request_message)
    assert received.metadata["authorization"] == "Bearer atp_dev_1_secret"


async def test_without_a_credential_none_is_sent(server: Scripted) -> None:
    async with AtpClient.open(server.target) as atp:
        await atp.get_server_info(m.GetServerInfoRequest())

    assert "authorization" not in server.received[0].metadata


@pytest.mark.parametrize("credential", ["atp dev", "atp\ndev", "atp\x00", "schlüssel"])
async def test_a_key_that_no_metadata_can_carry_is_refused_before_a_call(server: Scripted, credential: str) -> None:
    with pytest.raises(MalformedCredentialError) as raised:
        async with AtpClient.open(server.target, credential=credential):
            pass

    assert credential not in str(raised.value)


async def test_the_deadline_travels_and_one_call_may_choose_its_own(server: Scripted) -> None:
    async with AtpClient.open(server.target, deadline_seconds=5) as atp:
        await atp.route(m.RouteRequest(prompt="hello"))
        await atp.route(m.RouteRequest(prompt="hello"), deadline_seconds=50)

    usual, chosen = server.received
    assert 0 < usual.seconds_left < 6
    assert 6 < chosen.seconds_left < 51


async def test_a_route_without_an_id_gets_one_and_the_callers_request_stays_as_it_was(server: Scripted) -> None:
    ids = iter(["first", "second"])
    request = m.RouteRequest(prompt="hello")
    async with AtpClient.open(server.target, request_ids=lambda: next(ids)) as atp:
        await atp.route(request)
        await atp.route(request)

    assert [received.request.request_id for received in server.received] == ["first", "second"]
    assert request == m.RouteRequest(prompt="hello")


async def test_the_id_a_caller_chose_is_kept(server: Scripted) -> None:
    async with AtpClient.open(server.target) as atp:
        await atp.route(m.RouteRequest(prompt="hello", request_id="mine"))

    assert server.received[0].request.request_id == "mine"


async def test_generated_ids_are_uuids_that_the_contract_accepts(server: Scripted) -> None:
    async with AtpClient.open(server.target, request_ids=random_request_id) as atp:
        await atp.route(m.RouteRequest(prompt="hello"))
        await atp.route(m.RouteRequest(prompt="hello"))

    first, second = (received.request.request_id for received in server.received)
    assert first != second
    assert len(first) == 36
    assert set(first) <= set("0123456789abcdef-")


async def test_a_batch_names_only_the_requests_that_have_no_id(server: Scripted) -> None:
    batch = m.RouteBatchRequest(requests=[m.RouteRequest(prompt="a"), m.RouteRequest(prompt="b", request_id="mine")])
    async with AtpClient.open(server.target, request_ids=lambda: "made") as atp:
        await atp.route_batch(batch)

    assert [one.request_id for one in server.received[0].request.requests] == ["made", "mine"]
    assert [one.request_id for one in batch.requests] == ["", "mine"]


async def test_a_batch_that_names_every_request_goes_out_as_it_is(server: Scripted) -> None:
    batch = m.RouteBatchRequest(requests=[m.RouteRequest(prompt="a", request_id="mine")])
    async with AtpClient.open(server.target, request_ids=lambda: "made") as atp:
        await atp.route_batch(batch)

    assert server.received[0].request == batch


async def test_pages_are_walked_to_the_last(server: Scripted) -> None:
    first = m.ListModelsResponse(models=[m.Model(name="a")], next_page_token="more")
    server.answers["/atp.admin.v1.CatalogService/ListModels"] = first
    names: list[str] = []
    tokens: list[str] = []
    async with AtpClient.open(server.target) as atp:

        async def read(token: str) -> m.ListModelsResponse:
            tokens.append(token)
            if token:
                first.CopyFrom(m.ListModelsResponse(models=[m.Model(name="b")]))
            return await atp.list_models(m.ListModelsRequest(page_token=token))

        async for page in pages(read):
            names.extend(model.name for model in page.models)

    assert (tokens, names) == (["", "more"], ["a", "b"])
    assert [received.request.page_token for received in server.received] == ["", "more"]


async def test_without_an_id_maker_requests_go_out_as_they_are(server: Scripted) -> None:
    async with AtpClient.open(server.target) as atp:
        await atp.route(m.RouteRequest(prompt="hello"))

    assert server.received[0].request.request_id == ""


async def test_an_unavailable_server_is_tried_four_times_with_the_same_request_id(server: Scripted) -> None:
    server.refusals = [UNAVAILABLE] * 3
    async with AtpClient.open(server.target) as atp:
        answer = await atp.route(m.RouteRequest(prompt="hello"))

    assert answer.decision_id == "d-1"
    assert len(server.received) == 4
    assert len({received.request.request_id for received in server.received}) == 1
    assert server.received[-1].metadata["grpc-previous-rpc-attempts"] == "3"


async def test_after_four_attempts_the_caller_is_told(server: Scripted) -> None:
    server.refusals = [UNAVAILABLE] * 5
    async with AtpClient.open(server.target) as atp:
        with pytest.raises(AtpCallError) as raised:
            await atp.route(m.RouteRequest(prompt="hello"))

    assert raised.value.code == "UNAVAILABLE"
    assert len(server.received) == 4


@pytest.mark.parametrize("code", [code for code in grpc.StatusCode if code.name not in {"OK", "UNAVAILABLE"}])
async def test_no_other_status_is_retried(server: Scripted, code: grpc.StatusCode) -> None:
    server.refusals = [(code, None)]
    async with AtpClient.open(server.target) as atp:
        with pytest.raises(AtpCallError) as raised:
            await atp.route(m.RouteRequest(prompt="hello"))

    assert raised.value.code == code.name
    assert len(server.received) == 1


async def test_a_reload_is_never_retried(server: Scripted) -> None:
    server.refusals = [UNAVAILABLE]
    async with AtpClient.open(server.target) as atp:
        with pytest.raises(AtpCallError):
            await atp.reload_catalog(m.ReloadCatalogRequest())

    assert len(server.received) == 1


async def test_a_request_above_grpcs_own_retry_buffer_is_retried_too(server: Scripted) -> None:
    server.refusals = [UNAVAILABLE]
    prompt = "x" * 250_000
    async with AtpClient.open(server.target) as atp:
        await atp.route_batch(m.RouteBatchRequest(requests=[m.RouteRequest(prompt=prompt) for _ in range(8)]))

    assert len(server.received) == 2


async def test_calls_avoid_a_server_that_says_it_is_not_serving(server: Scripted) -> None:
    await server.set_health("NOT_SERVING")
    async with AtpClient.open(server.target) as atp:
        with pytest.raises(AtpCallError) as raised:
            await atp.route(m.RouteRequest(prompt="hello"))

    assert raised.value.code == "UNAVAILABLE"
    assert server.received == []


async def test_health_is_told_even_by_a_server_that_is_not_serving(server: Scripted) -> None:
    await server.set_health("NOT_SERVING")
    async with AtpClient.open(server.target) as atp:
        answer = await atp.health()

    assert answer.status == m.HealthCheckResponse.NOT_SERVING


async def test_the_health_of_an_unknown_service_is_not_found(server: Scripted) -> None:
    async with AtpClient.open(server.target) as atp:
        with pytest.raises(AtpCallError) as raised:
            await atp.health("atp.v1.NoService")

    assert raised.value.code == "NOT_FOUND"
    assert raised.value.reason == ""


async def test_a_list_of_health_from_a_server_that_has_none_is_a_refusal(server: Scripted) -> None:
    async with AtpClient.open(server.target) as atp:
        with pytest.raises(AtpCallError) as raised:
            await atp.list_health()

    assert raised.value.code == "UNIMPLEMENTED"


async def test_a_watch_of_health_tells_every_change_even_of_a_server_that_is_not_serving(server: Scripted) -> None:
    await server.set_health("NOT_SERVING")
    told: list[str] = []
    async with AtpClient.open(server.target) as atp:
        async for answer in atp.watch_health():
            told.append(m.HealthCheckResponse.ServingStatus.Name(answer.status))
            if len(told) == 3:
                break
            await server.set_health("SERVING" if told[-1] == "NOT_SERVING" else "NOT_SERVING")

    assert told == ["NOT_SERVING", "SERVING", "NOT_SERVING"]


async def test_a_watch_of_health_at_no_server_is_a_refusal() -> None:
    async with AtpClient.open("127.0.0.1:1") as atp:
        with pytest.raises(AtpCallError) as raised:
            _ = [answer async for answer in atp.watch_health()]

    assert raised.value.code == "UNAVAILABLE"
