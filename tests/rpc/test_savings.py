"""Savings over a real socket: paid to the nano-dollar as the store has it, and computed again from lists alone."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from atp_grpc.cli.program import run
from atp_grpc.client import AtpClient
from atp_grpc.client import messages as m
from atp_grpc.domain.history import HistoryQuery
from atp_grpc.learning.rewards import total_cost_nano_usd
from tests.contract.marked_pages import ROOT, Page
from tests.rpc.provoking import prompt, refused
from tests.rpc.serving import ACME, GLOBEX, Serving, serving
from tests.rpc.waiting import eventually

DECISIONS = 240
FAILED, CANCELLED = "ATTEMPT_ERROR_UNAVAILABLE", "ATTEMPT_ERROR_CANCELLED"


@dataclass(frozen=True)
class Billed:
    """A server with billed decisions of two tenants, and the model that was drawn most often for the first."""

    server: Serving
    model: str


def _attempts(number: int, target: m.Target, fallback: str) -> list[m.Attempt]:
    """What became of a decision: most answered, some fell back, were given up, have no cost, or no report at all."""
    cost = 1_000_003 + 7_919 * (number % 13)
    match number % 12:
        case 0:
            return []
        case 1:
            broken = m.Attempt(model=target.model, error=FAILED, cost_nano_usd=11)
            return [broken, m.Attempt(model=fallback, cost_nano_usd=cost)]
        case 2:
            return [m.Attempt(model=target.model, error=CANCELLED, cost_nano_usd=0)]
        case 3:
            return [m.Attempt(model=target.model, usage=m.Usage(input_tokens=900, output_tokens=number))]
        case 4:
            return [m.Attempt(model=fallback)]
        case _:
            return [m.Attempt(model=target.model, cost_nano_usd=cost)]


async def _serve(client: AtpClient, decisions: int) -> list[m.RouteResponse]:
    batch = m.RouteBatchRequest(requests=[prompt(f"What is {number}?") for number in range(decisions)])
    answers = [result.response for result in (await client.route_batch(batch)).results]
    reports = []
    for number, answer in enumerate(answers):
        fallback = "cobalt-base" if answer.target.model != "cobalt-base" else "ember-mini"
        if attempts := _attempts(number, answer.target, fallback):
            quality = None if number % 12 == 2 else 0.5 + (number % 5) / 10
            reports.append(m.ObserveRequest(feedback_token=answer.feedback_token, attempts=attempts, quality=quality))
    await client.observe_batch(m.ObserveBatchRequest(requests=reports))
    return answers


@pytest.fixture
async def billed(tmp_path: Path) -> AsyncIterator[Billed]:
    async with serving(tmp_path / "data") as server:
        made = await _serve(server.acme, DECISIONS)
        foreign = await _serve(server.globex, 24)
        for tenant, answers in ((ACME, made), (GLOBEX, foreign)):
            await eventually(partial(server.app.rooms.store.find_decision, tenant, answers[-1].decision_id), is_it=bool)
        drawn = [one.target.model for one in made]
        yield Billed(server, max(set(drawn), key=drawn.count))


async def _savings(client: AtpClient, **fields: object) -> m.ComputeSavingsResponse:
    return await client.evaluations.savings(m.ComputeSavingsRequest(**fields))  # type: ignore[arg-type]


async def _bills(server: Serving, tenant: str | None) -> list[int | None]:
    """What each decision cost, as the store has it."""
    page = await server.app.rooms.store.history(HistoryQuery(tenant), after=None, limit=1_000)
    return [total_cost_nano_usd(one.outcome, one.decision.lesson) for one in page.entries]


async def test_what_was_paid_is_what_the_store_has_to_the_nano_dollar_for_each_tenant_and_for_all(
    billed: Billed,
) -> None:
    own = await _savings(billed.server.acme, model=billed.model)
    foreign = await _savings(billed.server.globex, model=billed.model)
    everybody = await _savings(billed.server.acme, model=billed.model, scope=m.EvaluationScope(tenant="-"))

    for told, tenant in ((own, ACME), (foreign, GLOBEX), (everybody, None)):
        bills = await _bills(billed.server, tenant)
        assert told.compared.nano_usd + told.out_of_reach.nano_usd == sum(bill or 0 for bill in bills)
        assert told.unbilled.decisions == bills.count(None)
        assert told.void_decisions == len(bills) // 12
        groups = (told.compared, told.out_of_reach, told.unbilled)
        assert sum(group.decisions for group in groups) + told.void_decisions == len(bills)
    assert everybody.compared.nano_usd == own.compared.nano_usd + foreign.compared.nano_usd
    assert own.compared.decisions > 0
    assert own.beside.nano_usd == 11 * own.beside.decisions == 11 * DECISIONS // 12


async def test_a_statement_is_computed_again_from_the_listed_decisions_by_the_script_of_the_page(
    billed: Billed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATP_TARGET", billed.server.target)
    monkeypatch.setenv("ATP_KEY", billed.server.credentials[ACME])
    monkeypatch.chdir(tmp_path)
    listed = await asyncio.to_thread(_printed, "decision", "list", "--limit", "100000", "--json")
    told = await asyncio.to_thread(_printed, "savings", billed.model, "--json")
    (tmp_path / "decisions.json").write_text(listed)
    (tmp_path / "statement.json").write_text(told)
    [script] = [one for one in Page(ROOT / "docs" / "savings.md").blocks("python") if "weights_below" in one]
    monkeypatch.setattr(sys, "argv", ["savings.py", billed.model])
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(script, {})

    statement = json.loads(told)
    assert statement["basis"] == "SAVINGS_BASIS_ESTIMATED"
    assert statement["baseline_cost"]["nano_usd"] != statement["predicted_nano_usd"]
    assert printed.getvalue().split() == [
        statement["compared"]["nano_usd"],
        statement["baseline_cost"]["nano_usd"],
        statement["saving"]["nano_usd"],
    ]


async def test_a_statement_reads_like_a_sentence_and_says_when_it_is_no_estimate(
    billed: Billed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATP_TARGET", billed.server.target)
    monkeypatch.setenv("ATP_KEY", billed.server.credentials[ACME])
    estimated = await asyncio.to_thread(_printed, "savings", billed.model, "--confidence", "0.9")
    assert f"always {billed.model} would have cost $" in estimated
    assert "(90 %: $" in estimated
    assert "left out: 20 decisions given up or invalid, at no cost" in estimated

    monkeypatch.setenv("ATP_KEY", billed.server.credentials[GLOBEX])
    predicted = await asyncio.to_thread(_printed, "savings", "cobalt-base")
    assert "by predictions alone" in predicted
    assert "no estimate: " in predicted


async def test_a_policy_can_be_the_baseline_and_what_nobody_knows_cannot(billed: Billed) -> None:
    told = await _savings(billed.server.acme, policy="default")
    assert told.compared.decisions + told.unbilled.decisions + told.void_decisions == DECISIONS
    assert told.baseline_cost.nano_usd > 0

    for unknown in ({"model": "nobody"}, {"policy": "nobody"}):
        await refused(_savings(billed.server.acme, **unknown), "RESOURCE_NOT_FOUND", "NOT_FOUND")


def _printed(*arguments: str) -> str:
    stream = io.StringIO()
    with contextlib.redirect_stdout(stream):
        assert run(arguments) == 0
    return stream.getvalue()
