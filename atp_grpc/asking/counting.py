"""Tokens as a model's own tokenizer counts them, for bills of answers whose provider did not tell its usage.

Attempts enter here while an answer comes, only to have it kept, and count when they are billed and were told nothing.
What is counted stays an estimate: what a provider adds around a prompt, and what it reasons unseen, nobody here knows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import StringIO
from typing import Final, Protocol

from atp_grpc.domain.conversation import ImagePart, Part, Prompt, ToolCallPart
from atp_grpc.domain.outcome import Usage

MOST_COUNTED: Final = 32 * 1024
"""Characters of a prompt, and of an answer, that are counted; of what is longer the rest follows in proportion."""
_SAMPLES: Final = 16
_SAMPLE: Final = MOST_COUNTED // _SAMPLES
MESSAGE_TOKENS: Final = 4
"""Around every message, its role among them (OpenAI Cookbook, How to count tokens with tiktoken)."""
REPLY_TOKENS: Final = 3
"""Before every answer, as input (the same)."""


class Tokenizer(Protocol):
    """The tokenizer of a model."""

    def count(self, text: str) -> int:
        """Tokens of a text, in time that does not grow much faster than the text. Never raises."""
        ...


class Transcript:
    """What one attempt said and heard, for a tokenizer to count if it comes to that."""

    __slots__ = ("_heard", "_kept", "_prompt", "_tokenizer", "_total")

    def __init__(self, tokenizer: Tokenizer, prompt: Prompt) -> None:
        self._tokenizer = tokenizer
        self._prompt = prompt
        self._heard = StringIO()
        self._kept = self._total = 0

    def hear(self, text: str) -> None:
        """More of the answer came. Its beginning is kept, as much as would be counted."""
        self._total += len(text)
        if self._kept < MOST_COUNTED:
            self._kept += self._heard.write(text[: MOST_COUNTED - self._kept])

    def prompt_tokens(self) -> int:
        """Input tokens; pictures among them by what each is taken for."""
        prompt = self._prompt
        texts = [text for turn in prompt.turns for part in turn.parts for text in _texts_of(part)]
        texts += [text for tool in prompt.tools for text in tool]
        texts.append(prompt.response_format.schema)
        framing = REPLY_TOKENS + MESSAGE_TOKENS * len(prompt.turns)
        return framing + self._count(texts) + prompt.picture_tokens

    def answer_tokens(self) -> int:
        """Output tokens of what came."""
        if not self._kept:
            return 0
        return _in_proportion(self._tokenizer.count(self._heard.getvalue()), self._total, self._kept)

    def _count(self, texts: Sequence[str]) -> int:
        total, count = sum([len(text) for text in texts]), self._tokenizer.count
        if total <= MOST_COUNTED:
            return sum([count(text) for text in texts])
        # From everywhere, because a prompt may begin in another language than it goes on.
        whole = "".join(texts)
        starts = [(total - _SAMPLE) * sample // (_SAMPLES - 1) for sample in range(_SAMPLES)]
        counted = sum([count(whole[start : start + _SAMPLE]) for start in starts])
        return _in_proportion(counted, total, MOST_COUNTED)


def filled_in(
    told: Usage, prompt_tokens: Callable[[], int], answer_tokens: Callable[[], int], *, is_whole: bool
) -> tuple[Usage, bool]:
    """A usage with what was not told of it, and whether anything was not.

    Unless `is_whole`, more of the answer came than was told of. Nothing is counted that was told.
    """
    is_estimated = not is_whole
    input_tokens, output_tokens = told.input_tokens, told.output_tokens
    if input_tokens is None:
        is_estimated = True
        input_tokens = max(0, prompt_tokens() - told.prompt_tokens)
    if output_tokens is None or not is_whole:
        is_estimated = True
        output_tokens = max(output_tokens or 0, answer_tokens())
    reasoning = told.reasoning_tokens or 0
    cached, written = told.cached_input_tokens or 0, told.cache_write_input_tokens or 0
    return Usage(input_tokens, cached, output_tokens, reasoning, written), is_estimated


def _texts_of(part: Part) -> tuple[str, ...]:
    if isinstance(part, ImagePart):
        return ()
    if isinstance(part, ToolCallPart):
        return (part.name, part.arguments)
    # What is left is plain text and the answers of tools.
    return (part.text,)


def _in_proportion(counted: int, total: int, kept: int) -> int:
    """Tokens of `total` characters, `kept` of which have so many; rounded up."""
    return -(-counted * total // kept)
