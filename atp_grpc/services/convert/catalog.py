"""The catalogue to the wire."""

from __future__ import annotations

from typing import cast
from urllib.parse import urlsplit

from atp_grpc.domain.endpoint import Endpoint
from atp_grpc.domain.model import DatedPrices, Deployment, Model, Provider, ServingStatus
from atp_grpc.pb.atp.admin.v1 import catalog_service_pb2 as catalog_pb
from atp_grpc.services.convert.decisions import moment

SERVING_STATUSES = {
    status: cast("catalog_pb.ServingStatus", catalog_pb.ServingStatus.Value(f"SERVING_STATUS_{status.name}"))
    for status in ServingStatus
}


def provider(entry: Provider) -> catalog_pb.Provider:
    """A provider."""
    return catalog_pb.Provider(name=entry.name, display_name=entry.display_name, origin=catalog_pb.ORIGIN_FILE)


def model(entry: Model) -> catalog_pb.Model:
    """A model."""
    return catalog_pb.Model(
        name=entry.name,
        display_name=entry.display_name,
        capabilities=sorted(entry.capabilities),
        context_tokens=entry.context_tokens,
        max_output_tokens=entry.max_output_tokens,
        status=SERVING_STATUSES[entry.status],
        prior_quality=entry.prior_quality,
        origin=catalog_pb.ORIGIN_FILE,
    )


def deployment(entry: Deployment) -> catalog_pb.Deployment:
    """A deployment with its prices, oldest first."""
    return catalog_pb.Deployment(
        name=entry.name,
        model=entry.model,
        provider=entry.provider,
        regions=sorted(entry.regions),
        data_scopes=sorted(entry.data_scopes),
        status=SERVING_STATUSES[entry.status],
        prices=[_price(dated) for dated in entry.price_history],
        origin=catalog_pb.ORIGIN_FILE,
        endpoint=None if entry.endpoint is None else _endpoint(entry.endpoint),
    )


def _endpoint(entry: Endpoint) -> catalog_pb.EndpointInfo:
    """How a deployment is called; never its keys, nor what else is sent along."""
    address = entry.base_url
    return catalog_pb.EndpointInfo(
        dialect=entry.dialect.value,
        host=urlsplit(address if "//" in address else f"//{address}").netloc.rpartition("@")[2],
        upstream_model=entry.model,
        max_in_flight=entry.max_in_flight,
        can_resume=entry.can_resume,
        price_is_ceiling=entry.price_is_ceiling,
    )


def _price(dated: DatedPrices) -> catalog_pb.Price:
    prices = dated.prices
    return catalog_pb.Price(
        effective_from=moment(dated.effective_nanos) if dated.effective_nanos else None,
        input_nano_usd_per_million_tokens=prices.input,
        cached_input_nano_usd_per_million_tokens=prices.cached_input,
        output_nano_usd_per_million_tokens=prices.output,
        reasoning_nano_usd_per_million_tokens=prices.reasoning,
        cache_write_input_nano_usd_per_million_tokens=prices.cache_write_input,
    )
