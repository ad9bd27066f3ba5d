"""`atp budget`: what it sends, and what it makes of the answers."""

from __future__ import annotations

import json

import pytest

from atp_grpc.cli.program import run
from atp_grpc.client import messages as m
from tests.unit.client.scripted_server import Scripted

SERVICE = "/atp.admin.v1.TenantService/"
NANO = 10**9


def budget(tenant: str = "acme") -> m.Budget:
    made = m.Budget(
        tenant=tenant,
        limit_nano_usd=25 * NANO,
        period=m.BudgetPeriod.BUDGET_PERIOD_DAY,
        etag="e1",
        spent_nano_usd=4 * NANO,
        held_nano_usd=NANO // 2,
        left_nano_usd=41 * NANO // 2,
    )
    made.period_end.FromJsonString("2026-11-22T00:00:00Z")
    return made


def test_set_sends_dollars_as_nano_dollars(server: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    server.answers[f"{SERVICE}SetBudget"] = m.SetBudgetResponse(budget=budget())

    terms = ["--limit-usd", "25", "--period", "day"]
    status = run(["budget", "set", "acme", *terms, "--etag", "e0", "--check", "--request-id", "r"])

    assert status == 0
    sent = server.received[-1].request
    assert sent == m.SetBudgetRequest(
        tenant="acme",
        limit_nano_usd=25 * NANO,
        period=m.BudgetPeriod.BUDGET_PERIOD_DAY,
        etag="e0",
        validate_only=True,
        request_id="r",
    )
    assert capsys.readouterr().out.startswith("the budget of acme could be set\n")


def test_show_tells_what_is_left(server: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    server.answers[f"{SERVICE}GetBudget"] = m.GetBudgetResponse(budget=budget())

    assert run(["budget", "show", "acme"]) == 0

    assert capsys.readouterr().out == (
        "tenant: acme\nlimit: $25.00\nperiod: day\nspent: $4.00\nset aside: $0.50\nleft: $20.50\n"
        "period ends: 2026-11-22T00:00:00Z\netag: e1\n"
    )


def test_list_shows_a_row_for_each(server: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    endless = budget("zoo")
    endless.ClearField("period_end")
    server.answers[f"{SERVICE}ListBudgets"] = m.ListBudgetsResponse(budgets=[budget(), endless])

    assert run(["budget", "list"]) == 0
    assert capsys.readouterr().out == (
        "tenant\tlimit\tperiod\tspent\tset aside\tleft\tperiod ends\n"
        "acme\t$25.00\tday\t$4.00\t$0.50\t$20.50\t2026-11-22T00:00:00Z\n"
        "zoo\t$25.00\tday\t$4.00\t$0.50\t$20.50\tnever\n"
    )
    assert run(["budget", "list", "--json"]) == 0
    assert [one["tenant"] for one in json.loads(capsys.readouterr().out)["budgets"]] == ["acme", "zoo"]


def test_delete_says_what_it_did(server: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    server.answers[f"{SERVICE}DeleteBudget"] = m.DeleteBudgetResponse()

    assert run(["budget", "delete", "acme", "--etag", "e1"]) == 0

    assert capsys.readouterr().out == "the budget of acme is taken away\n"
    assert server.received[-1].request == m.DeleteBudgetRequest(tenant="acme", etag="e1")


@pytest.mark.parametrize("limit", ["-1", "much", "0.0000000001"])
def test_a_limit_that_is_no_amount_is_refused_before_anything_is_sent(
    server: Scripted, capsys: pytest.CaptureFixture[str], limit: str
) -> None:
    assert run(["budget", "set", "acme", f"--limit-usd={limit}", "--period", "day"]) == 2

    assert "limit-usd" in capsys.readouterr().err
    assert server.received == []
