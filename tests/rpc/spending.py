"""Budgets and bills for the tests of a server, on a catalogue of one model whose calls all cost the same."""

from __future__ import annotations

from typing import Any

from atp_grpc.client import AtpCallError, AtpClient
from atp_grpc.client.messages import (
    Budget,
    BudgetPeriod,
    GetBudgetRequest,
    ObserveRequest,
    RouteRequest,
    RouteResponse,
    SetBudgetRequest,
)
from tests.rpc.provoking import prompt
from tests.rpc.serving import ACME, Serving

COST = 400_000
"""What `call` is expected to cost on `catalogues.ONE_MODEL`: a hundred tokens at US$ 4 a million."""
_MOST_CALLS = 1_000


def call(**fields: Any) -> RouteRequest:
    """A request that is expected to cost `COST`."""
    return prompt(input_tokens=0, max_output_tokens=100, **fields)


async def give(
    server: Serving, limit_nano_usd: int, period: BudgetPeriod = BudgetPeriod.BUDGET_PERIOD_TOTAL, **fields: Any
) -> Budget:
    """Gives the first tenant a budget."""
    request = SetBudgetRequest(tenant=ACME, limit_nano_usd=limit_nano_usd, period=period, **fields)
    return (await server.acme.budgets.set(request)).budget


async def standing(server: Serving) -> Budget:
    """How the first tenant's budget stands."""
    return (await server.acme.budgets.get(GetBudgetRequest(tenant=ACME))).budget


async def calls_until_refused(server: Serving) -> list[RouteResponse]:
    """The calls of the first tenant that its budget lets through."""
    answers = list[RouteResponse]()
    while len(answers) < _MOST_CALLS:
        try:
            answers.append(await server.acme.route(call()))
        except AtpCallError as error:
            if error.reason == "BUDGET_EXHAUSTED":
                return answers
            raise
    raise AssertionError(f"{_MOST_CALLS} calls, and not one was refused")


async def bill(client: AtpClient, answer: RouteResponse, cost_nano_usd: int) -> None:
    """Reports what a call cost."""
    attempt = {"model": answer.target.model, "cost_nano_usd": cost_nano_usd}
    await client.observe(ObserveRequest(feedback_token=answer.feedback_token, attempts=[attempt]))
