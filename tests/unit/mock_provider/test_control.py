"""A stand-in that runs is steered by the same words over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from atp_grpc.mock_provider import MockProvider, Script
from tests.unit.mock_provider.asking import ANTHROPIC, DIALECTS, OPENAI, ask, is_complete, text_of


@pytest.fixture
async def control(mock: MockProvider) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(mock.address) as session:
        yield session


async def test_a_script_is_put_and_taken_away(mock: MockProvider, control: aiohttp.ClientSession) -> None:
    script = {"model": "m", "fault": "overloaded"}
    async with control.put("/control/scripts", json=script) as put:
        assert put.status == 204
    assert (await ask(mock, OPENAI)).status == 503

    async with control.delete("/control/scripts") as taken:
        assert taken.status == 204
    assert (await ask(mock, OPENAI)).status == 200


@pytest.mark.parametrize("wrong", [{"fault": "cut"}, {"model": "m", "fault": "tired"}, ["m"], "no JSON"])
async def test_a_script_that_is_wrong_is_refused(control: aiohttp.ClientSession, wrong: Any) -> None:
    body: dict[str, Any] = {"data": wrong} if isinstance(wrong, str) else {"json": wrong}
    async with control.put("/control/scripts", **body) as put:
        assert put.status == 400
        assert (await put.json())["error"]


async def test_calls_are_read_and_forgotten_and_show_no_whole_key(
    mock: MockProvider, control: aiohttp.ClientSession
) -> None:
    await ask(mock, OPENAI, key="sk-very-secret")

    async with control.get("/control/calls") as read:
        text = await read.text()
        page = await read.json()
    assert (page["begun"], page["open"], page["ended"]) == (1, 0, {"answered": 1})
    assert page["calls"][0]["key"] == "cret"
    assert "very" not in text

    async with control.delete("/control/calls") as forgotten:
        assert forgotten.status == 204
    assert not mock.calls


async def test_what_is_not_there_is_404(mock: MockProvider, control: aiohttp.ClientSession) -> None:
    for path in ("/control/else", "/v1/embeddings"):
        async with control.get(path) as answer:
            assert answer.status == 404


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_models_are_listed_in_the_words_of_who_asks(
    mock: MockProvider, control: aiohttp.ClientSession, dialect: str
) -> None:
    mock.script("m", Script())
    headers = {"anthropic-version": "2023-06-01"} if dialect == ANTHROPIC else {}
    async with control.get("/v1/models", headers=headers) as answer:
        page = await answer.json()

    assert [model["id"] for model in page["data"]] == ["m"]
    assert ("object" in page) == (dialect == OPENAI)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("writes", [1, 4, 99])
async def test_an_instant_answer_is_as_published_whatever_is_asked(
    mock: MockProvider, dialect: str, writes: int
) -> None:
    mock.script("m", Script(instant=True, tokens=12, tokens_per_chunk=3, writes=writes))
    whole = await ask(mock, dialect)
    streamed = await ask(mock, dialect, prompt="something else", stream=True)

    assert is_complete(streamed, dialect)
    assert text_of(whole, dialect) == text_of(streamed, dialect)
    assert len(text_of(whole, dialect).split()) == 12
    assert [call.body for call in mock.calls] == [{}, {}]


async def test_a_new_script_replaces_a_prepared_answer(mock: MockProvider) -> None:
    mock.script("m", Script(instant=True, tokens=1))
    before = await ask(mock, OPENAI)
    mock.script("m", Script(instant=True, tokens=2))
    after = await ask(mock, OPENAI)

    assert [len(text_of(came, OPENAI).split()) for came in (before, after)] == [1, 2]
