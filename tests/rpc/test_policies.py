"""PolicyService over a real socket: policies are made, changed, taken back and deleted while requests are served."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from atp_grpc.client.messages import (
    CreatePolicyRequest,
    DeletePolicyRequest,
    FieldMask,
    GetPolicyRequest,
    ListPoliciesRequest,
    ObserveRequest,
    Origin,
    RollbackPolicyRequest,
    RouteBatchRequest,
    RoutingPolicy,
    UpdatePolicyRequest,
    WhenUnmet,
)
from atp_grpc.config import NamedPolicySettings, StoreSettings
from tests.rpc.catalogues import TWO_MODELS
from tests.rpc.ops_pages import page
from tests.rpc.policies import changed, made, read
from tests.rpc.provoking import locked, on_catalogue, prompt, refused
from tests.rpc.serving import Serving, serving


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Serving]:
    async with serving(tmp_path / "data", store=StoreSettings("memory")) as running:
        yield running


async def test_a_policy_that_was_made_serves_who_names_it_and_reads_as_it_was_made(server: Serving) -> None:
    policy = await made(server, objective={"cost_weight": 5.0}, filters={"denied_models": ["onyx-large"]})
    assert (policy.version, policy.origin, policy.previous_version) == (1, Origin.ORIGIN_API, 0)
    assert (policy.objective.cost_weight, policy.learner.scale, policy.feature_dimension) == (5.0, 0.03, 47)
    assert (policy.cost_scale_in_force_nano_usd > 1, policy.HasField("cost_scale_nano_usd")) == (True, False)
    assert await read(server) == policy
    answer = await server.acme.route(prompt(policy="fast"))
    assert (answer.policy, answer.policy_version) == ("fast", 1)
    assert (await server.acme.route(prompt())).policy == "default"
    _, metrics = await page(server.app.door.ops_port, "/metrics")
    assert f'atp_decisions_total{{model="{answer.target.model}",policy="fast"}} 1.0' in metrics


async def test_policies_are_listed_by_name_page_by_page(server: Serving) -> None:
    for name in ("b", "c", "a"):
        await made(server, name)
    names, token = list[str](), ""
    while not names or token:
        answer = await server.acme.policies.list(ListPoliciesRequest(page_size=3, page_token=token))
        names += [policy.name for policy in answer.policies]
        token = answer.next_page_token
        assert answer.revision == 3
    assert names == ["a", "b", "c", "default"]
    first = await server.acme.policies.list(ListPoliciesRequest(page_size=1))
    foreign = server.globex.policies.list(ListPoliciesRequest(page_token=first.next_page_token))
    await refused(foreign, "PAGE_TOKEN_INVALID", "INVALID_ARGUMENT")


async def test_the_policies_of_the_configuration_are_there_and_read_only(tmp_path: Path) -> None:
    sections = (NamedPolicySettings(name="night", cost_weight=3.0, traffic_share=0.0),)
    async with serving(tmp_path, policies=sections, store=StoreSettings("memory")) as server:
        night = await read(server, "night")
        assert (night.origin, night.objective.cost_weight) == (Origin.ORIGIN_FILE, 3.0)
        assert (await server.acme.route(prompt(policy="night"))).policy == "night"
        change = changed(server, "night", "traffic_share", traffic_share=0.5)
        error = await refused(change, "POLICY_READ_ONLY", "FAILED_PRECONDITION")
        assert error.metadata == {"policy": "night"}
        await refused(made(server, "night"), "POLICY_EXISTS", "ALREADY_EXISTS")


async def test_an_update_changes_the_named_fields_and_makes_a_version(server: Serving) -> None:
    first = await made(server, objective={"cost_weight": 5.0, "latency_weight": 1.0}, traffic_share=0.25)
    second = await changed(server, "fast", "objective.cost_weight", etag=first.etag, objective={"cost_weight": 2.0})
    assert (second.version, second.previous_version) == (2, 1)
    assert second.etag != first.etag
    assert (second.objective.cost_weight, second.objective.latency_weight) == (2.0, 1.0)
    assert second.traffic_share == 0.25
    assert (await server.acme.route(prompt(policy="fast"))).policy_version == 2
    plain = await changed(server, "fast", "objective", "traffic_share")
    assert (plain.objective.cost_weight, plain.traffic_share) == (0.1, 0.0)
    whole = await changed(server, "fast", "*", affinity_weight=0.5)
    assert (whole.version, whole.affinity_weight) == (4, 0.5)
    same = await changed(server, "fast", "affinity_weight", affinity_weight=0.5)
    assert same == whole


@pytest.mark.parametrize(
    "path", ["version", "origin", "objective.ghost", "ghost", "latency_scale.seconds", "objective."]
)
async def test_an_update_of_what_is_no_field_of_the_callers_is_refused(server: Serving, path: str) -> None:
    await made(server)
    error = await refused(changed(server, "fast", path), "INVALID_FIELD", "INVALID_ARGUMENT")
    assert error.violations[0].field == "update_mask"
    assert (await read(server)).version == 1


async def test_a_stale_etag_changes_nothing(server: Serving) -> None:
    first = await made(server)
    second = await changed(server, "fast", "affinity_weight", affinity_weight=0.5)
    stale = first.etag
    for call in (
        changed(server, "fast", "affinity_weight", etag=stale, affinity_weight=0.7),
        server.acme.policies.delete(DeletePolicyRequest(name="fast", etag=stale)),
        server.acme.policies.rollback(RollbackPolicyRequest(name="fast", etag=stale)),
    ):
        error = await refused(call, "ETAG_MISMATCH", "ABORTED")
        assert error.metadata == {"name": "fast"}
    assert await read(server) == second


async def test_a_rollback_brings_content_and_scales_back_and_a_second_one_takes_them_away_again(
    server: Serving,
) -> None:
    await made(server, objective={"cost_weight": 5.0}, cost_scale_nano_usd=7.0)
    await changed(server, "fast", "objective", "cost_scale_nano_usd", objective={"cost_weight": 1.0})
    for version, weight in ((3, 5.0), (4, 1.0), (5, 5.0)):
        answer = await server.acme.policies.rollback(RollbackPolicyRequest(name="fast"))
        policy = answer.policy
        assert (policy.version, policy.objective.cost_weight) == (version, weight)
        assert (policy.cost_scale_in_force_nano_usd == 7.0) == (weight == 5.0)
        assert (await server.acme.route(prompt(policy="fast"))).policy_version == version


async def test_a_deleted_policy_serves_nobody_and_its_decisions_still_teach_the_others(server: Serving) -> None:
    await made(server)
    answer = await server.acme.route(prompt(policy="fast"))
    await server.acme.policies.delete(DeletePolicyRequest(name="fast"))
    await refused(server.acme.route(prompt(policy="fast")), "UNKNOWN_POLICY", "INVALID_ARGUMENT")
    await refused(server.acme.policies.get(GetPolicyRequest(name="fast")), "RESOURCE_NOT_FOUND", "NOT_FOUND")
    before = server.app.rooms.learner.revision
    await server.acme.observe(ObserveRequest(feedback_token=answer.feedback_token, quality=0.5))
    assert server.app.rooms.learner.revision == before + 1
    assert (await made(server)).version == 2


async def test_what_is_only_validated_changes_nothing(server: Serving) -> None:
    asked = RoutingPolicy(name="fast", traffic_share=0.5)
    answer = await server.acme.policies.create(CreatePolicyRequest(policy=asked, validate_only=True, request_id="r"))
    assert (answer.policy.version, answer.revision) == (1, 0)
    await refused(read(server), "RESOURCE_NOT_FOUND", "NOT_FOUND")
    made_then = await server.acme.policies.create(CreatePolicyRequest(policy=asked, request_id="r"))
    assert made_then.revision == 1
    mask = FieldMask(paths=["traffic_share"])
    update = UpdatePolicyRequest(policy=RoutingPolicy(name="fast"), update_mask=mask, validate_only=True)
    assert (await server.acme.policies.update(update)).policy.version == 2
    await server.acme.policies.delete(DeletePolicyRequest(name="fast", validate_only=True))
    assert await read(server) == made_then.policy


async def test_a_change_under_an_id_is_made_once(server: Serving) -> None:
    request = CreatePolicyRequest(policy=RoutingPolicy(name="fast"), request_id="once")
    answers = await asyncio.gather(*(server.acme.policies.create(request) for _ in range(3)))
    assert answers[0] == answers[1] == answers[2]
    other = CreatePolicyRequest(policy=RoutingPolicy(name="slow"), request_id="once")
    await refused(server.acme.policies.create(other), "REQUEST_ID_REUSED", "INVALID_ARGUMENT")


async def test_everything_that_is_wrong_with_a_policy_is_told_at_once_and_nothing_is_made(server: Serving) -> None:
    objective = {
        "quality_floor": 1.0,
        "quality_floor_of_best": 0.9,
        "cost_ceiling_nano_usd": 1,
    }
    call = made(
        server,
        objective=objective,
        filters={"allowed_models": ["ghost", "onyx-large"], "denied_models": ["onyx-large"]},
        feature_schema="acme.v1",
        traffic_share=1.0,
    )
    error = await refused(call, "POLICY_INVALID", "INVALID_ARGUMENT")
    assert error.metadata == {"kinds": "contradiction,unknown_model,unknown_schema"}
    assert [violation.field for violation in error.violations] == [
        "policy.objective.quality_floor_of_best",
        "policy.filters.denied_models",
        "policy.feature_dimension",
        "policy.filters.allowed_models",
    ]
    error = await refused(made(server, objective={"cost_ceiling_nano_usd": 1}), "POLICY_INVALID", "INVALID_ARGUMENT")
    assert error.metadata == {"kinds": "unreachable"}
    await refused(read(server), "RESOURCE_NOT_FOUND", "NOT_FOUND")


async def test_a_number_out_of_its_range_is_refused_by_the_contract(server: Serving) -> None:
    call = made(server, "not a name", traffic_share=1.5, objective={"quality_floor": 2.0})
    error = await refused(call, "INVALID_FIELD", "INVALID_ARGUMENT")
    assert {violation.field for violation in error.violations} == {
        "policy.name",
        "policy.traffic_share",
        "policy.objective.quality_floor",
    }


async def test_shares_above_one_in_sum_are_refused_and_shares_decide_who_serves(server: Serving) -> None:
    await made(server, "half", traffic_share=0.5)
    error = await refused(made(server, "most", traffic_share=0.6), "POLICY_INVALID", "INVALID_ARGUMENT")
    assert error.metadata == {"kinds": "shares_exceeded"}
    await made(server, "rest", traffic_share=0.5)
    batch = RouteBatchRequest(requests=[prompt(session_id=f"s{number}") for number in range(64)])
    first, again = [await server.acme.route_batch(batch) for _ in range(2)]
    policies = [result.response.policy for result in first.results]
    assert set(policies) == {"half", "rest"}
    assert [result.response.policy for result in again.results] == policies
    foreign = await server.globex.route_batch(batch)
    assert [result.response.policy for result in foreign.results] != policies


async def test_a_batch_of_many_policies_is_answered_place_by_place(server: Serving) -> None:
    await made(server)
    names = ["fast", "", "ghost", "default", "fast", "ghost"]
    batch = RouteBatchRequest(requests=[prompt(policy=name) for name in names])
    answer = await server.acme.route_batch(batch)
    got = [result.response.policy if result.HasField("response") else "refused" for result in answer.results]
    assert got == ["fast", "default", "refused", "default", "fast", "refused"]


async def test_the_filters_of_a_policy_hold_beside_those_of_a_request(tmp_path: Path) -> None:
    async with on_catalogue(tmp_path, TWO_MODELS) as server:
        await made(server, filters={"allowed_models": ["solo"]})
        assert (await server.acme.route(prompt(policy="fast"))).target.model == "solo"
        wider = prompt(policy="fast", constraints={"allowed_models": ["solo", "duet"]})
        assert (await server.acme.route(wider)).target.model == "solo"
        other = prompt(policy="fast", constraints={"allowed_models": ["duet"]})
        await refused(server.acme.route(other), "NO_ELIGIBLE_MODEL", "FAILED_PRECONDITION")
        # The cheaper model asks 1,524,000 nano-dollars for a nominal request and 3,000 for this one.
        await changed(server, "fast", "filters", filters={"max_cost_nano_usd": 2_000_000})
        dear = prompt(policy="fast", input_tokens=3_000, constraints={"max_cost_nano_usd": 10**12})
        await refused(server.acme.route(dear), "NO_ELIGIBLE_MODEL", "FAILED_PRECONDITION")


async def test_a_latency_objective_nobody_meets_is_served_or_refused_as_the_policy_says(tmp_path: Path) -> None:
    slo = {"nanos": 1_000_000}
    async with on_catalogue(tmp_path, TWO_MODELS) as server:
        await made(server, objective={"latency_slo": slo})
        assert (await server.acme.route(prompt(policy="fast"))).reason_codes
        refusing = {"latency_slo": slo, "when_unmet": WhenUnmet.WHEN_UNMET_REFUSE}
        await changed(server, "fast", "objective", objective=refusing)
        error = await refused(server.acme.route(prompt(policy="fast")), "NO_ELIGIBLE_MODEL", "FAILED_PRECONDITION")
        assert {one.type for one in error.preconditions} == {"LATENCY_SLO"}
        # What a request says itself takes the policy's place.
        own = prompt(policy="fast", constraints={"latency_slo": {"seconds": 60}})
        await server.acme.route(own)


async def test_policies_without_a_store_that_writes_stay_as_they_are(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        before = await made(server)
        with locked(tmp_path / "atp.db"):
            call = changed(server, "fast", "affinity_weight", affinity_weight=0.5)
            await refused(call, "STORE_UNAVAILABLE", "UNAVAILABLE", retry=True)
            await refused(made(server, "other"), "STORE_UNAVAILABLE", "UNAVAILABLE", retry=True)
            deletion = server.acme.policies.delete(DeletePolicyRequest(name="fast"))
            await refused(deletion, "STORE_UNAVAILABLE", "UNAVAILABLE", retry=True)
        assert await read(server) == before
        assert (await server.acme.route(prompt(policy="fast"))).policy_version == 1
        await refused(server.acme.route(prompt(policy="other")), "UNKNOWN_POLICY", "INVALID_ARGUMENT")
