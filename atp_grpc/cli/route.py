"""`atp route`: one decision, with the token that an observation of it needs."""

from __future__ import annotations

import argparse

from atp_grpc.cli import wording
from atp_grpc.cli.answer import Answer, Record, Sheet
from atp_grpc.cli.connection import add_connection_options, ask
from atp_grpc.cli.printing import add_json_option
from atp_grpc.cli.request_options import add_request_options, request_of
from atp_grpc.client.messages import ReasonCode, RouteResponse


def add_options(parser: argparse.ArgumentParser) -> None:
    """Describes the command's options."""
    add_request_options(parser)
    add_connection_options(parser)
    add_json_option(parser)


def run(options: argparse.Namespace) -> Answer:
    """Asks for a decision."""
    request = request_of(options)
    response: RouteResponse = ask(options, lambda atp: atp.route(request))
    return Answer(document=wording.document_of(response), parts=_parts(response))


def _parts(response: RouteResponse) -> list[Record | Sheet]:
    quality, cost, latency, failure = wording.expectation(response.expected)
    decision = Record(
        [
            ("model", response.target.model),
            ("deployment", wording.place(response.target.deployment, response.target.provider)),
            ("quality", quality),
            ("cost", cost),
            ("latency", latency),
            ("failure rate", failure),
            ("propensity", f"{response.propensity:.4f}"),
            ("remarks", ", ".join(wording.word(ReasonCode, code, "REASON_CODE_") for code in response.reason_codes)),
            ("policy", f"{response.policy} version {response.policy_version}"),
            ("catalogue", f"revision {response.catalog_revision}"),
            ("engine", response.engine),
            ("decision", response.decision_id),
            ("token", wording.token_text(response.feedback_token)),
            ("token expires", wording.moment(response.feedback_expires_at)),
        ]
    )
    if not response.fallbacks:
        return [decision]
    rows = [
        (fallback.target.model, wording.served_at(fallback.target), *wording.expectation(fallback.expected))
        for fallback in response.fallbacks
    ]
    return [decision, Sheet("When it fails, in this order", _FALLBACK_COLUMNS, rows)]


_FALLBACK_COLUMNS = ("fallback", "at", "quality", "cost", "latency", "fails")
