"""A prompt in the words of messages (Anthropic's published API, `POST /v1/messages`).

The provider enters here. Instructions move to the front, results of tools into the user's turn; texts of JSON are
parsed before they are put into a request, so that none can add a field to it. Nothing is judged.
"""

from __future__ import annotations

from typing import Any

from atp_grpc.domain.conversation import (
    ImagePart,
    Part,
    Prompt,
    ResponseKind,
    Role,
    TextPart,
    Tool,
    ToolCallPart,
    ToolChoice,
    ToolMode,
    Turn,
)
from atp_grpc.domain.endpoint import Endpoint, Quirk
from atp_grpc.providers.contract import FaultKind, Generation, ProviderFault
from atp_grpc.providers.http.client import Request
from atp_grpc.providers.http.reading import said_object, written
from atp_grpc.providers.json_in_words import instruction

Block = dict[str, Any]

_VERSION = "2023-06-01"
_HOTTEST = 1.0
_MODES = {ToolMode.AUTO: "auto", ToolMode.NONE: "none", ToolMode.REQUIRED: "any"}
_KEPT: Block = {"type": "ephemeral"}


def request(generation: Generation) -> Request:
    """What to send for one answer.

    Raises:
        ProviderFault: a text that has to be JSON is none or nested too deeply to be written, or a picture is neither
            `https:` nor `data:`.
    """
    endpoint = generation.endpoint
    headers = _headers(endpoint, generation.key)
    return Request(endpoint.base_url, "/messages", endpoint.query, headers, written(body(generation)))


def probe(endpoint: Endpoint, key: str) -> Request:
    """What to send for the list of models."""
    return Request(endpoint.base_url, "/models", endpoint.query, _headers(endpoint, key))


def body(generation: Generation) -> Block:
    """The request's document."""
    prompt, quirks = generation.prompt, generation.endpoint.quirks
    system = _system(prompt, quirks)
    tools = [_tool(tool) for tool in prompt.tools]
    messages = _messages(prompt.turns)
    if generation.session:
        _mark(tools, system, messages)
    said: Block = {
        "model": generation.endpoint.model,
        "max_tokens": generation.max_output_tokens,
        "messages": messages,
    }
    if generation.is_streamed:
        said["stream"] = True
    if system:
        said["system"] = system
    if tools:
        said["tools"] = tools
        said["tool_choice"] = _tool_choice(prompt.tool_choice)
    if prompt.response_format.kind is ResponseKind.JSON_SCHEMA and Quirk.NO_JSON_SCHEMA not in quirks:
        schema = said_object(prompt.response_format.schema)
        said["output_config"] = {"format": {"type": "json_schema", "schema": schema}}
    _add_sampling(said, prompt, quirks)
    return said


def _headers(endpoint: Endpoint, key: str) -> dict[str, str]:
    headers = {"anthropic-version": _VERSION, **endpoint.headers}
    if key:
        headers["x-api-key"] = key
    return headers


def _add_sampling(said: Block, prompt: Prompt, quirks: frozenset[Quirk]) -> None:
    """Of temperature and top-p, newer models take only one; temperatures end at 1 here and at 2 elsewhere."""
    sampling = prompt.sampling
    if sampling.stop:
        said["stop_sequences"] = sampling.stop
    if Quirk.NO_SAMPLING in quirks:
        return
    if sampling.temperature is not None:
        said["temperature"] = min(sampling.temperature, _HOTTEST)
    elif sampling.top_p is not None:
        said["top_p"] = sampling.top_p


def _system(prompt: Prompt, quirks: frozenset[Quirk]) -> list[Block]:
    blocks = [
        {"type": "text", "text": part.text}
        for turn in prompt.turns
        if turn.role is Role.SYSTEM
        for part in turn.parts
        if isinstance(part, TextPart) and part.text.strip()
    ]
    shape = instruction(prompt.response_format, quirks)
    return [*blocks, {"type": "text", "text": shape}] if shape else blocks


def _messages(turns: tuple[Turn, ...]) -> list[Block]:
    """Turns of the same side are one message, so that the results of calls made at once stand together.

    Anthropic refuses blank texts, so they are left out.
    """
    messages: list[Block] = []
    for turn in turns:
        if turn.role is Role.SYSTEM:
            continue
        role = "assistant" if turn.role is Role.ASSISTANT else "user"
        blocks = [_block(part) for part in turn.parts if not isinstance(part, TextPart) or part.text.strip()]
        if messages and messages[-1]["role"] == role:
            messages[-1]["content"] += blocks
        elif blocks:
            messages.append({"role": role, "content": blocks})
    if messages and messages[-1]["role"] == "assistant":
        _end_without_space(messages[-1]["content"][-1])
    return messages


def _end_without_space(block: Block) -> None:
    """Anthropic refuses to go on with an answer that ends in one."""
    if block["type"] == "text":
        block["text"] = block["text"].rstrip()


def _block(part: Part) -> Block:
    if isinstance(part, TextPart):
        return {"type": "text", "text": part.text}
    if isinstance(part, ImagePart):
        return {"type": "image", "source": _source(part.uri)}
    if isinstance(part, ToolCallPart):
        arguments = said_object(part.arguments) if part.arguments else {}
        return {"type": "tool_use", "id": part.call_id, "name": part.name, "input": arguments}
    result: Block = {"type": "tool_result", "tool_use_id": part.call_id, "content": part.text}
    if part.is_error:
        result["is_error"] = True
    return result


def _source(uri: str) -> Block:
    if uri.startswith("https:"):
        return {"type": "url", "url": uri}
    kind, comma, data = uri.removeprefix("data:").partition(",")
    if not uri.startswith("data:") or not comma or not kind.endswith(";base64"):
        raise ProviderFault(FaultKind.INVALID_REQUEST)
    return {"type": "base64", "media_type": kind.partition(";")[0], "data": data}


def _tool(tool: Tool) -> Block:
    schema = said_object(tool.parameters) if tool.parameters else {"type": "object"}
    said: Block = {"name": tool.name, "input_schema": schema}
    if tool.description:
        said["description"] = tool.description
    return said


def _tool_choice(choice: ToolChoice) -> Block:
    return {"type": "tool", "name": choice.name} if choice.name else {"type": _MODES[choice.mode]}


def _mark(tools: list[Block], system: list[Block], messages: list[Block]) -> None:
    """Marks where a beginning ends that later calls share: tools and instructions, and the conversation up to now.

    Tools stand before instructions, so that the mark of the latter covers both. Four marks are allowed.
    """
    prefix = system or tools
    if prefix:
        prefix[-1]["cache_control"] = _KEPT
    if messages and messages[-1]["role"] == "user" and messages[-1]["content"]:
        messages[-1]["content"][-1]["cache_control"] = _KEPT
