"""Every answer fits the published schemas, as the SDKs' own models hold them; the SDKs do not look so closely.

Ping and error are events that the schemas leave out and the pages on streaming describe.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from anthropic.types import ErrorResponse, Message, RawMessageStreamEvent
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from pydantic import TypeAdapter

from atp_grpc.mock_provider import Fault, MockProvider, Script, open_mock_provider

SCRIPTS = {
    "plain": Script(),
    "thinking": Script(reasoning_tokens=2, cached_tokens=1, cache_written_tokens=1),
    "empty": Script(fault=Fault.EMPTY),
    "filtered": Script(fault=Fault.FILTERED, after_tokens=1),
    "tool": Script(tool_calls=2),
    "instant": Script(instant=True, tokens_per_chunk=3),
}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
EVENT: TypeAdapter[RawMessageStreamEvent] = TypeAdapter(RawMessageStreamEvent)


@pytest.fixture
async def mock() -> AsyncIterator[MockProvider]:
    async with open_mock_provider() as mock:
        for model, script in SCRIPTS.items():
            mock.script(model, script)
        yield mock


async def answered(mock: MockProvider, path: str, body: dict[str, Any]) -> str:
    headers = {"anthropic-version": "2023-06-01"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(mock.base_url + path, json=body, headers=headers) as response,
    ):
        return await response.text()


def data_of(stream: str) -> list[str]:
    return [line.removeprefix("data: ") for line in stream.split("\n") if line.startswith("data: ")]


@pytest.mark.parametrize("model", SCRIPTS)
async def test_answers_of_openai_fit_its_schema(mock: MockProvider, model: str) -> None:
    body: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": "Hello"}], "logprobs": True}
    if model == "tool":
        body |= {"tools": [{"type": "function", "function": {"name": "t", "parameters": SCHEMA}}]}
        body |= {"tool_choice": "required"}
    streamed = body | {"stream": True, "stream_options": {"include_usage": True}}

    ChatCompletion.model_validate_json(await answered(mock, "/chat/completions", body), strict=True)
    *chunks, done = data_of(await answered(mock, "/chat/completions", streamed))
    for chunk in chunks:
        ChatCompletionChunk.model_validate_json(chunk, strict=True)
    assert done == "[DONE]"


@pytest.mark.parametrize("model", SCRIPTS)
async def test_answers_of_anthropic_fit_its_schema(mock: MockProvider, model: str) -> None:
    body: dict[str, Any] = {"model": model, "max_tokens": 50, "messages": [{"role": "user", "content": "Hello"}]}
    if model == "tool":
        body |= {"tools": [{"name": "t", "input_schema": SCHEMA}], "tool_choice": {"type": "any"}}

    Message.model_validate_json(await answered(mock, "/messages", body), strict=True)
    events = data_of(await answered(mock, "/messages", body | {"stream": True}))
    for event in events:
        if json.loads(event) != {"type": "ping"}:
            EVENT.validate_json(event, strict=True)
    assert [json.loads(event)["type"] for event in (events[0], events[-2], events[-1])] == [
        "message_start",
        "message_delta",
        "message_stop",
    ]


@pytest.mark.parametrize("fault", [Fault.RATE_LIMITED, Fault.OVERLOADED, Fault.SERVER_ERROR, Fault.QUOTA_SPENT])
async def test_errors_of_anthropic_fit_its_schema(mock: MockProvider, fault: Fault) -> None:
    mock.script("plain", Script(fault=fault))
    body = {"model": "plain", "max_tokens": 50, "messages": [{"role": "user", "content": "Hello"}]}

    ErrorResponse.model_validate_json(await answered(mock, "/messages", body), strict=True)
