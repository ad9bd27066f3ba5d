"""Asks the stand-in over a real connection, in either dialect, and says what came."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import aiohttp

from atp_grpc.mock_provider import MockProvider

OPENAI, ANTHROPIC = "openai", "anthropic"
DIALECTS = (OPENAI, ANTHROPIC)
_PATHS = {OPENAI: "/chat/completions", ANTHROPIC: "/messages"}
PROMPT = "Hello, world!"
"""Four tokens."""


class Came(NamedTuple):
    """What an answer was; `error` is the transport's complaint, if it broke off."""

    status: int | None
    headers: dict[str, str]
    text: str
    error: aiohttp.ClientError | None

    @property
    def document(self) -> Any:
        return json.loads(self.text)

    @property
    def events(self) -> list[Any]:
        """The data of each event of a stream, in order; what is no JSON as it stands."""
        found: list[Any] = []
        for block in self.text.split("\n\n"):
            data = "\n".join(line[6:] for line in block.split("\n") if line.startswith("data: "))
            try:
                found.append(json.loads(data))
            except ValueError:
                found.extend([data] if data else [])
        return found


def request_of(dialect: str, model: str, prompt: str, **fields: Any) -> dict[str, Any]:
    needed = {"max_tokens": 1_000} if dialect == ANTHROPIC else {}
    return {"model": model, "messages": [{"role": "user", "content": prompt}], **needed, **fields}


def begin(
    session: aiohttp.ClientSession, mock: MockProvider, dialect: str, model: str = "m", *, key: str = "", **fields: Any
) -> Any:
    """Sends the request; the answer is not read."""
    headers = {"anthropic-version": "2023-06-01"} if dialect == ANTHROPIC else {}
    if key:
        headers |= {"x-api-key": key} if dialect == ANTHROPIC else {"authorization": f"Bearer {key}"}
    body = request_of(dialect, model, fields.pop("prompt", PROMPT), **fields)
    return session.post(mock.base_url + _PATHS[dialect], json=body, headers=headers)


async def ask(mock: MockProvider, dialect: str, model: str = "m", *, key: str = "", **fields: Any) -> Came:
    """Sends the request and reads all that comes."""
    read = bytearray()
    async with aiohttp.ClientSession() as session:
        try:
            async with begin(session, mock, dialect, model, key=key, **fields) as response:
                head = response.status, {name.lower(): value for name, value in response.headers.items()}
                try:
                    async for piece in response.content.iter_any():
                        read += piece
                except aiohttp.ClientError as error:
                    return Came(*head, read.decode(), error)
        except aiohttp.ClientError as error:
            return Came(None, {}, "", error)
    return Came(*head, read.decode(), None)


def text_of(came: Came, dialect: str) -> str:
    """The answer's text, whole or streamed."""
    if came.headers["content-type"] == "application/json":
        document = came.document
        if dialect == OPENAI:
            return document["choices"][0]["message"]["content"] or ""
        return "".join(block["text"] for block in document["content"] if block["type"] == "text")
    events = [event for event in came.events if isinstance(event, dict)]
    if dialect == OPENAI:
        choices = [choice for event in events for choice in event.get("choices", ())]
        return "".join(choice["delta"].get("content") or "" for choice in choices)
    return "".join(event.get("delta", {}).get("text", "") for event in events)


def is_complete(came: Came, dialect: str) -> bool:
    """Whether a stream ended as its dialect ends one."""
    end = "data: [DONE]\n\n" if dialect == OPENAI else 'data: {"type":"message_stop"}\n\n'
    return came.error is None and came.text.endswith(end)
