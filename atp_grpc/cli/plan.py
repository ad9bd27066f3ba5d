"""`atp plan`: every model as Route would weigh it, or Ask, or why it may not serve."""

from __future__ import annotations

import argparse

from atp_grpc.cli import wording
from atp_grpc.cli.answer import Answer, Record, Sheet
from atp_grpc.cli.connection import add_connection_options, ask
from atp_grpc.cli.printing import add_json_option
from atp_grpc.cli.request_options import add_request_options, request_of
from atp_grpc.client.messages import PlannedCandidate, PlanRequest, PlanResponse, ReasonCode, RefusalCause

_COLUMNS = ("model", "at", "utility", "propensity", "quality", "cost", "latency", "fails", "refused for")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Describes the command's options."""
    add_request_options(parser)
    parser.add_argument(
        "--ask", action="store_true", help="weigh it as for `atp ask`: only what the server itself can call counts"
    )
    add_connection_options(parser)
    add_json_option(parser)


def run(options: argparse.Namespace) -> Answer:
    """Asks for a plan."""
    request = PlanRequest(request=request_of(options), for_ask=options.ask)
    response: PlanResponse = ask(options, lambda atp: atp.plan(request))
    remarks = ", ".join(wording.word(ReasonCode, code, "REASON_CODE_") for code in response.reason_codes)
    return Answer(
        document=wording.document_of(response),
        parts=[
            Sheet("What route would weigh", _COLUMNS, [_row(candidate) for candidate in response.candidates]),
            Record(
                [
                    ("policy", f"{response.policy} version {response.policy_version}"),
                    ("catalogue", f"revision {response.catalog_revision}"),
                    ("learned", f"{response.learner_revision} outcomes"),
                    ("engine", response.engine),
                    ("remarks", remarks),
                ]
            ),
        ],
    )


def _row(candidate: PlannedCandidate) -> tuple[str, ...]:
    where = (candidate.target.model, wording.served_at(candidate.target))
    refusal = wording.word(RefusalCause, candidate.refusal, "REFUSAL_CAUSE_") if candidate.refusal else ""
    if not candidate.HasField("expected"):
        return (*where, "", "", "", "", "", "", refusal)
    weighed = (f"{candidate.utility:.4f}", f"{candidate.propensity:.4f}")
    return (*where, *weighed, *wording.expectation(candidate.expected), refusal)
