"""What a model is asked: turns of a conversation, tools it may call, the shape its answer must have.

The story of Ask, the providers and the wire all read these values. Texts of JSON are kept as they came; nothing here
parses, shortens or judges them.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final, NamedTuple


class Role(enum.StrEnum):
    """Who speaks. One to one with `atp.v1.Role`, by test."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


class TextPart(NamedTuple):
    """Plain text."""

    text: str


PICTURE_TOKENS: Final = 1_600
"""What a picture is taken for, whatever its size, where nobody has told: the largest figure of the published rules.

Anthropic scales pictures down to about 1,600 tokens (*Vision*, evaluate image size), but for models that see in high
resolution; the tiles of OpenAI's high detail come to 85 + 8 * 170 = 1,445 (*Images and vision*, calculating costs).
"""


class ImagePart(NamedTuple):
    """A picture by reference: an `https:` address that the provider fetches, or a `data:` address with the bytes."""

    uri: str


class ToolCallPart(NamedTuple):
    """A call of a tool that a model asked for; `arguments` is a JSON object as text."""

    call_id: str
    name: str
    arguments: str


class ToolResultPart(NamedTuple):
    """What a tool answered to the call of that id."""

    call_id: str
    text: str
    is_error: bool = False


Part = TextPart | ImagePart | ToolCallPart | ToolResultPart


class Turn(NamedTuple):
    """One turn: who speaks, and what, in order."""

    role: Role
    parts: tuple[Part, ...]


class Tool(NamedTuple):
    """A function the model may ask to be called; `parameters` is its JSON schema as text, empty for none."""

    name: str
    description: str = ""
    parameters: str = ""


class ToolMode(enum.StrEnum):
    """How far the model is free to call tools. One to one with `atp.v1.ToolMode`, by test."""

    AUTO = "auto"
    NONE = "none"
    REQUIRED = "required"


class ToolChoice(NamedTuple):
    """Which tools may be called; with a `name`, that one must be."""

    mode: ToolMode = ToolMode.AUTO
    name: str = ""


class ResponseKind(enum.StrEnum):
    """The shape of an answer. One to one with `atp.v1.ResponseKind`, by test."""

    TEXT = "text"
    JSON = "json"
    JSON_SCHEMA = "json_schema"


class ResponseFormat(NamedTuple):
    """The shape an answer must have; `name` and `schema` (JSON as text) belong to JSON_SCHEMA."""

    kind: ResponseKind = ResponseKind.TEXT
    name: str = ""
    schema: str = ""


class Sampling(NamedTuple):
    """How tokens are drawn; None leaves it to the model."""

    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None


FREE_CHOICE: Final = ToolChoice()
PLAIN_TEXT: Final = ResponseFormat()
USUAL_SAMPLING: Final = Sampling()


@dataclass(frozen=True, slots=True)
class Prompt:
    """Everything a model is asked. `max_output_tokens` is the caller's cap, None for the model's own."""

    turns: tuple[Turn, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = FREE_CHOICE
    response_format: ResponseFormat = PLAIN_TEXT
    sampling: Sampling = USUAL_SAMPLING
    max_output_tokens: int | None = None

    @property
    def picture_tokens(self) -> int:
        """Input tokens that its pictures are taken for, by nobody's count: `PICTURE_TOKENS` each."""
        return PICTURE_TOKENS * sum([isinstance(part, ImagePart) for turn in self.turns for part in turn.parts])
