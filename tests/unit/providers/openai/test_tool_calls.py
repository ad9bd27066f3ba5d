"""Calls of tools in answers of OpenAI's dialect: pieces belong together as they were meant, whatever they repeat."""

from __future__ import annotations

from typing import Any

import pytest

from atp_grpc.domain.ask import FinishReason
from atp_grpc.providers.contract import Finished, ToolCallDelta
from tests.unit.providers.openai.test_answer import chunk, read


def test_calls_of_tools_come_piece_by_piece() -> None:
    def call(index: int, call_id: str | None, name: str | None, arguments: str) -> dict[str, Any]:
        return chunk(
            {"tool_calls": [{"index": index, "id": call_id, "function": {"name": name, "arguments": arguments}}]}
        )

    assert read(
        call(0, "c1", "find", ""),
        call(0, None, None, '{"q"'),
        call(0, None, None, ":1}"),
        call(1, "c2", "go", "{}"),
        chunk(reason="tool_calls"),
    ) == [
        ToolCallDelta(0, "c1", "find", ""),
        ToolCallDelta(0, "", "", '{"q"'),
        ToolCallDelta(0, "", "", ":1}"),
        ToolCallDelta(1, "c2", "go", "{}"),
        Finished(FinishReason.TOOL_CALLS, "m-1"),
    ]


def test_whole_calls_without_an_index_are_told_apart_by_their_ids() -> None:
    calls = [{"id": f"c{number}", "function": {"name": "go", "arguments": "{}"}} for number in (1, 2)]

    assert read(chunk({"tool_calls": calls[:1]}), chunk({"tool_calls": calls[1:]}), chunk(reason="stop")) == [
        ToolCallDelta(0, "c1", "go", "{}"),
        ToolCallDelta(1, "c2", "go", "{}"),
        Finished(FinishReason.TOOL_CALLS, "m-1"),
    ]


def piece_of_call(index: int | None, call_id: str | None, name: str | None, arguments: str) -> dict[str, Any]:
    return chunk({"tool_calls": [{"index": index, "id": call_id, "function": {"name": name, "arguments": arguments}}]})


def test_an_id_and_a_name_that_every_piece_repeats_are_given_once() -> None:
    assert read(
        piece_of_call(0, "c1", "find", '{"q"'),
        piece_of_call(0, "c1", "find", ":1}"),
        chunk(reason="tool_calls"),
    )[:-1] == [ToolCallDelta(0, "c1", "find", '{"q"'), ToolCallDelta(0, "", "", ":1}")]


def test_an_id_made_anew_for_every_piece_begins_no_new_call() -> None:
    assert read(piece_of_call(0, "c1", "find", ""), piece_of_call(0, "c9", None, "{}"), chunk(reason="tool_calls"))[
        :-1
    ] == [ToolCallDelta(0, "c1", "find", ""), ToolCallDelta(0, "", "", "{}")]


def test_whole_calls_that_all_bear_the_same_index_stay_apart() -> None:
    assert read(
        piece_of_call(0, "c1", "go", '{"a":1}'), piece_of_call(0, "c2", "go", '{"b":2}'), chunk(reason="tool_calls")
    )[:-1] == [ToolCallDelta(0, "c1", "go", '{"a":1}'), ToolCallDelta(1, "c2", "go", '{"b":2}')]


@pytest.mark.parametrize("index", [-1, 2**31])
def test_an_index_out_of_bounds_gives_a_call_like_any_other(index: int) -> None:
    assert read(piece_of_call(index, "c1", "go", "{}"), chunk(reason="tool_calls"))[:-1] == [
        ToolCallDelta(0, "c1", "go", "{}")
    ]
