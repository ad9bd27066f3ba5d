"""How many tokens a text is likely to be, for a model whose provider has not told.

Attempts enter here: for what is running, and for bills of answers that broke off before the provider told its usage.
What it knows it learns from answers whose provider did. Whatever comes from here is marked as an estimate; it never
replaces a figure that was told.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from atp_grpc.domain.conversation import ImagePart, Part, Prompt, ToolCallPart

BYTES_PER_TOKEN: Final = 4.0
"""Before anything is known: English text in the tokenizers of the large providers."""
LEAST_TOKENS: Final = 16
"""Shorter texts teach nothing: what is added around every message would be most of them."""
LEAST_BYTES, MOST_BYTES = 1.0, 32.0
"""What is believed of one token, on average over a text."""
ARGUMENT_WEIGHT: Final = 2
"""A byte of a tool's arguments counts as two of text: JSON is cut into smaller pieces."""
_MEMORY: Final = 0.05


class Sizes(NamedTuple):
    """Bytes of a prompt and of its answer, in UTF-8."""

    prompt: int
    answer: int


class _Ratios:
    """Bytes per token of one model."""

    __slots__ = ("answer", "prompt")

    def __init__(self) -> None:
        self.prompt = self.answer = BYTES_PER_TOKEN


class Meter:
    """Estimates tokens by bytes, for each model by what its own answers taught."""

    __slots__ = ("_models",)

    def __init__(self) -> None:
        self._models: dict[str, _Ratios] = {}

    def prompt_tokens(self, model: str, size: int) -> int:
        """Input tokens of a prompt of so many bytes, rounded up."""
        return _tokens(size, self._of(model).prompt)

    def answer_tokens(self, model: str, size: int) -> int:
        """Output tokens of an answer of so many bytes, rounded up."""
        return _tokens(size, self._of(model).answer)

    def answer_bytes(self, model: str, tokens: int) -> int:
        """Bytes of an answer of so many tokens."""
        return int(tokens * self._of(model).answer)

    def learn(self, model: str, sizes: Sizes, *, input_tokens: int | None, output_tokens: int | None) -> None:
        """Takes in a whole answer whose provider told its usage, of the prompt (cached part and all) or the answer."""
        ratios = self._of(model)
        if input_tokens is not None and input_tokens >= LEAST_TOKENS:
            ratios.prompt = _moved(ratios.prompt, sizes.prompt / input_tokens)
        if output_tokens is not None and output_tokens >= LEAST_TOKENS:
            ratios.answer = _moved(ratios.answer, sizes.answer / output_tokens)

    def _of(self, model: str) -> _Ratios:
        ratios = self._models.get(model)
        if ratios is None:
            ratios = self._models[model] = _Ratios()
        return ratios


def size_of(text: str) -> int:
    """Bytes of a text in UTF-8."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def characters_within(text: str, most_bytes: int) -> int:
    """How many characters of a text, from its beginning, take no more than so many bytes in UTF-8."""
    if text.isascii():
        return min(len(text), most_bytes)
    data = text.encode("utf-8", "surrogatepass")[:most_bytes]
    try:
        return len(data.decode("utf-8", "surrogatepass"))
    except UnicodeDecodeError as cut:
        return len(data[: cut.start].decode("utf-8", "surrogatepass"))


def prompt_size(prompt: Prompt) -> int:
    """Bytes of everything in a prompt that is text. Pictures count nothing: their tokens do not follow from bytes."""
    said = sum([_part_size(part) for turn in prompt.turns for part in turn.parts])
    if prompt.tools:
        said += sum([size_of(text) for tool in prompt.tools for text in tool])
    return said + size_of(prompt.response_format.schema)


def _part_size(part: Part) -> int:
    if isinstance(part, ImagePart):
        return 0
    if isinstance(part, ToolCallPart):
        return ARGUMENT_WEIGHT * (size_of(part.name) + size_of(part.arguments))
    # What is left is plain text and the answers of tools.
    return size_of(part.text)


def _tokens(size: int, ratio: float) -> int:
    return -int(-size // ratio)


def _moved(ratio: float, seen: float) -> float:
    return ratio + _MEMORY * (min(max(seen, LEAST_BYTES), MOST_BYTES) - ratio)
