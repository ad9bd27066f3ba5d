"""Every reason that only an Ask, or what steers it, can meet, provoked over a real socket.

`test_error_reasons_of_operators` looks back at these.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from atp_grpc.client.messages import AskRequest, ResponseFormat, SetFlagRequest
from tests.rpc.operations.serving import breakable, fault, inject
from tests.rpc.provoking import refused
from tests.rpc.serving import Serving, serving

ASK = AskRequest(prompt="What is 2 + 2?", on_cut="ON_CUT_FAIL")


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Serving]:
    async with breakable(tmp_path / "data") as running:
        yield running


async def test_providers_unavailable_when_everybody_fails(server: Serving) -> None:
    await inject(server.acme, "PROVIDER", fault("PROVIDER", "ERROR"))
    error = await refused(server.acme.ask(ASK), "PROVIDERS_UNAVAILABLE", "UNAVAILABLE", retry=True)
    assert (error.metadata["error"], error.metadata["cost_nano_usd"]) == ("UNAVAILABLE", "0")
    assert int(error.metadata["attempts"]) >= 2


async def test_answer_cut_says_how_far_it_came_and_what_it_cost(server: Serving) -> None:
    await inject(server.acme, "PROVIDER", fault("PROVIDER", "CUT"))
    error = await refused(server.acme.ask(ASK), "ANSWER_CUT", "ABORTED")
    assert error.metadata["error"] == "CUT"
    assert int(error.metadata["total_characters"]) > 0
    assert int(error.metadata["cost_nano_usd"]) > 0


async def test_provider_refused_request_when_no_provider_could_answer_it(server: Serving) -> None:
    impossible = ResponseFormat(kind="RESPONSE_KIND_JSON_SCHEMA", name="none", schema_json='{"type": "fish"}')
    request = AskRequest(prompt="What is 2 + 2?", response_format=impossible)
    error = await refused(server.acme.ask(request), "PROVIDER_REFUSED_REQUEST", "INVALID_ARGUMENT")
    assert error.metadata["fault"] == "invalid_request"


async def test_feature_off(server: Serving) -> None:
    await server.acme.operations.set_flag(SetFlagRequest(name="ask", on=False))
    error = await refused(server.acme.ask(ASK), "FEATURE_OFF", "FAILED_PRECONDITION")
    assert error.metadata == {"flag": "ask"}


async def test_chaos_forbidden(tmp_path: Path) -> None:
    async with serving(tmp_path / "data") as server:
        forbidden = inject(server.acme, "EDGE", fault("EDGE", "ERROR"))
        error = await refused(forbidden, "CHAOS_FORBIDDEN", "FAILED_PRECONDITION")
    assert error.metadata == {"setting": "chaos.allowed"}
