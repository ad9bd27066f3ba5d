"""`atp models`: the catalogue in force, one row for each way to reach a model."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Sequence

from atp_grpc.cli import wording
from atp_grpc.cli.answer import Answer, Line, Sheet
from atp_grpc.cli.connection import add_connection_options, ask
from atp_grpc.cli.printing import add_json_option
from atp_grpc.cli.quantities import usd
from atp_grpc.client import AtpClient, pages
from atp_grpc.client.messages import (
    Deployment,
    ListDeploymentsRequest,
    ListModelsRequest,
    Model,
    Price,
    ServingStatus,
)

_COLUMNS = ("model", "status", "context", "prior", "deployment", "input", "output", "regions", "capabilities")
"""Prices are US dollars per million tokens; `prior` is the quality believed before anything was observed."""


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
        parts=[
            Sheet("Models, with prices in US$ per million tokens", _COLUMNS, rows),
            Line(f"catalogue revision {revision}"),
        ],
    )


async def _read(atp: AtpClient) -> tuple[list[Model], list[Deployment], int]:
    models: list[Model] = []
    deployments: list[Deployment] = []
    revision = 0
    async for page in pages(lambda token: atp.list_models(ListModelsRequest(page_token=token))):
        models.extend(page.models)
        revision = page.revision
    async for deployed in pages(lambda token: atp.list_deployments(ListDeploymentsRequest(page_token=token))):
        deployments.extend(deployed.deployments)
    return models, deployments, revision


def _rows(model: Model, deployments: Iterable[Deployment], now_nanos: int) -> list[Sequence[str]]:
    facts = (model.name, _status(model.status), f"{model.context_tokens:,}", f"{model.prior_quality:.3f}")
    capabilities = " ".join(model.capabilities)
    ways = [deployment for deployment in deployments if deployment.model == model.name]
    return [(*facts, *_way(deployment, now_nanos), capabilities) for deployment in ways] or [
        (*facts, "none", "", "", "", capabilities)
    ]


def _way(deployment: Deployment, now_nanos: int) -> tuple[str, ...]:
    name = wording.place(deployment.name, deployment.provider)
    if deployment.status != ServingStatus.SERVING_STATUS_ACTIVE:
        name += f", {_status(deployment.status)}"
    price = _price_at(deployment.prices, now_nanos)
    figures = (
        (usd(price.input_nano_usd_per_million_tokens), usd(price.output_nano_usd_per_million_tokens))
        if price
        else ("no price", "no price")
    )
    return (name, *figures, " ".join(deployment.regions))


def _price_at(prices: Iterable[Price], now_nanos: int) -> Price | None:
    """The price in force: the last whose time has come."""
    current = None
    for price in prices:
        if price.effective_from.ToNanoseconds() <= now_nanos:
            current = price
    return current


def _status(status: int) -> str:
    return wording.word(ServingStatus, status, "SERVING_STATUS_")
