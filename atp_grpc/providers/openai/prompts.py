"""A prompt in the words of chat completions (OpenAI's published API, `POST /chat/completions`).

The provider enters here. Texts of JSON that a caller wrote are parsed before they are put into a request, so that none
can add a field to it; nothing is shortened or judged.
"""

from __future__ import annotations

from typing import Any

from atp_grpc.domain.conversation import (
    ImagePart,
    Part,
    Prompt,
    ResponseFormat,
    ResponseKind,
    Role,
    TextPart,
    Tool,
    ToolCallPart,
    ToolChoice,
    ToolMode,
    ToolResultPart,
    Turn,
)
from atp_grpc.domain.endpoint import Endpoint, Quirk
from atp_grpc.providers.contract import Generation
from atp_grpc.providers.http.client import Request
from atp_grpc.providers.http.reading import said_object, written
from atp_grpc.providers.json_in_words import instruction
from atp_grpc.providers.openai.strict import fits

Message = dict[str, Any]


def request(generation: Generation) -> Request:
    """What to send for one answer.

    Raises:
        ProviderFault: a text that has to be JSON is none, or nested too deeply to be written.
    """
    endpoint = generation.endpoint
    headers = _headers(endpoint, generation.key)
    if generation.call_id:
        headers["x-client-request-id"] = generation.call_id
    return Request(endpoint.base_url, "/chat/completions", endpoint.query, headers, written(body(generation)))


def probe(endpoint: Endpoint, key: str) -> Request:
    """What to send for the list of models, which Azure keeps above its deployments."""
    base_url = endpoint.base_url.partition("/deployments/")[0]
    return Request(base_url, "/models", endpoint.query, _headers(endpoint, key))


def body(generation: Generation) -> Message:
    """The request's document."""
    prompt, quirks = generation.prompt, generation.endpoint.quirks
    cap = "max_tokens" if Quirk.MAX_TOKENS_OLD_NAME in quirks else "max_completion_tokens"
    said: Message = {
        "model": generation.endpoint.model,
        "messages": [*_shape_in_words(prompt.response_format, quirks), *messages(prompt.turns, quirks)],
        cap: generation.max_output_tokens,
    }
    if generation.is_streamed:
        said["stream"] = True
        if Quirk.NO_STREAM_USAGE not in quirks:
            said["stream_options"] = {"include_usage": True}
    _add_sampling(said, prompt, quirks)
    if prompt.tools:
        said["tools"] = [_tool(tool) for tool in prompt.tools]
        choice = _tool_choice(prompt.tool_choice)
        if choice is not None:
            said["tool_choice"] = choice
    if prompt.response_format.kind is not ResponseKind.TEXT:
        said["response_format"] = _response_format(prompt.response_format, quirks)
    if generation.wants_certainty and Quirk.NO_LOGPROBS not in quirks:
        said["logprobs"] = True
    if generation.session and Quirk.NO_CACHE_KEY not in quirks:
        said["prompt_cache_key"] = generation.session
    return said


def messages(turns: tuple[Turn, ...], quirks: frozenset[Quirk]) -> list[Message]:
    """The conversation; results of tools become messages of their own, before the rest of their turn."""
    said: list[Message] = []
    for turn in turns:
        role = _system_role(quirks) if turn.role is Role.SYSTEM else turn.role.value
        content: list[Part] = []
        calls: list[Message] = []
        for part in turn.parts:
            if isinstance(part, ToolResultPart):
                said.append({"role": "tool", "tool_call_id": part.call_id, "content": part.text})
            elif isinstance(part, ToolCallPart):
                calls.append(_call(part))
            else:
                content.append(part)
        if content or calls:
            message: Message = {"role": role, "content": _content(content)}
            if calls:
                message["tool_calls"] = calls
            said.append(message)
    return said


def _shape_in_words(wanted: ResponseFormat, quirks: frozenset[Quirk]) -> list[Message]:
    """OpenAI refuses to write JSON without a schema when no message speaks of it."""
    shape = instruction(wanted, quirks)
    return [{"role": _system_role(quirks), "content": shape}] if shape else []


def _system_role(quirks: frozenset[Quirk]) -> str:
    return "developer" if Quirk.SYSTEM_AS_DEVELOPER in quirks else Role.SYSTEM.value


def _headers(endpoint: Endpoint, key: str) -> dict[str, str]:
    headers = dict(endpoint.headers)
    if key and Quirk.API_KEY_HEADER in endpoint.quirks:
        headers["api-key"] = key
    elif key:
        headers["authorization"] = f"Bearer {key}"
    return headers


def _add_sampling(said: Message, prompt: Prompt, quirks: frozenset[Quirk]) -> None:
    sampling = prompt.sampling
    if Quirk.NO_SAMPLING not in quirks:
        if sampling.temperature is not None:
            said["temperature"] = sampling.temperature
        if sampling.top_p is not None:
            said["top_p"] = sampling.top_p
    if sampling.stop:
        said["stop"] = sampling.stop
    if sampling.seed is not None and Quirk.NO_SEED not in quirks:
        said["seed"] = sampling.seed


def _content(parts: list[Part]) -> str | list[Message] | None:
    """One text stands alone, which every server takes; only more than that becomes a list."""
    if not parts:
        return None
    if len(parts) == 1 and isinstance(parts[0], TextPart):
        return parts[0].text
    return [
        {"type": "image_url", "image_url": {"url": part.uri}}
        if isinstance(part, ImagePart)
        else {"type": "text", "text": part.text}
        for part in parts
        if isinstance(part, (TextPart, ImagePart))
    ]


def _call(part: ToolCallPart) -> Message:
    return {
        "id": part.call_id,
        "type": "function",
        "function": {"name": part.name, "arguments": part.arguments or "{}"},
    }


def _tool(tool: Tool) -> Message:
    function: Message = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    if tool.parameters:
        function["parameters"] = said_object(tool.parameters)
    return {"type": "function", "function": function}


def _tool_choice(choice: ToolChoice) -> str | Message | None:
    if choice.name:
        return {"type": "function", "function": {"name": choice.name}}
    return None if choice.mode is ToolMode.AUTO else choice.mode.value


def _response_format(wanted: ResponseFormat, quirks: frozenset[Quirk]) -> Message:
    if wanted.kind is ResponseKind.JSON or Quirk.NO_JSON_SCHEMA in quirks:
        return {"type": "json_object"}
    schema = said_object(wanted.schema)
    named = {"name": wanted.name or "answer", "schema": schema, "strict": fits(schema)}
    return {"type": "json_schema", "json_schema": named}
