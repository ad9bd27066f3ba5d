"""The log over a real socket: a tenant lists its own decisions and observations, an operator everybody's."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from atp_grpc.app import App
from atp_grpc.client import AtpClient, pages
from atp_grpc.client import messages as m
from atp_grpc.config import AuthSettings, LearningSettings
from atp_grpc.domain.tenant import Permission
from tests.rpc.provoking import prompt, refused
from tests.rpc.serving import key_for, serving
from tests.rpc.waiting import eventually

CALLER = (Permission.ROUTE, Permission.OBSERVE, Permission.READ_DECISIONS)
NEWEST, OLDEST = m.DecisionOrder.Value("DECISION_ORDER_NEWEST_FIRST"), "DECISION_ORDER_OLDEST_FIRST"


@dataclasses.dataclass(frozen=True)
class Log:
    """A server with decisions in its log: three of acme's, one of globex's."""

    app: App
    acme: AtpClient
    globex: AtpClient
    operator: AtpClient
    """Of acme's."""
    made: list[m.RouteResponse]
    foreign: m.RouteResponse


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[Log]:
    data_dir = tmp_path / "data"
    made_keys = [
        key_for(data_dir, "acme", CALLER),
        key_for(data_dir, "globex", CALLER),
        key_for(data_dir, "acme", (*CALLER, Permission.OPERATE)),
    ]
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(
            serving(
                data_dir,
                auth=AuthSettings(tuple(key for _, key in made_keys)),
                learning=LearningSettings(ledger_size=1),
            )
        )
        acme, globex, operator = [
            await stack.enter_async_context(AtpClient.open(server.target, credential=credential))
            for credential, _ in made_keys
        ]
        asked = [
            prompt("a", task_type="sum", session_id="s-1", labels={"team": "search", "app": "chat"}),
            prompt("b", task_type="sum", labels={"team": "search"}),
            prompt("c"),
        ]
        made = [await acme.route(one) for one in asked]
        foreign = await globex.route(prompt("d", task_type="sum", labels={"team": "search"}))
        await eventually(lambda: server.app.rooms.store.find_decision("globex", foreign.decision_id), is_it=bool)
        await acme.observe(m.ObserveRequest(decision_id=made[1].decision_id, quality=0.5, labels={"by": "judge"}))
        await globex.observe(m.ObserveRequest(decision_id=foreign.decision_id, quality=0.25))
        yield Log(server.app, acme, globex, operator, made, foreign)


async def listed(client: AtpClient, **fields: object) -> list[m.Decision]:
    """Every decision of a list, read to its end."""
    found: list[m.Decision] = []
    async for page in pages(
        lambda token: client.list_decisions(m.ListDecisionsRequest(page_token=token, **fields))  # type: ignore[arg-type]
    ):
        found.extend(page.decisions)
    return found


def ids(found: list[m.Decision]) -> list[str]:
    return [one.decision_id for one in found]


async def test_a_tenant_lists_its_own_decisions_newest_first_and_nobody_elses(log: Log) -> None:
    own = [one.decision_id for one in log.made]

    assert ids(await listed(log.acme)) == own[::-1]
    assert ids(await listed(log.acme, order=OLDEST, page_size=1)) == own
    assert ids(await listed(log.acme, tenant="acme", page_size=2)) == own[::-1]
    assert ids(await listed(log.globex)) == [log.foreign.decision_id]


async def test_a_listed_decision_is_the_one_that_is_got_but_for_its_features_unless_they_are_asked_for(
    log: Log,
) -> None:
    got = (await log.acme.get_decision(m.GetDecisionRequest(decision_id=log.made[1].decision_id))).decision
    assert got.features.values
    assert got.outcome.quality == 0.5
    assert got.scales.cost_nano_usd > 0

    basic = (await listed(log.acme))[1]
    full = (await listed(log.acme, view="DECISION_VIEW_FULL"))[1]

    assert full == got
    assert basic.features.schema_id == got.features.schema_id
    assert not basic.features.values
    del got.features.values[:]
    assert basic == got


async def test_a_list_holds_what_the_filter_says(log: Log) -> None:
    first, second, third = [one.decision_id for one in log.made]

    async def found(**fields: object) -> list[str]:
        return sorted(ids(await listed(log.acme, filter=m.DecisionFilter(**fields))))  # type: ignore[arg-type]

    assert await found() == sorted([first, second, third])
    assert await found(task_type="sum") == sorted([first, second])
    assert await found(session_id="s-1") == [first]
    assert await found(labels={"team": "search"}) == sorted([first, second])
    assert await found(labels={"team": "search", "app": "chat"}) == [first]
    assert await found(labels={"team": "other"}) == []
    assert await found(policy="default") == sorted([first, second, third])
    assert await found(policy="another") == []
    model = log.made[0].target.model
    assert await found(model=model) == sorted(one.decision_id for one in log.made if one.target.model == model)
    assert await found(decided_since=log.made[1].decided_at) == sorted([second, third])
    assert await found(decided_before=log.made[1].decided_at) == [first]
    assert await found(decided_since=log.made[1].decided_at, decided_before=log.made[2].decided_at) == [second]
    far = Timestamp()
    far.FromJsonString("9999-12-31T23:59:59Z")
    long_ago = Timestamp()
    long_ago.FromJsonString("0001-01-01T00:00:00Z")
    assert await found(decided_since=far) == []
    assert len(await found(decided_since=long_ago, decided_before=far)) == 3
    assert ids(await listed(log.acme, observed="OBSERVED_STATE_OBSERVED")) == [second]
    assert ids(await listed(log.acme, observed="OBSERVED_STATE_UNOBSERVED")) == [third, first]


async def test_observations_are_listed_by_decision(log: Log) -> None:
    page = await log.acme.list_observations(m.ListObservationsRequest())

    (observed,) = page.observations
    assert observed.decision_id == log.made[1].decision_id
    assert observed.target == log.made[1].target
    assert observed.decided_at == log.made[1].decided_at
    assert observed.outcome == m.Outcome(quality=0.5, labels={"by": "judge"})
    assert observed.tenant == ""
    assert page.next_page_token == ""
    nothing = m.ListObservationsRequest(filter={"task_type": "other"})
    assert not (await log.acme.list_observations(nothing)).observations


async def test_an_operator_lists_another_tenants_decisions_and_everybodys(log: Log) -> None:
    foreign = await listed(log.operator, tenant="globex")
    assert [(one.tenant, one.decision_id) for one in foreign] == [("globex", log.foreign.decision_id)]
    everybody = await listed(log.operator, tenant="-", order=OLDEST, page_size=1)
    assert [one.tenant for one in everybody] == ["acme", "acme", "acme", "globex"]
    assert [one.tenant for one in await listed(log.operator)] == ["", "", ""]
    observed = (await log.operator.list_observations(m.ListObservationsRequest(tenant="-"))).observations
    assert [one.tenant for one in observed] == ["globex", "acme"]


@pytest.mark.parametrize("tenant", ["globex", "-", "nobody"])
async def test_nobody_else_looks_at_another_tenant(log: Log, tenant: str) -> None:
    for call in (
        log.acme.list_decisions(m.ListDecisionsRequest(tenant=tenant)),
        log.acme.list_observations(m.ListObservationsRequest(tenant=tenant)),
    ):
        error = await refused(call, "PERMISSION_DENIED", "PERMISSION_DENIED")
        assert error.metadata == {"permission": "operate"}


async def test_a_token_works_only_for_the_list_the_caller_and_the_arguments_it_was_made_for(log: Log) -> None:
    first = await log.acme.list_decisions(m.ListDecisionsRequest(page_size=1))
    token = first.next_page_token
    assert token
    again = await log.acme.list_decisions(m.ListDecisionsRequest(page_size=2, page_token=token))
    assert ids(list(again.decisions)) == [log.made[1].decision_id, log.made[0].decision_id]

    for call in (
        log.globex.list_decisions(m.ListDecisionsRequest(page_token=token)),
        log.operator.list_decisions(m.ListDecisionsRequest(page_token=token, tenant="globex")),
        log.operator.list_decisions(m.ListDecisionsRequest(page_token=token, tenant="-")),
        log.acme.list_decisions(m.ListDecisionsRequest(page_token=token, order=OLDEST)),
        log.acme.list_decisions(m.ListDecisionsRequest(page_token=token, filter={"task_type": "sum"})),
        log.acme.list_decisions(m.ListDecisionsRequest(page_token=token, observed="OBSERVED_STATE_OBSERVED")),
        log.acme.list_observations(m.ListObservationsRequest(page_token=token)),
        log.acme.list_decisions(m.ListDecisionsRequest(page_token=token[:-2])),
        log.acme.list_decisions(m.ListDecisionsRequest(page_token="MS4w")),
    ):
        await refused(call, "PAGE_TOKEN_INVALID", "INVALID_ARGUMENT")


async def test_what_no_list_can_mean_is_refused(log: Log) -> None:
    for call in (
        log.acme.list_decisions(m.ListDecisionsRequest(page_size=-1)),
        log.acme.list_decisions(m.ListDecisionsRequest(observed=7)),  # type: ignore[arg-type]
        log.acme.list_decisions(m.ListDecisionsRequest(filter={"model": "x" * 129})),
        log.acme.explain_decision(m.ExplainDecisionRequest(decision_id="d", tenant="-")),
    ):
        await refused(call, "INVALID_FIELD", "INVALID_ARGUMENT")


async def test_a_list_without_a_store_is_told_to_come_again(log: Log) -> None:
    await log.app.rooms.store.close()

    call = log.acme.list_decisions(m.ListDecisionsRequest(), deadline_seconds=1.0)
    await refused(call, "STORE_UNAVAILABLE", "UNAVAILABLE", retry=True)


async def test_nobody_lists_without_the_permission(tmp_path: Path) -> None:
    credential, key = key_for(tmp_path / "data", "acme", (Permission.ROUTE,))
    async with (
        serving(tmp_path / "data", auth=AuthSettings((key,))) as server,
        AtpClient.open(server.target, credential=credential) as client,
    ):
        for call in (
            client.list_decisions(m.ListDecisionsRequest()),
            client.list_observations(m.ListObservationsRequest()),
            client.explain_decision(m.ExplainDecisionRequest(decision_id="d")),
        ):
            await refused(call, "PERMISSION_DENIED", "PERMISSION_DENIED")


async def test_an_explanation_agrees_with_the_record_and_adds_up(log: Log) -> None:
    for made in log.made:
        got = (await log.acme.get_decision(m.GetDecisionRequest(decision_id=made.decision_id))).decision
        told = await log.acme.explain_decision(m.ExplainDecisionRequest(decision_id=made.decision_id))

        assert (told.decision_id, told.target, told.propensity) == (made.decision_id, made.target, made.propensity)
        assert told.is_complete
        assert told.refused == got.refused
        candidates = {one.target.model: one for one in got.candidates}
        assert {one.target.model for one in told.candidates} == set(candidates)
        for one in told.candidates:
            recorded = candidates[one.target.model]
            assert (one.utility, one.propensity, one.expected) == (
                recorded.utility,
                recorded.propensity,
                recorded.expected,
            )
            parts = sum(value for _, value in one.parts.ListFields())
            assert parts == pytest.approx(one.utility, abs=1e-9)
        best = max(told.candidates, key=lambda one: one.utility)
        assert told.best == best.target
        assert told.candidates[0] == best
        assert told.given_up == pytest.approx(best.utility - candidates[made.target.model].utility)
        assert made.target.model in told.summary


async def test_who_was_refused_is_explained_with_the_cause(log: Log) -> None:
    lookup = m.GetDecisionRequest(decision_id=log.made[0].decision_id)
    weighed = sorted((await log.acme.get_decision(lookup)).decision.candidates, key=lambda one: -one.utility)
    costs = sorted(one.expected.cost_nano_usd for one in weighed)
    limit, denied = costs[len(costs) // 2], next(one for one in weighed if one.expected.cost_nano_usd == costs[0])
    constraints = {"denied_models": [denied.target.model], "max_cost_nano_usd": limit}
    answer = await log.acme.route(prompt("a", constraints=constraints))

    told = await log.acme.explain_decision(m.ExplainDecisionRequest(decision_id=answer.decision_id))

    causes = {one.target.model: m.RefusalCause.Name(one.cause) for one in told.refused}
    assert causes[denied.target.model] == "REFUSAL_CAUSE_DENIED"
    aside = [one for one in told.candidates if one.set_aside]
    assert aside
    for one in told.candidates:
        assert (one.propensity == 0) == (one in aside)
        assert (one.expected.cost_nano_usd > limit) == (one in aside)
    assert {m.RefusalCause.Name(one.set_aside) for one in aside} == {"REFUSAL_CAUSE_MAX_COST"}


async def test_a_foreign_decision_is_explained_to_operators_only(log: Log) -> None:
    name = log.foreign.decision_id
    await refused(
        log.acme.explain_decision(m.ExplainDecisionRequest(decision_id=name)), "DECISION_NOT_FOUND", "NOT_FOUND"
    )
    await refused(
        log.acme.explain_decision(m.ExplainDecisionRequest(decision_id=name, tenant="globex")),
        "PERMISSION_DENIED",
        "PERMISSION_DENIED",
    )
    told = await log.operator.explain_decision(m.ExplainDecisionRequest(decision_id=name, tenant="globex"))
    assert told.decision_id == name


async def test_nothing_of_another_tenant_is_in_any_answer(log: Log) -> None:
    answers = [
        await log.globex.list_decisions(m.ListDecisionsRequest(view="DECISION_VIEW_FULL")),
        await log.globex.list_observations(m.ListObservationsRequest()),
        await log.globex.explain_decision(m.ExplainDecisionRequest(decision_id=log.foreign.decision_id)),
    ]
    for answer in answers:
        written = answer.SerializeToString()
        assert b"acme" not in written
        assert not any(made.decision_id.encode() in written for made in log.made)
