"""Requests for messages, read as strictly as Anthropic reads them.

`anthropic` enters here. Source: the API reference of Anthropic (messages). It judges a request's form, never a model.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from atp_grpc.mock_provider.answer import OfferedTool, Question, Refused
from atp_grpc.mock_provider.conversation import Conversation
from atp_grpc.mock_provider.dialect import compact

_FIELDS = (  # noqa: SIM905 - words read better than a list of them
    "model messages max_tokens cache_control container context_management diagnostics inference_geo mcp_servers "
    "metadata output_config output_format service_tier speed stop_sequences stream system temperature thinking "
    "tool_choice tools top_k top_p user_profile_id workspace_id"
).split()


def read_question(body: Mapping[str, Any], headers: Mapping[str, str]) -> Question:
    """What a request asks. Raises `Refused` where it is not as published."""
    if not headers.get("anthropic-version"):
        raise Refused("", "anthropic-version: header is required")
    for field in body:
        if field not in _FIELDS:
            raise Refused(field, f"{field}: Extra inputs are not permitted")
    cap = body.get("max_tokens")
    if not isinstance(cap, int) or cap < 1:
        raise Refused("max_tokens", "max_tokens: a number of tokens is required")
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise Refused("messages", "messages: at least one message is required")
    read = Conversation()
    _take(read, "system", body.get("system") or ())
    for message in messages:
        if message.get("role") not in {"user", "assistant"}:
            raise Refused("messages", "messages: roles are user and assistant")
        _take(read, message["role"], message["content"])
    tools = tuple(OfferedTool(tool["name"], tool["input_schema"]) for tool in body.get("tools") or ())
    read.offer(tools)
    choice = body.get("tool_choice") or {"type": "auto"}
    if choice["type"] not in {"auto", "any", "tool", "none"}:
        raise Refused("tool_choice", "tool_choice: unknown type")
    return Question(
        model=str(body["model"]),
        texts=read.asked(),
        begun=read.begun,
        last=read.last,
        input_tokens=read.tokens(),
        cap=cap,
        tools=() if choice["type"] == "none" else tools,
        must_call=choice["type"] in {"any", "tool"},
        called=choice["name"] if choice["type"] == "tool" else "",
        schema=_schema(body),
        stop=tuple(body.get("stop_sequences") or ()),
        is_streamed=bool(body.get("stream")),
    )


def _take(read: Conversation, role: str, content: Any) -> None:
    texts: list[str] = []
    calls: list[str] = []
    blocks: list[Mapping[str, Any]] = [{"type": "text", "text": content}] if isinstance(content, str) else content
    for block in blocks:
        kind = block.get("type")
        if kind == "text":
            if not block["text"]:
                raise Refused("messages", "messages: text content blocks must be non-empty")
            texts.append(block["text"])
        elif kind == "image":
            if block["source"]["type"] not in {"base64", "url"}:
                raise Refused("messages", "messages: unknown source of an image")
            read.images += 1
        elif kind == "tool_use":
            calls.append(f"{block['name']} {compact(block['input']).decode()}")
        elif kind == "tool_result" and block["tool_use_id"]:
            inner = block.get("content") or ()
            texts += [inner] if isinstance(inner, str) else [part["text"] for part in inner]
        elif kind not in {"thinking", "redacted_thinking"}:
            raise Refused("messages", "messages: unknown type of a content block")
    read.turn(texts, calls, is_own=role == "assistant")


def _schema(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The schema of a structured answer: `output_config.format`, or `output_format` as it was called at first."""
    wanted = (body.get("output_config") or {}).get("format") or body.get("output_format")
    if not wanted:
        return None
    if wanted["type"] != "json_schema":
        raise Refused("output_config", "output_config: unknown type of a format")
    schema: Mapping[str, Any] = wanted["schema"]
    return schema
