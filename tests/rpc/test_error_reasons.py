"""Every reason of the data plane, provoked over a real socket: exact status, ErrorInfo, details, advice on retries.

`test_error_reasons_of_operators` has the others, and looks back at these.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from atp_grpc.client import AtpClient
from atp_grpc.client.messages import (
    GetDecisionRequest,
    GetModelRequest,
    ListModelsRequest,
    ObserveRequest,
    RouteRequest,
)
from atp_grpc.config import AuthSettings, IdempotencySettings, LearningSettings, ServerSettings
from atp_grpc.domain.clock import ManualClock
from atp_grpc.domain.tenant import Permission
from tests.rpc.catalogues import DRAINING_ONLY
from tests.rpc.provoking import locked, on_catalogue, prompt, refused, refused_bytes, told
from tests.rpc.serving import ACME, Serving, key_for, serving
from tests.rpc.spending import give
from tests.rpc.streams.provoking import a_stream_that_nobody_reads, one_stream_too_many


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Serving]:
    async with serving(tmp_path / "data") as running:
        yield running


async def test_malformed_bytes(server: Serving) -> None:
    error = await refused_bytes(server, "/atp.v1.RouteService/Route", b"\xff\xff\xff")
    told("MALFORMED_MESSAGE", "INVALID_ARGUMENT", error.code(), error.trailing_metadata(), pushback="-1")


@pytest.mark.parametrize(
    ("request_message", "field"),
    [
        (RouteRequest(), "input"),
        (RouteRequest(prompt=""), "prompt"),
        (prompt(input_tokens=-1), "input_tokens"),
        (prompt(constraints={"max_cost_nano_usd": -1}), "constraints.max_cost_nano_usd"),
        (prompt(constraints={"quality_floor": float("nan")}), "constraints.quality_floor"),
        (prompt(objective={"weights": {"cost": float("inf")}}), "objective.weights.cost"),
        (RouteRequest(features={"schema_id": "flags.v1", "values": [float("-inf")]}), "features.values[0]"),
        (prompt(request_id="not an id"), "request_id"),
    ],
)
async def test_invalid_field(server: Serving, request_message: RouteRequest, field: str) -> None:
    error = await refused(server.acme.route(request_message), "INVALID_FIELD", "INVALID_ARGUMENT")
    assert field in [violation.field for violation in error.violations]


async def test_negative_page_size(server: Serving) -> None:
    error = await refused(server.acme.list_models(ListModelsRequest(page_size=-1)), "INVALID_FIELD", "INVALID_ARGUMENT")
    assert error.violations[0].field == "page_size"


async def test_an_empty_report(server: Serving) -> None:
    token = (await server.acme.route(prompt())).feedback_token
    await refused(server.acme.observe(ObserveRequest(feedback_token=token)), "INVALID_FIELD", "INVALID_ARGUMENT")


@pytest.mark.parametrize(("size", "what"), [(300_000, "text"), (1_200_000, "message")])
async def test_message_too_large(server: Serving, size: int, what: str) -> None:
    error = await refused(server.acme.route(prompt("x" * size)), "MESSAGE_TOO_LARGE", "INVALID_ARGUMENT")
    assert error.metadata["what"] == what
    assert int(error.metadata["size_bytes"]) > int(error.metadata["limit_bytes"])


async def test_unknown_model(server: Serving) -> None:
    request = prompt(constraints={"allowed_models": ["ghost"]})
    error = await refused(server.acme.route(request), "UNKNOWN_MODEL", "INVALID_ARGUMENT")
    assert error.metadata == {"model": "ghost"}
    assert error.violations[0].field == "constraints.allowed_models"
    token = (await server.acme.route(prompt())).feedback_token
    report = ObserveRequest(feedback_token=token, quality=1.0, attempts=[{"model": "ghost"}])
    error = await refused(server.acme.observe(report), "UNKNOWN_MODEL", "INVALID_ARGUMENT")
    assert error.violations[0].field == "attempts[0].model"


async def test_unknown_policy(server: Serving) -> None:
    error = await refused(server.acme.route(prompt(policy="ghost")), "UNKNOWN_POLICY", "INVALID_ARGUMENT")
    assert error.metadata == {"policy": "ghost"}


@pytest.mark.parametrize(("schema", "values"), [("acme.v9", [0.0] * 47), ("text.v1", [0.0] * 3)])
async def test_feature_schema_mismatch(server: Serving, schema: str, values: list[float]) -> None:
    request = RouteRequest(features={"schema_id": schema, "values": values})
    error = await refused(server.acme.route(request), "FEATURE_SCHEMA_MISMATCH", "INVALID_ARGUMENT")
    assert (error.metadata["expected_schema"], error.metadata["dimension"]) == ("text.v1", str(len(values)))


@pytest.mark.parametrize("credential", ["", "atp_test_nokey_nosecret", "rubbish"])
async def test_credential_refused(server: Serving, credential: str) -> None:
    async with AtpClient.open(server.target, credential=credential) as stranger:
        await refused(stranger.route(prompt()), "CREDENTIAL_REFUSED", "UNAUTHENTICATED")


async def test_permission_denied(tmp_path: Path) -> None:
    credential, key = key_for(tmp_path, ACME, (Permission.ROUTE,))
    auth = AuthSettings((key,))
    async with (
        serving(tmp_path, auth=auth) as server,
        AtpClient.open(server.target, credential=credential) as router_only,
    ):
        token = (await router_only.route(prompt())).feedback_token
        report = ObserveRequest(feedback_token=token, quality=1.0)
        error = await refused(router_only.observe(report), "PERMISSION_DENIED", "PERMISSION_DENIED")
    assert error.metadata == {"permission": "observe"}


async def test_no_eligible_model_says_why_for_each(server: Serving) -> None:
    request = prompt(constraints={"max_cost_nano_usd": 0})
    error = await refused(server.acme.route(request), "NO_ELIGIBLE_MODEL", "FAILED_PRECONDITION")
    assert {condition.type for condition in error.preconditions} == {"MAX_COST"}
    assert int(error.metadata["models"]) == len(error.preconditions) == 6
    request = prompt(constraints={"required_capabilities": ["telepathy"]})
    error = await refused(server.acme.route(request), "NO_ELIGIBLE_MODEL", "FAILED_PRECONDITION")
    assert {condition.type for condition in error.preconditions} == {"CAPABILITY"}


async def test_models_unavailable_while_they_drain(tmp_path: Path) -> None:
    async with on_catalogue(tmp_path, DRAINING_ONLY) as server:
        error = await refused(server.acme.route(prompt()), "MODELS_UNAVAILABLE", "UNAVAILABLE", retry=True)
        assert [condition.type for condition in error.preconditions] == ["DRAINING"]


async def test_token_invalid_when_forged_or_another_tenants(server: Serving) -> None:
    token = (await server.acme.route(prompt())).feedback_token
    for bad in (token[:-1] + bytes([token[-1] ^ 1]), b"forged", token + b"x"):
        report = ObserveRequest(feedback_token=bad, quality=1.0)
        await refused(server.acme.observe(report), "TOKEN_INVALID", "INVALID_ARGUMENT")
    foreign = ObserveRequest(feedback_token=token, quality=1.0)
    await refused(server.globex.observe(foreign), "TOKEN_INVALID", "INVALID_ARGUMENT")


async def test_token_expired(tmp_path: Path) -> None:
    clock = ManualClock()
    async with serving(tmp_path, clock=clock, learning=LearningSettings(token_ttl_seconds=60.0)) as server:
        token = (await server.acme.route(prompt())).feedback_token
        clock.advance(61)
        report = ObserveRequest(feedback_token=token, quality=1.0)
        error = await refused(server.acme.observe(report), "TOKEN_EXPIRED", "FAILED_PRECONDITION")
        assert error.metadata["expired_at"]


async def test_decision_not_found_also_when_it_is_another_tenants(server: Serving) -> None:
    decision_id = (await server.acme.route(prompt())).decision_id
    for client, name in ((server.acme, "never-was"), (server.globex, decision_id)):
        lookup = client.get_decision(GetDecisionRequest(decision_id=name))
        error = await refused(lookup, "DECISION_NOT_FOUND", "NOT_FOUND")
        assert error.resource is not None
        assert error.resource.name == name
        report = client.observe(ObserveRequest(decision_id=name, quality=1.0))
        await refused(report, "DECISION_NOT_FOUND", "NOT_FOUND")


async def test_resource_not_found(server: Serving) -> None:
    error = await refused(server.acme.get_model(GetModelRequest(name="ghost")), "RESOURCE_NOT_FOUND", "NOT_FOUND")
    assert error.resource is not None
    assert (error.resource.type, error.resource.name) == ("model", "ghost")


async def test_outcome_conflict_refuses_the_whole_report(server: Serving) -> None:
    decision = await server.acme.route(prompt())
    await server.acme.observe(ObserveRequest(feedback_token=decision.feedback_token, quality=1.0))
    conflicting = ObserveRequest(feedback_token=decision.feedback_token, quality=0.5, labels={"new": "label"})
    error = await refused(server.acme.observe(conflicting), "OUTCOME_CONFLICT", "ALREADY_EXISTS")
    assert error.metadata == {"field": "quality"}
    stored = await server.acme.get_decision(GetDecisionRequest(decision_id=decision.decision_id))
    assert stored.decision.outcome.quality == 1.0
    assert not stored.decision.outcome.labels


async def test_request_id_reused(server: Serving) -> None:
    await server.acme.route(prompt("one", request_id="id-1"))
    error = await refused(server.acme.route(prompt("two", request_id="id-1")), "REQUEST_ID_REUSED", "INVALID_ARGUMENT")
    assert error.metadata == {"request_id": "id-1"}


async def test_request_id_forgotten_is_never_executed_twice(tmp_path: Path) -> None:
    async with serving(tmp_path, idempotency=IdempotencySettings(bytes_per_tenant=1)) as server:
        first = await server.acme.route(prompt(request_id="id-1"))
        again = server.acme.route(prompt(request_id="id-1"))
        error = await refused(again, "REQUEST_ID_FORGOTTEN", "ABORTED")
        assert error.metadata == {"request_id": "id-1", "decision_id": first.decision_id}


async def test_request_ids_exhausted(tmp_path: Path) -> None:
    async with serving(tmp_path, idempotency=IdempotencySettings(ids_per_tenant=1)) as server:
        await server.acme.route(prompt(request_id="id-1"))
        more = server.acme.route(prompt(request_id="id-2"))
        await refused(more, "REQUEST_IDS_EXHAUSTED", "RESOURCE_EXHAUSTED", retry=True)
        await server.globex.route(prompt(request_id="id-2"))


async def test_revision_not_reached(server: Serving) -> None:
    error = await refused(server.acme.route(prompt(min_revision=99)), "REVISION_NOT_REACHED", "UNAVAILABLE", retry=True)
    assert error.metadata == {"min_revision": "99", "revision": "1"}


async def test_deadline_exceeded_when_the_store_is_slower_than_the_longest_deadline(tmp_path: Path) -> None:
    door = ServerSettings(port=0, drain_delay_seconds=0.0, shutdown_seconds=5.0, max_deadline_seconds=0.2)
    async with serving(tmp_path, server=door) as server:
        token = (await server.acme.route(prompt())).feedback_token
        with locked(tmp_path / "atp.db"):
            report = server.acme.observe(ObserveRequest(feedback_token=token, quality=1.0))
            await refused(report, "DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED")
        # Nothing was acknowledged; the report may be sent again, and stands once.
        await server.acme.observe(ObserveRequest(feedback_token=token, quality=1.0))


async def test_store_unavailable_when_the_queue_is_full(tmp_path: Path) -> None:
    async with serving(tmp_path, learning=LearningSettings(observation_queue=1)) as server:
        tokens = [(await server.acme.route(prompt())).feedback_token for _ in range(8)]
        reports = [ObserveRequest(feedback_token=token, quality=1.0) for token in tokens]
        with locked(tmp_path / "atp.db"):
            waiting = [asyncio.ensure_future(server.acme.observe(report)) for report in reports]
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            await refused(done.pop(), "STORE_UNAVAILABLE", "UNAVAILABLE", retry=True)
        await asyncio.gather(*waiting, return_exceptions=True)
        for report in reports:
            await server.acme.observe(report)


async def test_method_unknown(server: Serving) -> None:
    error = await refused_bytes(server, "/atp.v1.RouteService/Teleport", b"")
    told("METHOD_UNKNOWN", "UNIMPLEMENTED", error.code(), error.trailing_metadata(), pushback="-1")


async def test_internal_says_an_incident_and_nothing_else(server: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret-dsn postgres://u:pw@h/db")

    with monkeypatch.context() as patch:
        patch.setattr(server.app.rooms.router, "route", broken)
        error = await refused(server.acme.route(prompt()), "INTERNAL", "INTERNAL")
    assert error.incident
    assert "secret" not in error.message
    await server.acme.route(prompt())


async def test_budget_exhausted(server: Serving) -> None:
    await give(server, 0)
    error = await refused(server.acme.route(prompt()), "BUDGET_EXHAUSTED", "RESOURCE_EXHAUSTED", retry=True)
    assert int(error.metadata["needed_nano_usd"]) > 0
    assert error.metadata["left_nano_usd"] == "0"
    await server.globex.route(prompt())


async def test_draining_refuses_new_calls(server: Serving) -> None:
    server.app.door.traffic.is_refusing = True
    await refused(server.acme.route(prompt()), "DRAINING", "UNAVAILABLE", retry=True)


async def test_overloaded_when_more_streams_are_open_than_the_server_takes(tmp_path: Path) -> None:
    heard = await one_stream_too_many(tmp_path)
    told("OVERLOADED", "UNAVAILABLE", heard.code, heard.trailers, pushback="1000")


async def test_caller_too_slow(tmp_path: Path) -> None:
    heard = await a_stream_that_nobody_reads(tmp_path)
    told("CALLER_TOO_SLOW", "RESOURCE_EXHAUSTED", heard.code, heard.trailers, pushback="-1")
