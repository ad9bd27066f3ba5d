"""The promise of a dialect of the stand-in: how it reads a request and how it writes an answer, as bytes.

`openai` and `anthropic` keep it; `stage` plays what they write. A dialect knows no connection, no time and no chance.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from atp_grpc.mock_provider.answer import Answer, Question
from atp_grpc.mock_provider.script import Fault


class Frame(NamedTuple):
    """One event of a stream; `tokens` is how many output tokens the client has once it read this."""

    payload: bytes
    tokens: int


class Request(NamedTuple):
    """A request as it came: its JSON and its headers."""

    body: Mapping[str, Any]
    headers: Mapping[str, str]


class Rates(NamedTuple):
    """What the headers of an answer tell: its name, what is left, and when (seconds of Unix) all is there again."""

    name: str
    requests_left: int
    tokens_left: int
    reset_seconds: float
    now: float


class Reason(NamedTuple):
    """Why a call is refused; `status` is that of `SERVER_ERROR`, message and parameter may be left to the dialect."""

    fault: Fault
    name: str
    status: int = 500
    message: str = ""
    parameter: str = ""


class Refusal(NamedTuple):
    """An answer that is an error."""

    status: int
    body: bytes


class Dialect(Protocol):
    """One published way to ask a model."""

    name: str

    def question(self, request: Request) -> Question:
        """What a request asks. Raises `Refused` where it is not as published."""
        ...

    def whole(self, answer: Answer) -> bytes:
        """The answer in one piece."""
        ...

    def opening(self, answer: Answer) -> bytes:
        """The events of a stream before the first token."""
        ...

    def events(self, answer: Answer, size: int, edge: int) -> Iterator[Frame]:
        """The events that carry tokens, `size` in each, none of them across the `edge`-th token."""
        ...

    def closing(self, answer: Answer) -> bytes:
        """The events after the last token."""
        ...

    def refusal(self, reason: Reason) -> Refusal:
        """The published error for one of `script.REFUSALS`."""
        ...

    def error_event(self) -> bytes:
        """An error in the middle of a stream."""
        ...

    def huge(self, answer: Answer, size: int) -> bytes:
        """A valid event of one line of at least `size` bytes."""
        ...

    def ping(self) -> bytes:
        """What keeps a silent stream alive."""
        ...

    def headers(self, rates: Rates) -> dict[str, str]:
        """The headers of every answer."""
        ...

    def models(self, names: list[str]) -> bytes:
        """The list of models."""
        ...


def compact(value: object) -> bytes:
    """JSON without blanks."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def grouped(pieces: Iterator[str], size: int, before: int, edge: int) -> Iterator[tuple[str, ...]]:
    """Pieces in groups of `size`, but for a group that ends at the `edge`-th token; `before` came already."""
    count = before
    group: list[str] = []
    for piece in pieces:
        group.append(piece)
        count += 1
        if len(group) >= size or count == edge:
            yield tuple(group)
            group = []
    if group:
        yield tuple(group)
