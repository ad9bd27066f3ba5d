"""A server without Rust over a real socket: the same contract, read and written by the reference."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from atp_grpc.client import refusal
from atp_grpc.client.messages import GetDecisionRequest, ObserveRequest, RouteBatchRequest, RouteRequest
from atp_grpc.config import EngineSettings, StoreSettings
from tests.rpc.provoking import prompt, refused
from tests.rpc.serving import Serving, serving


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Serving]:
    async with serving(tmp_path, engine=EngineSettings("reference"), store=StoreSettings("memory")) as running:
        yield running


async def test_a_decision_is_made_read_and_observed(server: Serving) -> None:
    request = prompt(task_type="sum", session_id="s", labels={"a": "b"}, request_id="r-1")
    answer = await server.acme.route(request)
    assert await server.acme.route(request) == answer
    assert answer.engine == "reference"
    record = (await server.acme.get_decision(GetDecisionRequest(decision_id=answer.decision_id))).decision
    assert (record.target, record.propensity, record.engine) == (answer.target, answer.propensity, "reference")
    assert (record.task_type, record.session_id, dict(record.labels)) == ("sum", "s", {"a": "b"})
    observed = await server.acme.observe(ObserveRequest(feedback_token=answer.feedback_token, quality=0.5))
    assert observed.decision_id == answer.decision_id
    await refused(
        server.globex.observe(ObserveRequest(feedback_token=answer.feedback_token, quality=0.5)),
        "TOKEN_INVALID",
        "INVALID_ARGUMENT",
    )


async def test_a_batch_answers_each_item_in_its_place(server: Serving) -> None:
    items = [prompt("a"), RouteRequest(), prompt("b", request_id="r-2"), prompt("c", policy="ghost")]
    results = (await server.acme.route_batch(RouteBatchRequest(requests=items))).results
    assert [result.WhichOneof("result") for result in results] == ["response", "error", "response", "error"]
    assert [refusal(results[place].error).reason for place in (1, 3)] == ["INVALID_FIELD", "UNKNOWN_POLICY"]
    assert await server.acme.route(prompt("b", request_id="r-2")) == results[2].response
