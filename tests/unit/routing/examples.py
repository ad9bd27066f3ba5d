"""A small catalogue and requests to build tests from."""

from __future__ import annotations

from collections.abc import Sequence

from atp_grpc.catalog.loader import Catalogue
from atp_grpc.catalog.snapshot import Snapshot, build_snapshot
from atp_grpc.domain.model import DatedPrices, Deployment, Model, Provider, ServingStatus
from atp_grpc.domain.money import TokenPrices

NOW = 1_700_000_000_000_000_000


def model(name: str, **changes: object) -> Model:
    return Model(**{"name": name, "context_tokens": 8000, "max_output_tokens": 2000, **changes})  # type: ignore[arg-type]


def deployment(model_name: str, name: str = "", **changes: object) -> Deployment:
    prices = changes.pop("prices", TokenPrices(input=1_000_000_000, output=2_000_000_000))
    since = changes.pop("since", 0)
    assert isinstance(prices, TokenPrices)
    assert isinstance(since, int)
    return Deployment(
        name=name or f"{model_name}@one",
        model=model_name,
        provider="one",
        price_history=(DatedPrices(since, prices),),
        **changes,  # type: ignore[arg-type]
    )


def snapshot(
    models: Sequence[Model], deployments: Sequence[Deployment], *, revision: int = 3, generation: int = 1
) -> Snapshot:
    catalogue = Catalogue(
        providers=(Provider("one"),), models=tuple(models), deployments=tuple(deployments), digest="0" * 64
    )
    return build_snapshot(catalogue, revision=revision, generation=generation, now_nanos=NOW)


ACTIVE, DRAINING, SHADOW, DEPRECATED = (
    ServingStatus.ACTIVE,
    ServingStatus.DRAINING,
    ServingStatus.SHADOW,
    ServingStatus.DEPRECATED,
)
