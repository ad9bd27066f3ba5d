"""Deployments on the wire: how they are called is told, what opens them never."""

from __future__ import annotations

import pytest

from atp_grpc.domain.endpoint import Dialect, Endpoint
from atp_grpc.services.convert import catalog as convert
from tests.unit.routing.examples import deployment


@pytest.mark.parametrize(
    ("dialect", "base_url", "host"),
    [
        (Dialect.OPENAI, "https://api.example.com/v1", "api.example.com"),
        (Dialect.ANTHROPIC, "http://[::1]:8080", "[::1]:8080"),
        (Dialect.REMOTE, "adapter.example.com:7400", "adapter.example.com:7400"),
        (Dialect.REMOTE, "https://adapter.example.com:7400", "adapter.example.com:7400"),
        (Dialect.DRY_RUN, "", ""),
    ],
)
def test_an_endpoint_tells_its_language_and_host(dialect: Dialect, base_url: str, host: str) -> None:
    told = convert.deployment(deployment("m", endpoint=Endpoint(dialect, base_url, "upstream"))).endpoint

    assert (told.dialect, told.host, told.upstream_model) == (dialect.value, host, "upstream")
    assert not told.HasField("max_in_flight")


def test_keys_headers_and_parameters_never_reach_the_wire() -> None:
    endpoint = Endpoint(
        Dialect.OPENAI,
        "https://user:secret-1@api.example.com/v1",
        keys=("env:secret-2",),
        headers={"X-Team": "secret-3"},
        query={"version": "secret-4"},
    )

    assert b"secret" not in convert.deployment(deployment("m", endpoint=endpoint)).SerializeToString()


def test_a_deployment_that_cannot_be_called_has_no_endpoint_on_the_wire() -> None:
    assert not convert.deployment(deployment("m")).HasField("endpoint")
