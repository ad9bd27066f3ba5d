"""The provider that asks nobody: an answer made here from the prompt alone, for the embedded default and the demo.

`app` enters here. The same generation always gives the same events; there is no clock, no chance and no state. It
never opens a socket, costs nothing, and never pretends to know anything: each answer says that no model was asked.

A token is four characters of a text, or what is left of it at its end; every part of a turn and every tool is a text
of its own. How long an answer is follows from a digest of the prompt, log-uniform between 1 and 64 sentences, so that
costs differ as they do with models. Tools are only called when the prompt demands it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import AsyncGenerator, Iterable, Iterator

from atp_grpc.domain.ask import FinishReason
from atp_grpc.domain.conversation import (
    ImagePart,
    Part,
    Prompt,
    ResponseKind,
    TextPart,
    Tool,
    ToolCallPart,
    ToolMode,
    ToolResultPart,
)
from atp_grpc.domain.endpoint import Endpoint
from atp_grpc.domain.outcome import Usage
from atp_grpc.providers.contract import (
    Event,
    FaultKind,
    Finished,
    Generation,
    ProviderFault,
    TextDelta,
    ToolCallDelta,
    Used,
)
from atp_grpc.providers.json_example import NoExample, example_of

CHARACTERS_PER_TOKEN = 4
MOST_SENTENCES = 64
REVISION = "dry-run-1"
"""What `Finished` calls the model; another number whenever answers to the same prompt change."""

_PIECE = re.compile(r"\S+\s*|\s+")


class DryRunProvider:
    """Answers every prompt from the prompt itself."""

    async def generate(self, generation: Generation) -> AsyncGenerator[Event, None]:
        """Gives the answer word by word, or at once when it is not to be streamed.

        Raises:
            ProviderFault: `INVALID_REQUEST` when the prompt demands a tool it does not hold, or an answer of a schema
                that has no example.
        """
        prompt = generation.prompt
        digest = digest_of(prompt, generation.endpoint.model)
        tool = _demanded_tool(prompt)
        full = _example(tool.parameters) if tool is not None else _answer(prompt, digest)
        text = full[: generation.max_output_tokens * CHARACTERS_PER_TOKEN]
        reason = FinishReason.STOP if tool is None else FinishReason.TOOL_CALLS
        if tool is None and (end := _first_stop(text, prompt.sampling.stop)) is not None:
            text = text[:end]
        elif len(text) < len(full):
            reason = FinishReason.LENGTH
        pieces: Iterable[str] = _PIECE.findall(text) if generation.is_streamed else (text,)
        if tool is None:
            for piece in pieces:
                yield TextDelta(piece)
        else:
            yield ToolCallDelta(0, f"call_{digest.hex()[:24]}", tool.name, "")
            for piece in pieces:
                yield ToolCallDelta(0, "", "", piece)
        yield Used(Usage(input_tokens_of(prompt), 0, tokens_of(text), 0))
        yield Finished(reason, REVISION)

    async def probe(self, endpoint: Endpoint, key: str) -> None:
        """Says nothing: nobody is always there."""

    async def close(self) -> None:
        """Has nothing to let go of."""


def tokens_of(text: str) -> int:
    """How many tokens a text is here."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)


def input_tokens_of(prompt: Prompt) -> int:
    """How many tokens a prompt is here: those of all its parts and tools, one at least."""
    counted = sum(tokens_of(text) for turn in prompt.turns for part in turn.parts for text in _texts(part))
    return max(1, counted + sum(tokens_of(text) for tool in prompt.tools for text in tool))


def digest_of(prompt: Prompt, model: str) -> bytes:
    """What an answer follows from: model, seed, and each turn with its speaker and its parts in order."""
    digest = hashlib.blake2b(digest_size=16)
    for text in _digested(prompt, model):
        encoded = text.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(8))
        digest.update(encoded)
    return digest.digest()


def _digested(prompt: Prompt, model: str) -> Iterator[str]:
    yield model
    yield "" if prompt.sampling.seed is None else str(prompt.sampling.seed)
    for turn in prompt.turns:
        yield turn.role
        for part in turn.parts:
            yield type(part).__name__
            yield from _texts(part)


def _texts(part: Part) -> tuple[str, ...]:
    match part:
        case TextPart(text):
            return (text,)
        case ImagePart(uri):
            return (uri,)
        case ToolCallPart(call_id, name, arguments):
            return (call_id, name, arguments)
        case ToolResultPart(call_id, text):
            return (call_id, text)


def _demanded_tool(prompt: Prompt) -> Tool | None:
    """The tool that must be called, None when the answer may be a text."""
    if prompt.tool_choice.mode is not ToolMode.REQUIRED and not prompt.tool_choice.name:
        return None
    for tool in prompt.tools:
        if prompt.tool_choice.name in ("", tool.name):
            return tool
    raise ProviderFault(FaultKind.INVALID_REQUEST)


def _answer(prompt: Prompt, digest: bytes) -> str:
    sentences = _sentences(prompt, digest)
    match prompt.response_format.kind:
        case ResponseKind.TEXT:
            return " ".join(sentences)
        case ResponseKind.JSON:
            return json.dumps({"dry_run": True, "sentences": sentences})
        case ResponseKind.JSON_SCHEMA:
            return _example(prompt.response_format.schema)


def _sentences(prompt: Prompt, digest: bytes) -> list[str]:
    share = int.from_bytes(digest[:4]) / 2**32
    count = int(MOST_SENTENCES**share)
    told = [
        "This is a dry run: no model was asked.",
        f"The prompt has {len(prompt.turns)} turns and {input_tokens_of(prompt)} tokens.",
        f"Its digest is {digest.hex()}.",
    ]
    return [*told[:count], *(f"Sentence {number} of {count} is here for its length." for number in range(4, count + 1))]


def _first_stop(text: str, stops: Iterable[str]) -> int | None:
    """Where the first of the stop sequences begins, None when the text holds none."""
    return min((place for stop in stops if stop and (place := text.find(stop)) >= 0), default=None)


def _example(schema: str) -> str:
    try:
        return json.dumps(example_of(json.loads(schema) if schema else {"type": "object"}))
    except (ValueError, RecursionError, NoExample):
        raise ProviderFault(FaultKind.INVALID_REQUEST) from None
