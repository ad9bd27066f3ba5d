"""`atp models`: the catalogue in force, one row for each way to reach a model."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Sequence
from typing import Any

from atp_grpc.cli import wording
from atp_grpc.cli.answer import Answer, Line, Sheet
from atp_grpc.cli.connection import add_connection_options, ask
from atp_grpc.cli.printing import add_json_option
from atp_grpc.cli.quantities import usd
from atp_grpc.client import AtpClient
from atp_grpc.client.messages import (
    Deployment,
    ListDeploymentsRequest,
    ListModelsRequest,
    Model,
    Price,
    ServingStatus,
)

_COLUMNS = (
    "model",
    "status",
    "context",
    "prior quality",
    "capabilities",
    "deployment",
    "regions",
    "input US$/M",
    "output US$/M",
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Describes the command's options."""
    add_connection_options(parser)
    add_json_option(parser)


def run(options: argparse.Namespace) -> Answer:
    """Reads the whole catalogue, page by page."""
    models, deployments, revision = ask(options, _read)
    now_nanos = time.time_ns()
    rows = [row for model in models for row in _rows(model, deployments, now_nanos)]
    return Answer(
        document={
            "revision": revision,
            "models": [wording.document_of(model) for model in models],
            "deployments": [wording.document_of(deployment) for deployment in deployments],
        },
        parts=[Sheet("Models", _COLUMNS, rows), Line(f"catalogue revision {revision}")],
    )


async def _read(atp: AtpClient) -> tuple[list[Model], list[Deployment], int]:
    models: list[Model] = []
    deployments: list[Deployment] = []
    revision, token = 0, None
    while token != "":  # noqa: PLC1901 - None is "not asked yet".
        models_page = await atp.list_models(ListModelsRequest(page_size=1000, page_token=token or ""))
        models.extend(models_page.models)
        revision, token = models_page.revision, models_page.next_page_token
    token = None
    while token != "":  # noqa: PLC1901 - None is "not asked yet".
        page = await atp.list_deployments(ListDeploymentsRequest(page_size=1000, page_token=token or ""))
        deployments.extend(page.deployments)
        token = page.next_page_token
    return models, deployments, revision
