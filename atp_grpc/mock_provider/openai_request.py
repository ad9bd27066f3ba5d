"""Requests for chat completions, read as strictly as OpenAI reads them.

`openai` enters here. Source: the API reference of OpenAI (chat completions). It judges a request's form, never a model.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from atp_grpc.mock_provider.answer import OfferedTool, Question, Refused
from atp_grpc.mock_provider.conversation import Conversation
from atp_grpc.mock_provider.dialect import compact

_FIELDS = (  # noqa: SIM905 - words read better than a list of them
    "messages model audio frequency_penalty function_call functions logit_bias logprobs max_completion_tokens "
    "max_tokens metadata modalities moderation n parallel_tool_calls prediction presence_penalty prompt_cache_key "
    "prompt_cache_options prompt_cache_retention reasoning_effort response_format safety_identifier seed "
    "service_tier stop store stream stream_options temperature tool_choice tools top_logprobs top_p user verbosity "
    "web_search_options"
).split()
_ROLES = frozenset({"system", "developer", "user", "assistant", "tool"})


def read_question(body: Mapping[str, Any]) -> Question:
    """What a request asks. Raises `Refused` where it is not as published."""
    for field in body:
        if field not in _FIELDS:
            raise Refused(field, f"Unrecognized request argument: {field}")
    if body.get("n", 1) != 1:
        raise Refused("n", "Only one choice is served here.")
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise Refused("messages", "messages must be a list that is not empty.")
    read = Conversation()
    for message in messages:
        _take(read, message)
    tools = tuple(_tool(tool) for tool in body.get("tools") or ())
    must_call, called = _choice(body.get("tool_choice"))
    read.offer(tools)
    stop = body.get("stop") or ()
    return Question(
        model=str(body["model"]),
        texts=read.asked(),
        begun=read.begun,
        last=read.last,
        input_tokens=read.tokens(),
        cap=body.get("max_completion_tokens") or body.get("max_tokens"),
        tools=() if body.get("tool_choice") == "none" else tools,
        must_call=must_call,
        called=called,
        schema=_schema(body.get("response_format")),
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        seed=body.get("seed"),
        is_streamed=bool(body.get("stream")),
        wants_usage=bool((body.get("stream_options") or {}).get("include_usage")),
        wants_certainty=bool(body.get("logprobs")),
    )


def _take(read: Conversation, message: Any) -> None:
    if not isinstance(message, Mapping) or message.get("role") not in _ROLES:
        raise Refused("messages", "Each message needs a role that exists.")
    if message["role"] == "tool" and not message.get("tool_call_id"):
        raise Refused("messages", "A tool's message needs a tool_call_id.")
    texts: list[str] = []
    content = message.get("content")
    if isinstance(content, str):
        texts.append(content)
    for part in content if isinstance(content, list) else ():
        kind = part.get("type")
        if kind == "text":
            texts.append(part["text"])
        elif kind == "image_url" and part["image_url"]["url"].startswith(("https:", "data:")):
            read.images += 1
        else:
            raise Refused("messages", "A part is neither a text nor a picture.")
    calls = [call["function"] for call in message.get("tool_calls") or ()]
    made = [f"{call['name']} {compact(json.loads(call['arguments'] or '{}')).decode()}" for call in calls]
    read.turn(texts, made, is_own=message["role"] == "assistant")


def _tool(tool: Mapping[str, Any]) -> OfferedTool:
    function = tool.get("function")
    if tool.get("type") != "function" or not isinstance(function, Mapping) or not function.get("name"):
        raise Refused("tools", "Each tool needs the type function, and a name.")
    return OfferedTool(function["name"], function.get("parameters") or {})


def _choice(choice: Any) -> tuple[bool, str]:
    if isinstance(choice, Mapping):
        return True, choice["function"]["name"]
    if choice not in {None, "auto", "none", "required"}:
        raise Refused("tool_choice", "tool_choice is none of auto, none, required and a function.")
    return choice == "required", ""


def _schema(response_format: Any) -> Mapping[str, Any] | None:
    kind = (response_format or {}).get("type", "text")
    if kind == "text":
        return None
    if kind == "json_object":
        return {}
    if kind != "json_schema" or not response_format["json_schema"].get("name"):
        raise Refused("response_format", "response_format is none of text, json_object and a json_schema with a name.")
    schema: Mapping[str, Any] = response_format["json_schema"].get("schema") or {}
    return schema
