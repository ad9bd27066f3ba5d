"""Conversations from the wire: the turns as values, and the text that a decision is made from.

Route and Ask enter here. Whether the parts of a conversation make sense together is judged by `services.convert.asks`;
nothing here is refused but too much text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from atp_grpc.domain.conversation import ImagePart, Part, Role, TextPart, ToolCallPart, ToolResultPart, Turn
from atp_grpc.domain.errors import MessageTooLargeError
from atp_grpc.pb.atp.v1 import routing_pb2 as pb

ROLES: dict[int, Role] = {pb.Role.Value(f"ROLE_{role.name}"): role for role in Role}


def turns(messages: Iterable[pb.Message]) -> tuple[Turn, ...]:
    """The turns, in order."""
    return tuple([Turn(ROLES[message.role], tuple([_part(part) for part in message.parts])) for message in messages])


def text_of(messages: Iterable[pb.Message]) -> str:
    """Every text of a conversation, those of tool calls and results included; a picture has none."""
    return "\n".join([text for message in messages for part in message.parts for text in _texts(part)])


def check_size(text: str, limit_bytes: int) -> None:
    """Judges the length of a text in UTF-8.

    Raises:
        MessageTooLargeError: it is above the limit.
    """
    # A quarter of the limit in characters cannot exceed it in bytes, and is what nearly every request is.
    if len(text) * 4 > limit_bytes:
        size = len(text.encode())
        if size > limit_bytes:
            raise MessageTooLargeError("text", limit_bytes=limit_bytes, size_bytes=size)


def _part(part: pb.Part) -> Part:
    match part.WhichOneof("kind"):
        case "image":
            return ImagePart(part.image.uri)
        case "tool_call":
            call = part.tool_call
            return ToolCallPart(call.call_id, call.name, call.arguments_json)
        case "tool_result":
            result = part.tool_result
            return ToolResultPart(result.call_id, result.text, result.is_error)
        case _:
            return TextPart(part.text)


def _texts(part: pb.Part) -> Iterator[str]:
    match part.WhichOneof("kind"):
        case "tool_call":
            yield part.tool_call.arguments_json
        case "tool_result":
            yield part.tool_result.text
        case "text":
            yield part.text
