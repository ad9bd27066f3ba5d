"""Request ids of Ask on a whole server: they outlive it, belong to a tenant, and bill once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from atp_grpc.client import AtpCallError
from atp_grpc.client.messages import AskRequest, AskResponse, GetBudgetRequest, SetBudgetRequest
from tests.rpc.serving import ACME, Serving, serving

HELLO = AskRequest(prompt="Name a prime.", request_id="r-1")


async def spent(server: Serving) -> int:
    """What ACME's budget says was spent."""
    answer = await server.acme.budgets.get(GetBudgetRequest(tenant=ACME))
    return answer.budget.spent_nano_usd


async def streamed(server: Serving) -> AskResponse:
    async with server.acme.ask_stream(HELLO) as answer:
        return await answer.collect()


async def test_an_answer_outlives_the_server_and_is_billed_once(tmp_path: Path) -> None:
    budget = SetBudgetRequest(tenant=ACME, limit_nano_usd=10**12, period="BUDGET_PERIOD_TOTAL", request_id="b-1")
    async with serving(tmp_path) as server:
        given = await server.acme.budgets.set(budget)
        first = await server.acme.ask(HELLO)
        cost = await spent(server)
    async with serving(tmp_path) as server:
        again, stream = await server.acme.ask(HELLO), await streamed(server)
        given_again = await server.acme.budgets.set(budget)
        cost_after = await spent(server)
        other = await server.globex.ask(HELLO)
        with pytest.raises(AtpCallError) as refused:
            await server.acme.ask(AskRequest(prompt="Name another.", request_id="r-1"))

    assert again == first
    assert (stream.text, stream.final, stream.decision) == (first.text, first.final, first.decision)
    assert given_again == given
    assert cost == cost_after == first.final.total_cost_nano_usd > 0
    assert other.decision.decision_id != first.decision.decision_id
    assert refused.value.reason == "REQUEST_ID_REUSED"


async def test_calls_that_come_together_share_one_execution(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        answers = await asyncio.gather(*(server.acme.ask(HELLO) if odd else streamed(server) for odd in (0, 1) * 8))
        alone = await server.acme.ask(AskRequest(prompt="Name a prime."))

    assert len({answer.decision.decision_id for answer in answers}) == 1
    assert len({answer.text for answer in answers}) == 1
    assert alone.decision.decision_id != answers[0].decision.decision_id
