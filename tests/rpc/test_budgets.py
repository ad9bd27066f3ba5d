"""Budgets over a real socket: what fits is let through, what does not is refused, and a bill takes the hold's place."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from google.rpc import error_details_pb2, status_pb2

from atp_grpc.client import AtpCallError, AtpClient, refusal
from atp_grpc.client.messages import (
    BudgetPeriod,
    DeleteBudgetRequest,
    GetBudgetRequest,
    ListBudgetsRequest,
    PlanRequest,
    PlanResponse,
    RefusalCause,
    RouteBatchRequest,
    RouteRequest,
    SetBudgetRequest,
)
from atp_grpc.config import AuthSettings, CatalogSettings
from atp_grpc.domain.clock import NANOS_PER_SECOND, ManualClock
from atp_grpc.domain.tenant import Permission
from tests.rpc.catalogues import ONE_MODEL, TWO_MODELS
from tests.rpc.provoking import locked, on_catalogue, prompt, refused, refused_bytes
from tests.rpc.serving import ACME, Serving, key_for, serving
from tests.rpc.spending import COST, bill, call, calls_until_refused, give, standing

NOON = 1_780_056_000
"""2026-05-29T12:00:00Z."""
HALF_A_DAY = 43_200.0


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Serving]:
    async with on_catalogue(tmp_path, ONE_MODEL) as running:
        yield running


async def plan(server: Serving, request: RouteRequest) -> PlanResponse:
    return await server.acme.plan(PlanRequest(request=request))


def causes(answer: PlanResponse) -> dict[str, str]:
    """Why each model of a plan may not serve; an empty word for one that may."""
    return {
        one.target.model: RefusalCause.Name(one.refusal).removeprefix("REFUSAL_CAUSE_").replace("UNSPECIFIED", "")
        for one in answer.candidates
    }


async def test_a_call_that_does_not_fit_is_refused_with_the_quota_and_is_not_to_be_sent_again_at_once(
    server: Serving,
) -> None:
    await give(server, 10 * COST)
    assert len(await calls_until_refused(server)) == 10
    error = await refused_bytes(server, "/atp.v1.RouteService/Route", call().SerializeToString())
    trailers: dict[str, Any] = dict(error.trailing_metadata() or ())
    assert trailers["grpc-retry-pushback-ms"] == "-1"
    status = status_pb2.Status.FromString(trailers["grpc-status-details-bin"])
    details = {detail.TypeName(): detail for detail in status.details}
    info, quota, wait = error_details_pb2.ErrorInfo(), error_details_pb2.QuotaFailure(), error_details_pb2.RetryInfo()
    for name, message in (("ErrorInfo", info), ("QuotaFailure", quota), ("RetryInfo", wait)):
        assert details[f"google.rpc.{name}"].Unpack(message)
    assert (info.reason, info.domain) == ("BUDGET_EXHAUSTED", "atp.dev")
    assert dict(info.metadata) == {"needed_nano_usd": str(COST), "left_nano_usd": "0"}
    assert [violation.subject for violation in quota.violations] == ["budget"]
    assert wait.retry_delay.seconds == 600


async def test_a_tenant_that_has_spent_everything_takes_nothing_from_another(server: Serving) -> None:
    await give(server, COST)
    assert len(await calls_until_refused(server)) == 1
    batch = await server.globex.route_batch(RouteBatchRequest(requests=[call()] * 64))
    assert all(result.HasField("response") for result in batch.results)


async def test_a_batch_that_crosses_the_limit_is_answered_place_by_place(server: Serving) -> None:
    await give(server, 10 * COST)
    batch = await server.acme.route_batch(RouteBatchRequest(requests=[call()] * 16))
    assert [result.HasField("response") for result in batch.results] == [True] * 10 + [False] * 6
    assert {refusal(result.error).reason for result in batch.results[10:]} == {"BUDGET_EXHAUSTED"}
    again = await server.acme.route_batch(RouteBatchRequest(requests=[call()] * 2))
    assert {refusal(result.error).reason for result in again.results} == {"BUDGET_EXHAUSTED"}


async def test_a_stream_that_crosses_the_limit_goes_on_and_is_answered_place_by_place(server: Serving) -> None:
    budget = await give(server, 10 * COST)
    async with server.acme.route_stream() as stream:
        for _ in range(10):
            assert (await stream.route(call())).decision_id
        for _ in range(3):
            await refused(stream.route(call()), "BUDGET_EXHAUSTED", "RESOURCE_EXHAUSTED", retry=True)
        await give(server, 12 * COST, etag=budget.etag)
        answers = [stream.route(call()) for _ in range(4)]
        ends = await asyncio.gather(*answers, return_exceptions=True)
    assert [isinstance(end, AtpCallError) for end in ends] == [False, False, True, True]


async def test_a_request_that_is_sent_again_under_its_id_sets_money_aside_once(server: Serving) -> None:
    await give(server, 4 * COST)
    first = await server.acme.route(call(request_id="once"))
    for _ in range(5):
        assert await server.acme.route(call(request_id="once")) == first
    batch = await server.acme.route_batch(RouteBatchRequest(requests=[call(request_id="once")] * 5))
    assert {result.response.decision_id for result in batch.results} == {first.decision_id}
    assert len(await calls_until_refused(server)) == 3
    # What was let through is still told when nothing is left.
    assert await server.acme.route(call(request_id="once")) == first


async def test_a_refused_request_may_come_again_under_its_id_when_there_is_room(server: Serving) -> None:
    await give(server, COST)
    await server.acme.route(call())
    await refused(server.acme.route(call(request_id="later")), "BUDGET_EXHAUSTED", "RESOURCE_EXHAUSTED", retry=True)
    await give(server, 2 * COST)
    assert (await server.acme.route(call(request_id="later"))).decision_id


async def test_plans_set_nothing_aside_and_say_who_is_too_dear(tmp_path: Path) -> None:
    async with on_catalogue(tmp_path, TWO_MODELS) as server:
        await give(server, 3 * COST)
        for _ in range(20):
            assert causes(await plan(server, call())) == {"solo": "", "duet": ""}
        await server.acme.route(call(constraints={"allowed_models": ["duet"]}))
        # What is left pays for the cheaper model alone.
        assert causes(await plan(server, call())) == {"solo": "", "duet": "BUDGET"}
        assert (await server.acme.route(call())).target.model == "solo"
        assert causes(await plan(server, call())) == {"solo": "BUDGET", "duet": "BUDGET"}
        own = prompt(input_tokens=0, max_output_tokens=100, constraints={"max_cost_nano_usd": 0})
        assert causes(await plan(server, own)) == {"solo": "BUDGET", "duet": "BUDGET"}


async def test_a_limit_of_the_request_that_is_tighter_than_the_budget_is_named_itself(server: Serving) -> None:
    await give(server, 10 * COST)
    request = call(constraints={"max_cost_nano_usd": COST - 1})
    assert causes(await plan(server, request)) == {"solo": "MAX_COST"}
    await refused(server.acme.route(request), "NO_ELIGIBLE_MODEL", "FAILED_PRECONDITION")


async def test_a_bill_below_what_was_expected_makes_room(server: Serving) -> None:
    await give(server, 4 * COST)
    first, *_ = await calls_until_refused(server)
    await bill(server.acme, first, 0)
    assert len(await calls_until_refused(server)) == 1
    settled = await standing(server)
    assert (settled.spent_nano_usd, settled.held_nano_usd, settled.left_nano_usd) == (0, 4 * COST, 0)


async def test_a_bill_above_what_was_expected_refuses_what_comes_after(server: Serving) -> None:
    await give(server, 100 * COST)
    dear = await server.acme.route(call())
    await bill(server.acme, dear, 1_000 * COST)
    # What this server had leased before is let through; nothing is leased any more.
    assert len(await calls_until_refused(server)) < 64
    budget = await standing(server)
    assert budget.left_nano_usd == 0
    assert budget.spent_nano_usd >= 1_000 * COST
    # The promise: beyond the limit by what the bill exceeded its expectation, and by nothing else.
    assert budget.spent_nano_usd + budget.held_nano_usd <= 100 * COST + 999 * COST


async def test_a_bill_is_counted_once_however_often_it_is_reported(server: Serving) -> None:
    await give(server, 4 * COST)
    answer = await server.acme.route(call())
    for _ in range(3):
        await bill(server.acme, answer, 2 * COST)
    assert (await standing(server)).spent_nano_usd == 2 * COST
    assert len(await calls_until_refused(server)) == 2


async def test_another_limit_is_in_force_at_once_and_takes_over_what_was_spent(server: Serving) -> None:
    await give(server, 100 * COST)
    for _ in range(5):
        await bill(server.acme, await server.acme.route(call()), COST)
    lowered = await give(server, 7 * COST)
    assert (lowered.spent_nano_usd, lowered.held_nano_usd, lowered.left_nano_usd) == (5 * COST, 0, 2 * COST)
    assert len(await calls_until_refused(server)) == 2
    await give(server, 3 * COST)
    await refused(server.acme.route(call()), "BUDGET_EXHAUSTED", "RESOURCE_EXHAUSTED", retry=True)
    assert (await standing(server)).left_nano_usd == 0
    await give(server, 8 * COST)
    assert len(await calls_until_refused(server)) == 1


async def test_a_restart_keeps_what_was_spent_and_what_is_set_aside(tmp_path: Path) -> None:
    async with on_catalogue(tmp_path, ONE_MODEL) as server:
        await give(server, 10 * COST)
        answers = [await server.acme.route(call()) for _ in range(6)]
        await bill(server.acme, answers[0], 2 * COST)
        await bill(server.acme, answers[1], COST // 2)
        before = await standing(server)
        assert before.spent_nano_usd == 5 * COST // 2
    async with on_catalogue(tmp_path, ONE_MODEL) as server:
        after = await standing(server)
        assert after.spent_nano_usd == before.spent_nano_usd
        # What the server had leased for calls to come was given back at its end.
        assert (after.held_nano_usd, after.left_nano_usd) == (4 * COST, 7 * COST // 2)
        assert (after.since, after.etag, after.limit_nano_usd) == (before.since, before.etag, before.limit_nano_usd)
    async with on_catalogue(tmp_path, ONE_MODEL) as server:
        assert await standing(server) == after
        # A bill of the life before last settles what was set aside then.
        await bill(server.acme, answers[2], 0)
        assert len(await calls_until_refused(server)) == 4


async def test_a_new_day_begins_with_the_whole_limit(tmp_path: Path) -> None:
    (tmp_path / "catalog.toml").write_text(ONE_MODEL)
    catalog = CatalogSettings(str(tmp_path / "catalog.toml"), watch_interval_seconds=3600.0)
    clock = ManualClock(NOON * NANOS_PER_SECOND)
    async with serving(tmp_path / "data", clock=clock, catalog=catalog) as server:
        await give(server, 2 * COST, BudgetPeriod.BUDGET_PERIOD_DAY)
        yesterday, _ = await calls_until_refused(server)
        clock.advance(HALF_A_DAY)
        today = await standing(server)
        assert (today.spent_nano_usd, today.held_nano_usd, today.left_nano_usd) == (0, 0, 2 * COST)
        assert today.period_start.ToSeconds() == NOON + HALF_A_DAY
        # A bill goes to the day of its decision.
        await bill(server.acme, yesterday, 100 * COST)
        assert len(await calls_until_refused(server)) == 2


async def test_a_long_prompt_fits_as_long_as_the_limit_has_room_for_it(tmp_path: Path) -> None:
    """It costs more than many ordinary calls; what the server has leased for those says nothing of the limit."""
    async with on_catalogue(
        tmp_path, TWO_MODELS.replace("context_tokens = 8000", "context_tokens = 1000000")
    ) as server:
        await give(server, 10**12)
        await server.acme.route(call())
        long = prompt(input_tokens=900_000, max_output_tokens=100)
        assert causes(await plan(server, long)) == {"solo": "", "duet": ""}
        dear = prompt(input_tokens=900_000, max_output_tokens=100, constraints={"allowed_models": ["duet"]})
        for _ in range(3):
            assert (await server.acme.route(dear)).expected.cost_nano_usd > 1_800_000_000


async def test_without_its_store_a_server_goes_on_while_its_lease_lasts(tmp_path: Path) -> None:
    async with on_catalogue(tmp_path, ONE_MODEL) as server:
        await give(server, 10**12)
        await server.acme.route(call())
        with locked(tmp_path / "data" / "atp.db"):
            for _ in range(8):
                await server.acme.route(call())


async def test_who_is_no_operator_neither_reads_nor_changes_a_budget(tmp_path: Path) -> None:
    every_other = tuple(permission for permission in Permission if permission is not Permission.OPERATE)
    credential, key = key_for(tmp_path, ACME, every_other)
    async with (
        serving(tmp_path, auth=AuthSettings((key,))) as server,
        AtpClient.open(server.target, credential=credential) as tenant,
    ):
        given = SetBudgetRequest(tenant=ACME, limit_nano_usd=0, period=BudgetPeriod.BUDGET_PERIOD_TOTAL)
        for attempt in (
            tenant.budgets.set(given),
            tenant.budgets.get(GetBudgetRequest(tenant=ACME)),
            tenant.budgets.list(ListBudgetsRequest()),
            tenant.budgets.delete(DeleteBudgetRequest(tenant=ACME)),
        ):
            error = await refused(attempt, "PERMISSION_DENIED", "PERMISSION_DENIED")
            assert error.metadata == {"permission": "operate"}
        assert (await tenant.route(call())).decision_id
