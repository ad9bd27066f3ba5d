"""`atp budget`: what tenants may spend: give a budget, show one, list them, or take one away.

Amounts are typed and shown in US dollars. Nothing is judged here: what a budget may say is the server's to decide.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Any

from atp_grpc.cli import wording
from atp_grpc.cli.answer import Answer, Line, Record, Sheet
from atp_grpc.cli.connection import add_connection_options, ask
from atp_grpc.cli.printing import add_json_option
from atp_grpc.cli.quantities import read_usd, usd
from atp_grpc.client import AtpClient, pages
from atp_grpc.client.messages import (
    Budget,
    BudgetPeriod,
    DeleteBudgetRequest,
    GetBudgetRequest,
    ListBudgetsRequest,
    SetBudgetRequest,
)

_PREFIX = "BUDGET_PERIOD_"
_PERIODS = ("total", "day", "month")
_COLUMNS = ("tenant", "limit", "period", "spent", "set aside", "left", "period ends")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Describes the command's options."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    given = _add(actions, "set", "give a tenant a budget, or change the one it has")
    given.add_argument("tenant", metavar="TENANT", help="whose budget")
    given.add_argument("--limit-usd", metavar="USD", type=read_usd, required=True, help="what it may spend")
    given.add_argument("--period", choices=_PERIODS, required=True, help="for how long the limit holds (UTC)")
    shown = _add(actions, "show", "show a budget and what is left of it")
    shown.add_argument("tenant", metavar="TENANT", help="whose budget")
    _add(actions, "list", "list budgets and what is left of each")
    deleted = _add(actions, "delete", "take a budget away: the tenant may then spend without a limit")
    deleted.add_argument("tenant", metavar="TENANT", help="whose budget")
    for action in (given, deleted):
        action.add_argument("--check", action="store_true", help="tell what would be refused, change nothing")
        action.add_argument("--etag", metavar="ETAG", default="", help="only if this budget stands")
        action.add_argument(
            "--request-id", metavar="ID", default="", help="makes the change once, however often it is sent"
        )


def run(options: argparse.Namespace) -> Answer:
    """Does what the action says."""
    actions: Mapping[str, Callable[[argparse.Namespace], Answer]] = {
        "set": _set,
        "show": _show,
        "list": _list,
        "delete": _delete,
    }
    return actions[options.action](options)


def _add(actions: Any, name: str, summary: str) -> argparse.ArgumentParser:
    action: argparse.ArgumentParser = actions.add_parser(
        name, help=summary, description=f"{summary.capitalize()}.", allow_abbrev=False
    )
    add_connection_options(action)
    add_json_option(action)
    return action


def _set(options: argparse.Namespace) -> Answer:
    request = SetBudgetRequest(
        tenant=options.tenant,
        limit_nano_usd=options.limit_usd,
        period=f"{_PREFIX}{options.period.upper()}",
        etag=options.etag,
        validate_only=options.check,
        request_id=options.request_id,
    )
    budget = ask(options, lambda atp: atp.budgets.set(request)).budget
    sentence = f"the budget of {budget.tenant} {'could be' if options.check else 'is'} set"
    return Answer(document=wording.document_of(budget), parts=[Line(sentence), _record(budget)])


def _show(options: argparse.Namespace) -> Answer:
    budget = ask(options, lambda atp: atp.budgets.get(GetBudgetRequest(tenant=options.tenant))).budget
    return Answer(document=wording.document_of(budget), parts=[_record(budget)])


def _list(options: argparse.Namespace) -> Answer:
    budgets = ask(options, _read_all)
    return Answer(
        document={"budgets": [wording.document_of(budget) for budget in budgets]},
        parts=[Sheet("Budgets", _COLUMNS, [_row(budget) for budget in budgets])],
    )


async def _read_all(atp: AtpClient) -> list[Budget]:
    budgets: list[Budget] = []
    async for page in pages(lambda token: atp.budgets.list(ListBudgetsRequest(page_token=token))):
        budgets.extend(page.budgets)
    return budgets


def _delete(options: argparse.Namespace) -> Answer:
    request = DeleteBudgetRequest(
        tenant=options.tenant, etag=options.etag, validate_only=options.check, request_id=options.request_id
    )
    ask(options, lambda atp: atp.budgets.delete(request))
    sentence = f"the budget of {options.tenant} {'could be' if options.check else 'is'} taken away"
    return Answer(document={"tenant": options.tenant, "deleted": not options.check}, parts=[Line(sentence)])


def _record(budget: Budget) -> Record:
    return Record(
        [
            *zip(_COLUMNS, _row(budget), strict=True),
            ("since", wording.moment(budget.since)),
            ("etag", budget.etag),
        ]
    )


def _row(budget: Budget) -> tuple[str, ...]:
    return (
        budget.tenant,
        usd(budget.limit_nano_usd),
        wording.word(BudgetPeriod, budget.period, _PREFIX),
        usd(budget.spent_nano_usd),
        usd(budget.held_nano_usd),
        usd(budget.left_nano_usd),
        wording.moment(budget.period_end) or "never",
    )
