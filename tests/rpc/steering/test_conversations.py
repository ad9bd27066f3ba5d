"""Conversations over a real socket: with an affinity a conversation stays with its model, without one it moves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from atp_grpc.client import AtpClient
from atp_grpc.client.messages import ReasonCode, RouteBatchRequest, RouteResponse
from atp_grpc.config import EngineSettings
from atp_grpc.domain.clock import ManualClock
from tests.rpc.policies import made
from tests.rpc.provoking import prompt
from tests.rpc.serving import Serving
from tests.rpc.steering.conversing import SURE_LEARNER, of_two, recorded

STAYED = ReasonCode.REASON_CODE_STAYED
AN_HOUR = 3_600.0
ONLY_DUET: dict[str, Any] = {"constraints": {"allowed_models": ["duet"]}}


@pytest.fixture(name="clock")
def clock_that_stands() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def server(tmp_path: Path, engine: EngineSettings, clock: ManualClock) -> AsyncIterator[Serving]:
    async with of_two(tmp_path, engine, clock=clock) as running:
        # A conversation that moves to the cheaper model saves a twentieth of a perfect answer.
        await made(running, "loyal", learner=SURE_LEARNER, affinity_weight=0.2)
        yield running


async def ask(client: AtpClient, session: str, policy: str = "loyal", **fields: Any) -> RouteResponse:
    return await client.route(prompt(input_tokens=500, session_id=session, policy=policy, **fields))


async def test_a_conversation_stays_and_says_so_where_a_policy_values_it(server: Serving) -> None:
    first = await ask(server.acme, "talk", **ONLY_DUET)
    assert STAYED not in first.reason_codes
    for _ in range(3):
        answer = await ask(server.acme, "talk")
        assert (answer.target.model, STAYED in answer.reason_codes) == ("duet", True)
        assert (await recorded(server.acme, answer)).reason_codes == answer.reason_codes
    other = await ask(server.acme, "another talk")
    assert (other.target.model, STAYED in other.reason_codes) == ("solo", False)
    alone = await ask(server.acme, "")
    assert (alone.target.model, STAYED in alone.reason_codes) == ("solo", False)


async def test_without_an_affinity_a_conversation_moves_to_who_is_best_now(server: Serving) -> None:
    await ask(server.acme, "talk", policy="default", **ONLY_DUET)
    answer = await ask(server.acme, "talk", policy="default")
    assert (answer.target.model, STAYED in answer.reason_codes) == ("solo", False)


async def test_a_conversation_is_a_tenants_own(server: Serving) -> None:
    await ask(server.acme, "talk", **ONLY_DUET)
    assert (await ask(server.globex, "talk")).target.model == "solo"
    assert (await ask(server.acme, "talk")).target.model == "duet"


async def test_a_better_model_is_chosen_all_the_same(server: Serving) -> None:
    await ask(server.acme, "talk", **ONLY_DUET)
    dear = await ask(server.acme, "talk", objective={"weights": {"cost": 2.0}})
    assert (dear.target.model, STAYED in dear.reason_codes) == ("solo", False)
    # It is with that one from now on.
    assert (await ask(server.acme, "talk")).target.model == "solo"


async def test_a_constraint_ends_a_conversation_with_a_model(server: Serving) -> None:
    await ask(server.acme, "talk", **ONLY_DUET)
    answer = await ask(server.acme, "talk", constraints={"denied_models": ["duet"]})
    assert (answer.target.model, STAYED in answer.reason_codes) == ("solo", False)


async def test_an_hour_of_silence_ends_a_conversation(server: Serving, clock: ManualClock) -> None:
    await ask(server.acme, "talk", **ONLY_DUET)
    clock.advance(AN_HOUR)
    assert (await ask(server.acme, "talk")).target.model == "duet"
    clock.advance(AN_HOUR + 1.0)
    assert (await ask(server.acme, "talk")).target.model == "solo"


async def test_batches_and_streams_know_the_same_conversations(server: Serving) -> None:
    await ask(server.acme, "talk", **ONLY_DUET)
    request = prompt(input_tokens=500, session_id="talk", policy="loyal")
    batch = await server.acme.route_batch(RouteBatchRequest(requests=[request, prompt(policy="loyal")]))
    assert [result.response.target.model for result in batch.results] == ["duet", "solo"]
    async with server.acme.route_stream() as stream:
        assert (await stream.route(request)).target.model == "duet"
