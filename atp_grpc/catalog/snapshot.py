"""One immutable view of the catalogue at one moment: what exists, what is offered, and at which price.

A decision takes one snapshot and never sees another; routing, the engine and the wire all read it. It never changes
and never reads a file or a clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from atp_grpc.catalog.loader import Catalogue
from atp_grpc.domain.decision import Target
from atp_grpc.domain.model import Deployment, Model, Provider
from atp_grpc.domain.money import TokenPrices
from atp_grpc.engine.contract import Arm, Offer

_Named = TypeVar("_Named", Provider, Model, Deployment)


class Offering(NamedTuple):
    """A deployment that can be bought now. `offer` is its index among the snapshot's offers."""

    offer: int
    deployment: Deployment
    prices: TokenPrices
    target: Target


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The catalogue in force. Mappings are sorted by name.

    `revision` counts contents of the file, `generation` snapshots; both only grow. `valid_until_nanos` is the next
    price change, None when there is none. `arms` are the models by name, `offers` the deployments with a price in
    force, by model and then by name; `offerings` are the same by model.
    """

    revision: int
    generation: int
    digest: str
    loaded_nanos: int
    valid_until_nanos: int | None
    providers: Mapping[str, Provider]
    models: Mapping[str, Model]
    deployments: Mapping[str, Deployment]
    arms: tuple[Arm, ...]
    offers: tuple[Offer, ...]
    offerings: Mapping[str, tuple[Offering, ...]]


def build_snapshot(
    catalogue: Catalogue, *, revision: int, generation: int, now_nanos: int, loaded_nanos: int | None = None
) -> Snapshot:
    """The view of a catalogue at a moment.

    Args:
        catalogue: what the file says.
        revision: number of this content.
        generation: number of this view.
        now_nanos: Unix time whose prices are in force.
        loaded_nanos: when the file was read, if that was not now.
    """
    models = _by_name(catalogue.models)
    deployments = _by_name(catalogue.deployments)
    arms = tuple(_arm(model) for model in models.values())
    offerings: dict[str, list[Offering]] = {name: [] for name in models}
    offers: list[Offer] = []
    positions = {name: position for position, name in enumerate(models)}
    for deployment in sorted(deployments.values(), key=lambda entry: (entry.model, entry.name)):
        prices = deployment.prices_at(now_nanos)
        if prices is not None:
            target = Target(deployment.model, deployment.name, deployment.provider)
            offerings[deployment.model].append(Offering(len(offers), deployment, prices, target))
            offers.append(Offer(positions[deployment.model], prices.input, prices.output))
    return Snapshot(
        revision=revision,
        generation=generation,
        digest=catalogue.digest,
        loaded_nanos=now_nanos if loaded_nanos is None else loaded_nanos,
        valid_until_nanos=_next_price_change(catalogue.deployments, now_nanos),
        providers=_by_name(catalogue.providers),
        models=models,
        deployments=deployments,
        arms=arms,
        offers=tuple(offers),
        offerings=MappingProxyType({name: tuple(entries) for name, entries in offerings.items()}),
    )


def _by_name(entries: Iterable[_Named]) -> Mapping[str, _Named]:
    return MappingProxyType({entry.name: entry for entry in sorted(entries, key=lambda entry: entry.name)})


def _arm(model: Model) -> Arm:
    return Arm(
        name=model.name,
        prior_quality=model.prior_quality,
        prior_output_tokens=model.prior_output_tokens,
        prior_latency_seconds=model.prior_latency_seconds,
    )


def _next_price_change(deployments: Iterable[Deployment], now_nanos: int) -> int | None:
    changes = (dated.effective_nanos for deployment in deployments for dated in deployment.price_history)
    return min((change for change in changes if change > now_nanos), default=None)
