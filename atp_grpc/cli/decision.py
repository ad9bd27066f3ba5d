"""`atp decision`: the log of decisions: list them and what was observed, show one, or say why it came out as it did.

Nothing is judged here: which decisions there are and what explains them is the server's to say.
"""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, TypeVar

from google.protobuf.message import Message

from atp_grpc.cli import decision_sheets as sheets
from atp_grpc.cli import wording
from atp_grpc.cli.answer import Answer, Line, Part
from atp_grpc.cli.connection import add_connection_options, ask
from atp_grpc.cli.moments import read_moment
from atp_grpc.cli.printing import add_json_option
from atp_grpc.cli.quantities import read_count, read_pair
from atp_grpc.client import AtpClient, pages
from atp_grpc.client.messages import (
    Decision,
    DecisionFilter,
    ExplainDecisionRequest,
    ExplainDecisionResponse,
    GetDecisionRequest,
    GetDecisionResponse,
    ListDecisionsRequest,
    ListObservationsRequest,
    Observation,
)

_PAGE = 1000

AnyMessage = TypeVar("AnyMessage", bound=Message)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Describes the command's options."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listed = _add(actions, "list", "list decisions, newest first")
    observations = _add(actions, "observations", "list what was observed, by decision, newest first")
    for action in (listed, observations):
        _add_filters(action)
    observed = listed.add_mutually_exclusive_group()
    for state, text in (("observed", "only those with an outcome"), ("unobserved", "only those without an outcome")):
        observed.add_argument(f"--{state}", dest="observed", action="store_const", const=state, help=text)
    listed.add_argument("--full", action="store_true", help="with the values of the features (in JSON)")
    shown = _add(actions, "show", "show a decision and what was observed of it")
    explained = _add(actions, "explain", "say why a decision came out as it did")
    for action in (shown, explained):
        action.add_argument("decision", metavar="ID", help="the decision's id")
    for action in (listed, observations, explained):
        action.add_argument("--tenant", default="", help="another tenant; for operators only")


def run(options: argparse.Namespace) -> Answer:
    """Does what the action says."""
    actions: Mapping[str, Callable[[argparse.Namespace], Answer]] = {
        "list": _list,
        "observations": _observations,
        "show": _show,
        "explain": _explain,
    }
    return actions[options.action](options)


def _add(actions: Any, name: str, summary: str) -> argparse.ArgumentParser:
    action: argparse.ArgumentParser = actions.add_parser(
        name, help=summary, description=f"{summary.capitalize()}.", allow_abbrev=False
    )
    add_connection_options(action)
    add_json_option(action)
    return action


def _add_filters(action: argparse.ArgumentParser) -> None:
    action.add_argument("--model", default="", help="only those that went to this model")
    action.add_argument("--policy", default="", help="only those of this routing policy")
    action.add_argument("--task-type", default="", metavar="WORD", help="only those of this kind of task")
    action.add_argument("--session", default="", metavar="ID", help="only those of this conversation")
    action.add_argument(
        "--label", action="append", default=[], type=read_pair, metavar="KEY=VALUE", help="only those with this label"
    )
    for name, text in (("since", "made then or later"), ("before", "made earlier")):
        action.add_argument(f"--{name}", type=read_moment, metavar="TIME", help=f"{text}, as 2026-01-31T12:00:00Z")
    action.add_argument("--oldest-first", action="store_true", help="begin with what was kept first")
    action.add_argument("--limit", type=read_count, default=20, metavar="N", help="how many at most (20)")


def _list(options: argparse.Namespace) -> Answer:
    async def read(atp: AtpClient) -> AsyncIterator[list[Decision]]:
        async for page in pages(
            lambda token: atp.list_decisions(
                ListDecisionsRequest(
                    page_token=token,
                    observed=f"OBSERVED_STATE_{(options.observed or 'unspecified').upper()}",
                    view="DECISION_VIEW_FULL" if options.full else "DECISION_VIEW_BASIC",
                    **_asked(options),
                )
            )
        ):
            yield list(page.decisions)

    decisions = ask(options, lambda atp: _first(read(atp), options.limit))
    return Answer(
        document={"decisions": [wording.document_of(one) for one in decisions]}, parts=[sheets.decisions(decisions)]
    )


def _observations(options: argparse.Namespace) -> Answer:
    async def read(atp: AtpClient) -> AsyncIterator[list[Observation]]:
        async for page in pages(
            lambda token: atp.list_observations(ListObservationsRequest(page_token=token, **_asked(options)))
        ):
            yield list(page.observations)

    observations = ask(options, lambda atp: _first(read(atp), options.limit))
    return Answer(
        document={"observations": [wording.document_of(one) for one in observations]},
        parts=[sheets.observations(observations)],
    )


def _show(options: argparse.Namespace) -> Answer:
    request = GetDecisionRequest(decision_id=options.decision)
    response: GetDecisionResponse = ask(options, lambda atp: atp.get_decision(request))
    decision = response.decision
    parts: list[Part] = [sheets.record(decision), sheets.weighed(decision)]
    if decision.refused:
        parts.append(sheets.refused(decision.refused))
    if decision.HasField("outcome"):
        parts.extend(sheets.observed(decision.outcome))
    return Answer(document=wording.document_of(decision), parts=parts)


def _explain(options: argparse.Namespace) -> Answer:
    request = ExplainDecisionRequest(decision_id=options.decision, tenant=options.tenant)
    told: ExplainDecisionResponse = ask(options, lambda atp: atp.explain_decision(request))
    parts: list[Part] = [Line(told.summary)]
    if told.is_complete:
        parts.append(sheets.utilities(told))
    if any(one.HasField("would_be_best") for one in told.candidates):
        parts.append(sheets.changes(told))
    if told.refused:
        parts.append(sheets.refused(told.refused))
    return Answer(document=wording.document_of(told), parts=parts)


def _asked(options: argparse.Namespace) -> dict[str, Any]:
    """What both lists are asked."""
    return {
        "page_size": min(options.limit, _PAGE),
        "filter": DecisionFilter(
            model=options.model,
            policy=options.policy,
            task_type=options.task_type,
            session_id=options.session,
            labels=dict(options.label),
            decided_since=options.since,
            decided_before=options.before,
        ),
        "order": "DECISION_ORDER_OLDEST_FIRST" if options.oldest_first else "DECISION_ORDER_NEWEST_FIRST",
        "tenant": options.tenant,
    }


async def _first(entries: AsyncIterator[list[AnyMessage]], limit: int) -> list[AnyMessage]:
    """The first entries of a list that comes in pages; no more pages are asked for than that takes."""
    found: list[AnyMessage] = []
    async for page in entries:
        found += page
        if len(found) >= limit:
            break
    return found[:limit]
