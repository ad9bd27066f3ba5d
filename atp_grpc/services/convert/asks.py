"""Requests to be carried out, from the wire: what is asked, and the request that a decision is made from.

`services.ask` enters here. Everything that the rules beside the fields cannot say is judged here, all complaints of a
request at once. Texts stay as they came; a picture is never looked at.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Iterable, Iterator

from atp_grpc.domain.ask import AskRequest, CacheUse, OnCut
from atp_grpc.domain.conversation import (
    ImagePart,
    Prompt,
    ResponseFormat,
    ResponseKind,
    Role,
    Sampling,
    TextPart,
    Tool,
    ToolCallPart,
    ToolChoice,
    ToolMode,
    ToolResultPart,
    Turn,
)
from atp_grpc.domain.errors import FieldViolation, InvalidFieldError
from atp_grpc.domain.request import NO_CONSTRAINTS, Constraints, RouteRequest
from atp_grpc.pb.atp.v1 import ask_service_pb2 as pb
from atp_grpc.pb.atp.v1 import generation_pb2
from atp_grpc.routing.query import BYTES_PER_TOKEN
from atp_grpc.services.convert import requests
from atp_grpc.services.convert.conversations import check_size, text_of, turns

MAX_TEXT_BYTES = 1_048_576
"""Most text of a request, tools and schema included."""
DEFAULT_SCHEMA_NAME = "answer"

ON_CUTS: dict[int, OnCut] = {pb.ON_CUT_UNSPECIFIED: OnCut.UNSAID} | {
    pb.OnCut.Value(f"ON_CUT_{one.name}"): one for one in OnCut if one is not OnCut.UNSAID
}
CACHE_USES: dict[int, CacheUse] = {pb.CACHE_USE_UNSPECIFIED: CacheUse.OFF} | {
    pb.CacheUse.Value(f"CACHE_USE_{one.name}"): one for one in CacheUse
}
TOOL_MODES: dict[int, ToolMode] = {generation_pb2.TOOL_MODE_UNSPECIFIED: ToolMode.AUTO} | {
    generation_pb2.ToolMode.Value(f"TOOL_MODE_{one.name}"): one for one in ToolMode
}
RESPONSE_KINDS: dict[int, ResponseKind] = {generation_pb2.RESPONSE_KIND_UNSPECIFIED: ResponseKind.TEXT} | {
    generation_pb2.ResponseKind.Value(f"RESPONSE_KIND_{one.name}"): one for one in ResponseKind
}
_PART_SPEAKERS = {
    ImagePart: (Role.USER, "a picture belongs to a turn of the user"),
    ToolCallPart: (Role.ASSISTANT, "a tool call belongs to a turn of the assistant"),
    ToolResultPart: (Role.TOOL, "a tool result belongs to a turn of the tool"),
}
_PLAIN_CHOICE, _PLAIN_FORMAT, _PLAIN_SAMPLING = ToolChoice(), ResponseFormat(), Sampling()


def ask_request(message: pb.AskRequest, *, is_streamed: bool) -> AskRequest:
    """The request in the domain's words.

    Raises:
        MessageTooLargeError: more than 1 MiB of text.
        InvalidFieldError: the parts of the request do not fit together; with every field that is wrong.
    """
    text, said = _asked(message)
    check_size(text, MAX_TEXT_BYTES)
    cap = message.max_output_tokens if message.HasField("max_output_tokens") else None
    prompt = Prompt(
        turns=said,
        tools=tuple([Tool(one.name, one.description, one.parameters_json) for one in message.tools]),
        tool_choice=_tool_choice(message.tool_choice) if message.HasField("tool_choice") else _PLAIN_CHOICE,
        response_format=_format(message.response_format) if message.HasField("response_format") else _PLAIN_FORMAT,
        sampling=sampling(message.sampling) if message.HasField("sampling") else _PLAIN_SAMPLING,
        max_output_tokens=cap,
    )
    needed = _needed(prompt)
    if needed or message.HasField("conversation") or message.HasField("tool_choice"):
        _check(prompt, len(text))
    return AskRequest(
        prompt=prompt,
        routing=RouteRequest(
            text=text,
            input_tokens=_with_pictures(text, prompt.picture_tokens) if "vision" in needed else None,
            max_output_tokens=cap,
            constraints=_constraints(message, needed),
            objective=requests.objective(message.objective) if message.HasField("objective") else None,
            policy=message.policy,
            task_type=message.task_type,
            session_id=message.session_id,
            labels=dict(message.labels),
            min_revision=message.min_revision,
        ),
        on_cut=ON_CUTS[message.on_cut],
        cache=CACHE_USES[message.cache],
        request_id=message.request_id,
        is_streamed=is_streamed,
    )


def _asked(message: pb.AskRequest) -> tuple[str, tuple[Turn, ...]]:
    """The text that a decision is made from, and the turns."""
    if message.WhichOneof("input") == "prompt":
        return message.prompt, (Turn(Role.USER, (TextPart(message.prompt),)),)
    messages = message.conversation.messages
    return text_of(messages), turns(messages)


def _tool_choice(message: generation_pb2.ToolChoice) -> ToolChoice:
    return ToolChoice(TOOL_MODES[message.mode], message.name)


def _format(message: generation_pb2.ResponseFormat) -> ResponseFormat:
    kind = RESPONSE_KINDS[message.kind]
    name = message.name or (DEFAULT_SCHEMA_NAME if kind is ResponseKind.JSON_SCHEMA else "")
    return ResponseFormat(kind, name, message.schema_json)


def sampling(message: generation_pb2.Sampling) -> Sampling:
    """How tokens are drawn."""
    known = message.HasField
    return Sampling(
        message.temperature if known("temperature") else None,
        message.top_p if known("top_p") else None,
        tuple(message.stop),
        message.seed if known("seed") else None,
    )


def _needed(prompt: Prompt) -> frozenset[str]:
    """The capabilities that a model must have to be asked this."""
    kinds = {type(part) for turn in prompt.turns for part in turn.parts}
    needed = []
    if prompt.tools or ToolCallPart in kinds or ToolResultPart in kinds:
        needed.append("tools")
    if ImagePart in kinds:
        needed.append("vision")
    if prompt.response_format.kind is not ResponseKind.TEXT or prompt.response_format.schema:
        needed.append("json")
    return frozenset(needed)


def _with_pictures(text: str, picture_tokens: int) -> int:
    """Input tokens as the decision counts them by the size of the text, and those of the pictures."""
    return -(-len(text.encode()) // BYTES_PER_TOKEN) + picture_tokens


def _constraints(message: pb.AskRequest, needed: frozenset[str]) -> Constraints:
    if not message.HasField("constraints"):
        return _only(needed)
    said = requests.constraints(message.constraints)
    return dataclasses.replace(said, required_capabilities=said.required_capabilities | needed) if needed else said


@functools.cache
def _only(needed: frozenset[str]) -> Constraints:
    """The same object each time, which is what the router remembers its filters by."""
    return Constraints(required_capabilities=needed) if needed else NO_CONSTRAINTS


def _check(prompt: Prompt, text_characters: int) -> None:
    """Judges whether the parts fit together; `text_characters` were weighed already.

    Raises:
        MessageTooLargeError, InvalidFieldError: they do not.
    """
    written = [prompt.response_format.schema, *(text for tool in prompt.tools for text in tool)]
    if sum(map(len, written)) + text_characters > MAX_TEXT_BYTES // 4:
        check_size("".join([*written, *_spoken(prompt.turns)]), MAX_TEXT_BYTES)
    violations = [
        *_of_turns(prompt.turns),
        *_of_tools(prompt.tools, prompt.tool_choice),
        *_of_format(prompt.response_format),
    ]
    if violations:
        raise InvalidFieldError(violations)


def _spoken(said: Iterable[Turn]) -> Iterator[str]:
    for turn in said:
        for part in turn.parts:
            match part:
                case TextPart(text) | ToolResultPart(_, text) | ToolCallPart(_, _, text):
                    yield text


def _of_turns(said: tuple[Turn, ...]) -> Iterator[FieldViolation]:
    called: set[str] = set()
    for number, turn in enumerate(said):
        where = f"conversation.messages[{number}]"
        if turn.role is Role.TOOL and not all(isinstance(part, ToolResultPart) for part in turn.parts):
            yield FieldViolation(where, "a turn of the tool holds tool results and nothing else")
        for place, part in enumerate(turn.parts):
            speaker, complaint = _PART_SPEAKERS.get(type(part), (turn.role, ""))
            at = f"{where}.parts[{place}]"
            if turn.role is not speaker:
                yield FieldViolation(at, complaint)
            if isinstance(part, ToolCallPart):
                called.add(part.call_id)
                if part.arguments and not _is_object(part.arguments):
                    yield FieldViolation(f"{at}.tool_call.arguments_json", "must be a JSON object")
            elif isinstance(part, ToolResultPart) and part.call_id not in called:
                yield FieldViolation(f"{at}.tool_result.call_id", "no earlier turn holds a tool call of that id")
    if not any(not isinstance(part, TextPart) or part.text for part in said[-1].parts):
        yield FieldViolation(f"conversation.messages[{len(said) - 1}]", "the last turn must not be empty")


def _of_tools(tools: tuple[Tool, ...], choice: ToolChoice) -> Iterator[FieldViolation]:
    names: set[str] = set()
    for number, tool in enumerate(tools):
        if tool.name in names:
            yield FieldViolation(f"tools[{number}].name", "another tool has the same name")
        names.add(tool.name)
        if tool.parameters and not _is_object(tool.parameters):
            yield FieldViolation(f"tools[{number}].parameters_json", "must be a JSON object")
    if choice.name and choice.name not in names:
        yield FieldViolation("tool_choice.name", "names none of the tools")
    elif choice.mode is ToolMode.REQUIRED and not tools:
        yield FieldViolation("tool_choice.mode", "there is no tool that could be called")
    elif choice.name and choice.mode is ToolMode.NONE:
        yield FieldViolation("tool_choice", "one tool must be called, and none may be")


def _of_format(wanted: ResponseFormat) -> Iterator[FieldViolation]:
    where = "response_format.schema_json"
    if wanted.kind is not ResponseKind.JSON_SCHEMA:
        if wanted.schema:
            yield FieldViolation(where, "belongs to RESPONSE_KIND_JSON_SCHEMA")
    elif not _is_object(wanted.schema):
        yield FieldViolation(where, "must be a JSON object")


def _is_object(text: str) -> bool:
    """Whether a text is a JSON object as RFC 8259 has it."""
    try:
        return isinstance(json.loads(text, parse_constant=_refuse), dict)
    except (ValueError, RecursionError):
        return False


def _refuse(constant: str) -> None:
    """Python reads `NaN` and the infinities; JSON has none."""
    raise ValueError(constant)
