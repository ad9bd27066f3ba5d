"""`atp models`: the catalogue in force, its models and the ways to reach them."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable

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

_MODELS = ("model", "status", "context", "output cap", "prior quality", "capabilities")
_DEPLOYMENTS = ("deployment", "model", "provider", "input", "output", "regions", "not serving")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Describes the command's options."""
    add_connection_options(parser)
    add_json_option(parser)


def run(options: argparse.Namespace) -> Answer:
    """Reads the whole catalogue, page by page."""
    models, deployments, revision = ask(options, _read)
    now_nanos = time.time_ns()
    return Answer(
        document={
            "revision": revision,
            "models": [wording.document_of(model) for model in models],
            "deployments": [wording.document_of(deployment) for deployment in deployments],
        },
        parts=[
            Sheet("Models", _MODELS, [_model(model) for model in models]),
            Sheet(
                "Deployments, with the prices in force in US$ per million tokens",
                _DEPLOYMENTS,
                [_deployment(deployment, now_nanos) for deployment in deployments],
            ),
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


def _model(model: Model) -> tuple[str, ...]:
    return (
        model.name,
        _status(model.status),
        f"{model.context_tokens:,}",
        f"{model.max_output_tokens:,}",
        f"{model.prior_quality:.3f}",
        " ".join(model.capabilities),
    )


def _deployment(deployment: Deployment, now_nanos: int) -> tuple[str, ...]:
    price = _price_at(deployment.prices, now_nanos)
    return (
        deployment.name,
        deployment.model,
        deployment.provider,
        usd(price.input_nano_usd_per_million_tokens) if price else "none",
        usd(price.output_nano_usd_per_million_tokens) if price else "none",
        " ".join(deployment.regions),
        "" if deployment.status == ServingStatus.SERVING_STATUS_ACTIVE else _status(deployment.status),
    )


def _price_at(prices: Iterable[Price], now_nanos: int) -> Price | None:
    """The price in force: the last whose time has come."""
    current = None
    for price in prices:
        if price.effective_from.ToNanoseconds() <= now_nanos:
            current = price
    return current


def _status(status: int) -> str:
    return wording.word(ServingStatus, status, "SERVING_STATUS_")
