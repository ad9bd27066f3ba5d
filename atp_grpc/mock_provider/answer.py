"""What is asked and what is answered, whatever the dialect: the stand-in's whole wit.

Dialects enter here with a `Question` and write down the `Answer`. The same model, conversation and seed give the same
answer for ever. Nothing here knows JSON of a dialect, faults of the wire, or time.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import random
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from atp_grpc.mock_provider.script import Fault, Script
from atp_grpc.mock_provider.tokens import split_tokens

_WORDS = (  # noqa: SIM905 - words read better than a list of them
    "amber anchor apple autumn basil beacon birch bridge candle canyon cedar cinder clover cobalt copper coral "
    "cotton crystal dawn delta ember fable falcon fern flint garden ginger glacier granite harbor hazel heron "
    "indigo island ivory jasmine juniper kettle lagoon lantern lemon linen maple marble meadow mirror moss "
    "nectar north nutmeg oak ocean olive orchard otter pebble pepper pine prairie quartz raven river saffron"
).split()
THOUGHT = "hm"
"""What every token of thinking says, where a dialect shows it."""


class OfferedTool(NamedTuple):
    """A tool that may be called; `schema` is its JSON schema."""

    name: str
    schema: Mapping[str, Any]


class Question(NamedTuple):
    """What is asked, as far as it changes the answer.

    Attributes:
        model: who is asked.
        texts: every text of the conversation, in order.
        begun: the text of a last turn of the assistant's own, which the answer goes on with; empty for none.
        last: the text of the last turn.
        input_tokens: what all of it counts.
        cap: most output tokens, thinking among them, None for no cap.
        tools: what may be called.
        must_call: whether one has to be.
        called: the one that has to be, empty for any.
        schema: JSON schema of the answer, empty for any object, None for plain text.
        stop: texts before which the answer ends.
        seed: the caller's seed.
        is_streamed: whether the answer is wanted as a stream.
        wants_usage: whether a stream is to tell its usage.
        wants_certainty: whether token probabilities are wanted.
    """

    model: str
    texts: tuple[str, ...]
    begun: str
    last: str
    input_tokens: int
    cap: int | None
    tools: tuple[OfferedTool, ...] = ()
    must_call: bool = False
    called: str = ""
    schema: Mapping[str, Any] | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    is_streamed: bool = False
    wants_usage: bool = True
    wants_certainty: bool = False


class Refused(Exception):
    """The request is not as its dialect is published; `parameter` is the part that is wrong."""

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(message)
        self.parameter = parameter
        self.message = message


class CalledTool(NamedTuple):
    """One call of a tool, its arguments as JSON, in tokens."""

    call_id: str
    name: str
    arguments: tuple[str, ...]


class Tokens(NamedTuple):
    """What is told about usage. Cached and written are among `input`, reasoning is among `output`."""

    input: int
    cached: int
    written: int
    output: int
    reasoning: int


class Answer(NamedTuple):
    """What is answered.

    Attributes:
        name: the same for the same question.
        revision: the model that says it answers.
        thoughts: tokens of thinking.
        pieces: the tokens of the text.
        tool_calls: the calls made instead of a text.
        ending: `stop`, `length`, `tool_calls` or `filtered`.
        stopped_by: the stop text that ended it, empty for none.
        tokens: the usage to tell, None to tell none.
        wants_usage: whether a stream was to tell it.
        log_probability: of each token, None where it was not wanted.
    """

    name: str
    revision: str
    thoughts: int
    pieces: Iterable[str]
    tool_calls: tuple[CalledTool, ...]
    ending: str
    stopped_by: str
    tokens: Tokens | None
    wants_usage: bool
    log_probability: float | None


def answer(question: Question, script: Script) -> Answer:
    """The answer to a question, as the script wants it."""
    name = hashlib.blake2b(
        json.dumps([question.model, question.seed, *question.texts]).encode(), digest_size=12
    ).hexdigest()
    chance = random.Random(name)  # noqa: S311 - make-believe words, not a secret
    room = question.cap if question.cap is not None else 1 << 62
    thoughts = min(script.reasoning_tokens, room)
    room -= thoughts
    pieces: tuple[str, ...] = ()
    calls: tuple[CalledTool, ...] = ()
    ending, stopped_by = "stop", ""
    tool = _called_tool(question)
    if script.fault is Fault.EMPTY:
        thoughts = 0
    elif tool is not None and script.text is None:
        calls = tuple(_call(tool, name, index, chance) for index in range(script.tool_calls))
        ending = "tool_calls"
    else:
        whole, stopped_by = _until_stop(_rest(_text(question, script, chance), question.begun), question.stop)
        pieces = tuple(whole[:room])
        if len(whole) > room:
            ending, stopped_by = "length", ""
    if script.fault is Fault.FILTERED:
        pieces, ending, stopped_by = pieces[: script.after_tokens], "filtered", ""
    output = thoughts + len(pieces) + sum(len(call.arguments) for call in calls)
    endless = script.fault is Fault.ENDLESS
    return Answer(
        name=name,
        revision=script.revision or question.model,
        thoughts=thoughts,
        pieces=itertools.cycle(pieces or (" on",)) if endless else pieces,
        tool_calls=() if endless else calls,
        ending=ending,
        stopped_by=stopped_by,
        tokens=_told(question, script, output, thoughts),
        wants_usage=question.wants_usage,
        log_probability=script.log_probability if question.wants_certainty else None,
    )


def _told(question: Question, script: Script, output: int, thoughts: int) -> Tokens | None:
    if script.fault is Fault.NO_USAGE:
        return None
    many = 10 if script.fault is Fault.WRONG_USAGE else 1
    cached = min(script.cached_tokens, question.input_tokens)
    written = min(script.cache_written_tokens, question.input_tokens - cached)
    return Tokens(*(many * count for count in (question.input_tokens, cached, written, output, thoughts)))


def _called_tool(question: Question) -> OfferedTool | None:
    """The tool to call: the one that must be, or the first one that the last turn names."""
    for tool in question.tools:
        if tool.name == question.called or (not question.called and (question.must_call or tool.name in question.last)):
            return tool
    return None


def _call(tool: OfferedTool, name: str, index: int, chance: random.Random) -> CalledTool:
    arguments = json.dumps(_example(tool.schema, chance) if tool.schema else {}, separators=(",", ":"))
    return CalledTool(f"{name[:16]}{index}", tool.name, tuple(split_tokens(arguments)))


def _text(question: Question, script: Script, chance: random.Random) -> str:
    if script.text is not None:
        return script.text
    if question.schema is not None:
        return json.dumps(_example(question.schema, chance) if question.schema else {"answer": chance.choice(_WORDS)})
    return " ".join(chance.choice(_WORDS) for _ in range(script.tokens))


def _rest(text: str, begun: str) -> str:
    """What is left of a text of which the beginning stands already; all of it if that is the beginning of another."""
    return text.removeprefix(begun) if begun else text


def _until_stop(text: str, stops: tuple[str, ...]) -> tuple[list[str], str]:
    """The tokens of a text up to the first of the stop texts, and which one it was."""
    ends = [(text.find(stop), stop) for stop in stops if stop in text]
    if not ends:
        return split_tokens(text), ""
    end, stop = min(ends)
    return split_tokens(text[:end]), stop


def _example(schema: Mapping[str, Any], chance: random.Random) -> Any:
    """A value that fits a schema, as far as the keywords `enum`, `const`, `type`, `properties` and `items` say."""
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return chance.choice(list(schema["enum"]))
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if isinstance(kind, list):
        kind = kind[0]
    if kind == "object":
        return {name: _example(inner, chance) for name, inner in schema.get("properties", {}).items()}
    if kind == "array":
        return [_example(schema.get("items", {}), chance)]
    simple = {"integer": chance.randrange(100), "number": chance.randrange(100) / 4, "boolean": True, "null": None}
    return simple[kind] if kind in simple else chance.choice(_WORDS)
