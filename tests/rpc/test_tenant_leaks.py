"""What one tenant does is nothing that another one reads: over a real socket, in replies, refusals and metrics."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
from google.protobuf.json_format import MessageToDict

from atp_grpc.app import App
from atp_grpc.client import AtpCallError, AtpClient
from atp_grpc.client import messages as m
from atp_grpc.config import AuthSettings, PolicySettings, StoreSettings
from atp_grpc.domain.tenant import Permission
from atp_grpc.engine.contract import Learner
from tests.rpc.provoking import prompt
from tests.rpc.serving import ACME, GLOBEX, key_for, serving

WORDS: Final = ("zanzibar", "kilimanjaro-7", "okapi", "pangolin", "marabou-1", "impala")
TEXT, SESSION, LABEL, REPORTED, REQUEST_ID, TASK = WORDS
CALLER: Final = (Permission.ROUTE, Permission.OBSERVE, Permission.READ_DECISIONS)
# Of equal scores the cheaper wins, and nothing else is drawn: what is planned depends on what was learned alone.
GREEDY: Final = PolicySettings(learner=Learner.GREEDY)
MOVED_BY_OTHERS: Final = {"quality", "utility", "propensity", "learner_revision"}
"""What grades of another tenant may move, field by field: predictions, what follows from them, and one count of all."""


@dataclasses.dataclass(frozen=True)
class Callers:
    """A running server with a client for each of two tenants, neither of them an operator."""

    app: App
    acme: AtpClient
    globex: AtpClient


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Callers]:
    made_keys = [key_for(tmp_path / "data", tenant, CALLER) for tenant in (ACME, GLOBEX)]
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(
            serving(
                tmp_path / "data",
                auth=AuthSettings(tuple(key for _, key in made_keys)),
                store=StoreSettings("memory"),
                policy=GREEDY,
            )
        )
        acme, globex = [
            await stack.enter_async_context(AtpClient.open(running.target, credential=credential))
            for credential, _ in made_keys
        ]
        yield Callers(running.app, acme, globex)


async def works(server: Callers) -> list[m.RouteResponse]:
    """Acme asks with words of its own in every field that takes some, and reports."""
    asked = prompt(f"Where is {TEXT}?", session_id=SESSION, labels={LABEL: LABEL}, task_type=TASK)
    made = [await server.acme.route(asked) for _ in range(3)]
    made.append(await server.acme.route(prompt(TEXT, request_id=REQUEST_ID)))
    for one in made[:2]:
        await server.acme.observe(
            m.ObserveRequest(feedback_token=one.feedback_token, quality=0.25, labels={REPORTED: REPORTED})
        )
    return made


async def told(call: Awaitable[Any]) -> str:
    """All that a call tells, whether it is answered or refused."""
    try:
        return str(await call)
    except AtpCallError as error:
        return " ".join(map(str, (error, vars(error))))


async def test_no_word_and_no_name_of_one_tenant_is_in_what_another_one_is_told(server: Callers) -> None:
    made = await works(server)
    globex, foreign = server.globex, made[0]
    own = await globex.route(prompt("What is 2 + 2?"))
    heard = [
        str(own),
        await told(globex.plan(m.PlanRequest(request=prompt()))),
        await told(globex.route(prompt(TEXT.swapcase(), session_id=SESSION.swapcase()))),
        await told(globex.route(prompt("", constraints={"region": "nowhere"}))),
        await told(globex.route_batch(m.RouteBatchRequest(requests=[prompt("a")] * 2))),
        await told(globex.get_decision(m.GetDecisionRequest(decision_id=foreign.decision_id))),
        await told(globex.explain_decision(m.ExplainDecisionRequest(decision_id=foreign.decision_id))),
        await told(globex.observe(m.ObserveRequest(decision_id=foreign.decision_id, quality=0.5))),
        await told(globex.observe(m.ObserveRequest(feedback_token=foreign.feedback_token, quality=0.5))),
        await told(globex.observe(m.ObserveRequest(feedback_token=own.feedback_token, quality=0.5))),
        await told(globex.explain_decision(m.ExplainDecisionRequest(decision_id=own.decision_id))),
        await told(globex.get_decision(m.GetDecisionRequest(decision_id=own.decision_id))),
        await told(globex.list_models(m.ListModelsRequest())),
        await told(globex.list_decisions(m.ListDecisionsRequest())),
        await told(globex.list_observations(m.ListObservationsRequest())),
    ]
    page = await metrics(server)
    for words in (*WORDS, ACME, GLOBEX, *(one.decision_id for one in made)):
        assert words not in page
    # What it was refused is named by the id that it gave itself.
    ids = {one.decision_id for one in made[1:]}
    for words in (*WORDS, ACME, *ids):
        assert not [one for one in heard if words in one], words


async def metrics(server: Callers) -> str:
    """The page that the operator's monitoring reads."""
    url = f"http://127.0.0.1:{server.app.door.ops_port}/metrics"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return await response.text()


async def test_a_foreign_decision_is_refused_as_one_that_never_was(server: Callers) -> None:
    foreign = (await works(server))[0].decision_id
    own = (await server.globex.route(prompt())).decision_id
    never = own[:-4] + ("0000" if own[-4:] != "0000" else "1111")
    for call in (
        lambda name: server.globex.get_decision(m.GetDecisionRequest(decision_id=name)),
        lambda name: server.globex.explain_decision(m.ExplainDecisionRequest(decision_id=name)),
        lambda name: server.globex.observe(m.ObserveRequest(decision_id=name, quality=0.5)),
    ):
        refusals = []
        for name in (foreign, never):
            with pytest.raises(AtpCallError) as caught:
                await call(name)
            error = caught.value
            refusals.append((error.code, error.reason, error.message.replace(name, "ID"), sorted(error.metadata)))
        assert refusals[0] == refusals[1]


async def test_how_much_another_tenant_asks_moves_nothing_and_what_it_grades_moves_predictions_alone(
    server: Callers,
) -> None:

    async def planned() -> dict[str, Any]:
        answer = await server.globex.plan(m.PlanRequest(request=prompt("What is 2 + 2?")))
        answer.candidates.sort(key=lambda one: one.target.deployment)
        return MessageToDict(answer, preserving_proto_field_name=True)

    before = await planned()
    made = [await server.acme.route(prompt(TEXT)) for _ in range(20)]
    await server.acme.plan(m.PlanRequest(request=prompt(TEXT)))
    assert await planned() == before

    for one in made:
        await server.acme.observe(m.ObserveRequest(feedback_token=one.feedback_token, quality=0.5))
    after = await planned()
    moved = set(differing(before, after))
    assert "quality" in moved
    assert moved <= MOVED_BY_OTHERS


def differing(one: Any, other: Any, name: str = "") -> list[str]:
    """Names of the fields, of two messages alike in shape, that hold different values."""
    if isinstance(one, dict) and isinstance(other, dict):
        names = sorted(one.keys() | other.keys())
        return [found for key in names for found in differing(one.get(key), other.get(key), key)]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [found for pair in zip(one, other, strict=True) for found in differing(*pair, name)]
    return [] if one == other else [name]
