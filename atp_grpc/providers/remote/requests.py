"""Generations on the wire of `atp.adapter.v1`, both ways. Pure; it judges nothing and has no defaults of its own.

The client writes, the kit reads. What is unspecified on the wire reads as the proto says.
"""

from __future__ import annotations

import enum
from typing import Any

from atp_grpc.domain.conversation import (
    ImagePart,
    Part,
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
from atp_grpc.domain.endpoint import Endpoint
from atp_grpc.pb.atp.adapter.v1 import adapter_service_pb2
from atp_grpc.pb.atp.v1 import generation_pb2, routing_pb2
from atp_grpc.providers.contract import Generation


def numbers_of(names: type[enum.StrEnum], wire: Any, prefix: str) -> dict[Any, Any]:
    """The number of each value on the wire, where each bears the same name behind a prefix."""
    return {value: wire.Value(prefix + value.name) for value in names}


_ROLES = numbers_of(Role, routing_pb2.Role, "ROLE_")
_MODES = numbers_of(ToolMode, generation_pb2.ToolMode, "TOOL_MODE_")
_KINDS = numbers_of(ResponseKind, generation_pb2.ResponseKind, "RESPONSE_KIND_")
_ROLE_OF = {number: role for role, number in _ROLES.items()}
_MODE_OF = {number: mode for mode, number in _MODES.items()} | {generation_pb2.TOOL_MODE_UNSPECIFIED: ToolMode.AUTO}
_KIND_OF = {number: kind for kind, number in _KINDS.items()} | {
    generation_pb2.RESPONSE_KIND_UNSPECIFIED: ResponseKind.TEXT
}


def generate_request(generation: Generation) -> adapter_service_pb2.GenerateRequest:
    """A generation as `Generate` takes it. The key travels as metadata, never in the message."""
    return adapter_service_pb2.GenerateRequest(
        generation=generation_message(generation),
        call_id=generation.call_id,
        is_streamed=generation.is_streamed,
        wants_certainty=generation.wants_certainty,
        session=generation.session,
    )


def generation_message(generation: Generation) -> adapter_service_pb2.Generation:
    """The part of a generation that is about the answer."""
    prompt = generation.prompt
    message = adapter_service_pb2.Generation(
        model=generation.endpoint.model,
        conversation=routing_pb2.Conversation(messages=map(_turn_message, prompt.turns)),
        max_output_tokens=generation.max_output_tokens,
    )
    for tool in prompt.tools:
        message.tools.add(name=tool.name, description=tool.description, parameters_json=tool.parameters)
    if prompt.tools:
        message.tool_choice.mode = _MODES[prompt.tool_choice.mode]
        message.tool_choice.name = prompt.tool_choice.name
    wanted = prompt.response_format
    if wanted.kind is not ResponseKind.TEXT:
        message.response_format.kind = _KINDS[wanted.kind]
        message.response_format.name = wanted.name
        message.response_format.schema_json = wanted.schema
    _write_sampling(prompt.sampling, message)
    return message


def read_generation(request: adapter_service_pb2.GenerateRequest, endpoint: Endpoint, key: str) -> Generation:
    """The generation that a request asks for, as if it were for an endpoint; its model is the one that was asked."""
    return Generation(
        endpoint=endpoint,
        key=key,
        prompt=read_prompt(request.generation),
        max_output_tokens=request.generation.max_output_tokens,
        is_streamed=request.is_streamed,
        call_id=request.call_id,
        wants_certainty=request.wants_certainty,
        session=request.session,
    )


def read_prompt(message: adapter_service_pb2.Generation) -> Prompt:
    """What is asked. The message keeps the rules beside its fields."""
    sampling = message.sampling
    return Prompt(
        turns=tuple(
            Turn(_ROLE_OF[turn.role], tuple(map(_read_part, turn.parts))) for turn in message.conversation.messages
        ),
        tools=tuple(Tool(tool.name, tool.description, tool.parameters_json) for tool in message.tools),
        tool_choice=ToolChoice(_MODE_OF[message.tool_choice.mode], message.tool_choice.name),
        response_format=ResponseFormat(
            _KIND_OF[message.response_format.kind], message.response_format.name, message.response_format.schema_json
        ),
        sampling=Sampling(
            temperature=sampling.temperature if sampling.HasField("temperature") else None,
            top_p=sampling.top_p if sampling.HasField("top_p") else None,
            stop=tuple(sampling.stop),
            seed=sampling.seed if sampling.HasField("seed") else None,
        ),
        max_output_tokens=message.max_output_tokens,
    )


def _write_sampling(sampling: Sampling, message: adapter_service_pb2.Generation) -> None:
    if sampling.temperature is not None:
        message.sampling.temperature = sampling.temperature
    if sampling.top_p is not None:
        message.sampling.top_p = sampling.top_p
    if sampling.stop:
        message.sampling.stop.extend(sampling.stop)
    if sampling.seed is not None:
        message.sampling.seed = sampling.seed


def _turn_message(turn: Turn) -> routing_pb2.Message:
    return routing_pb2.Message(role=_ROLES[turn.role], parts=map(_part_message, turn.parts))


def _part_message(part: Part) -> routing_pb2.Part:
    match part:
        case TextPart(text):
            return routing_pb2.Part(text=text)
        case ImagePart(uri):
            return routing_pb2.Part(image=routing_pb2.Image(uri=uri))
        case ToolCallPart(call_id, name, arguments):
            call = routing_pb2.ToolCall(call_id=call_id, name=name, arguments_json=arguments)
            return routing_pb2.Part(tool_call=call)
        case ToolResultPart(call_id, text, is_error):
            result = routing_pb2.ToolResult(call_id=call_id, text=text, is_error=is_error)
            return routing_pb2.Part(tool_result=result)


def _read_part(part: routing_pb2.Part) -> Part:
    match part.WhichOneof("kind"):
        case "image":
            return ImagePart(part.image.uri)
        case "tool_call":
            return ToolCallPart(part.tool_call.call_id, part.tool_call.name, part.tool_call.arguments_json)
        case "tool_result":
            return ToolResultPart(part.tool_result.call_id, part.tool_result.text, part.tool_result.is_error)
        case _:
            return TextPart(part.text)
