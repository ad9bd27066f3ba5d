"""Catalogues and requests of every kind, for properties of routing."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from atp_grpc.catalog.snapshot import Snapshot
from atp_grpc.domain.model import Deployment, Model
from atp_grpc.domain.money import TokenPrices
from atp_grpc.domain.request import Constraints, NamedObjective, RouteRequest, Weights
from tests.unit.routing.examples import ACTIVE, DEPRECATED, DRAINING, SHADOW, deployment, model, snapshot

WORDS = st.frozensets(st.sampled_from(["tools", "vision"]))
MODELS = st.lists(
    st.builds(
        lambda name, status, capabilities, context, quality, latency: model(
            name,
            status=status,
            capabilities=capabilities,
            context_tokens=context,
            prior_quality=quality,
            prior_latency_seconds=latency,
        ),
        st.sampled_from("abcdefgh"),
        st.sampled_from([ACTIVE, ACTIVE, ACTIVE, DRAINING, SHADOW, DEPRECATED]),
        WORDS,
        st.integers(1, 3000),
        st.floats(0, 1),
        st.floats(0.01, 20),
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda entry: entry.name,
)
_PRICE = st.integers(0, 10**11)
PRICES = st.builds(TokenPrices, _PRICE, _PRICE, *[st.none() | _PRICE] * 3)
CONSTRAINTS = st.builds(
    Constraints,
    max_cost_nano_usd=st.none() | st.integers(0, 10**8),
    quality_floor=st.none() | st.floats(0, 1),
    latency_slo_seconds=st.none() | st.floats(0.01, 20),
    required_capabilities=WORDS,
    denied_models=st.frozensets(st.sampled_from("abcdefgh"), max_size=3),
    region=st.sampled_from(["", "", "eu"]),
)
REQUESTS = st.builds(
    RouteRequest,
    text=st.text(max_size=40),
    input_tokens=st.none() | st.integers(0, 2000),
    max_output_tokens=st.none() | st.integers(1, 1000),
    constraints=CONSTRAINTS,
    objective=st.none()
    | st.sampled_from(NamedObjective)
    | st.builds(Weights, cost=st.floats(0, 100), latency=st.floats(0, 100)),
)


@st.composite
def views(draw: st.DrawFn) -> Snapshot:
    models: Sequence[Model] = draw(MODELS)
    deployments: list[Deployment] = []
    for each in models:
        for number in range(draw(st.integers(0, 2))):
            regions = draw(st.frozensets(st.sampled_from(["eu", "us"]), min_size=1))
            deployments.append(deployment(each.name, f"{each.name}@{number}", regions=regions, prices=draw(PRICES)))
    return snapshot(models, deployments)
