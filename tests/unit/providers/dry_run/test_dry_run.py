"""The dry run answers every prompt the same way each time, counts exactly, and obeys what a model would obey."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.domain.ask import FinishReason
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
from atp_grpc.domain.endpoint import Dialect, Endpoint
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
from atp_grpc.providers.dry_run import MOST_SENTENCES, DryRunProvider, input_tokens_of, tokens_of

ENDPOINT = Endpoint(Dialect.DRY_RUN, model="dry")
SCHEMA = '{"type": "object", "required": ["city"], "properties": {"city": {"type": "string"}}}'
WEATHER = Tool("weather", "tells the weather", SCHEMA)


def asked(text: str = "How many bees fit into a phone booth?") -> tuple[Turn, ...]:
    return (Turn(Role.USER, (TextPart(text),)),)


async def events(
    prompt: Prompt, *, cap: int = 4096, is_streamed: bool = True, endpoint: Endpoint = ENDPOINT
) -> list[Event]:
    generation = Generation(endpoint, "", prompt, cap, is_streamed)
    return [event async for event in DryRunProvider().generate(generation)]


def text_of(given: list[Event]) -> str:
    return "".join(event.text for event in given if isinstance(event, TextDelta))


def finish_of(given: list[Event]) -> FinishReason:
    assert isinstance(given[-1], Finished)
    return given[-1].reason


def usage_of(given: list[Event]) -> Usage:
    [used] = [event for event in given if isinstance(event, Used)]
    return used.usage


async def test_the_same_prompt_gets_the_same_answer_and_another_prompt_another() -> None:
    first, again = await events(Prompt(asked())), await events(Prompt(asked()))

    assert first == again
    assert text_of(first) != text_of(await events(Prompt(asked("And how many wasps?"))))


async def test_model_and_seed_are_part_of_what_an_answer_follows_from() -> None:
    plain = text_of(await events(Prompt(asked())))

    assert plain != text_of(await events(Prompt(asked()), endpoint=Endpoint(Dialect.DRY_RUN, model="other")))
    assert plain != text_of(await events(Prompt(asked(), sampling=Sampling(seed=1))))


async def test_an_answer_says_that_no_model_was_asked() -> None:
    assert text_of(await events(Prompt(asked()))).startswith("This is a dry run: no model was asked.")


async def test_lengths_spread_over_the_stated_range() -> None:
    lengths = [text_of(await events(Prompt(asked(str(n))))).count(".") for n in range(400)]

    assert 1 <= min(lengths) <= 2
    assert MOST_SENTENCES / 2 <= max(lengths) <= MOST_SENTENCES
    # Log-uniform: half of the answers stay below the root of the range.
    assert 0.4 < sum(length < MOST_SENTENCES**0.5 for length in lengths) / 400 < 0.6


async def test_a_streamed_answer_comes_in_many_pieces_and_a_whole_one_in_one() -> None:
    streamed, whole = await events(Prompt(asked())), await events(Prompt(asked()), is_streamed=False)

    assert len(streamed) > 5
    assert [type(event) for event in whole] == [TextDelta, Used, Finished]
    assert text_of(streamed) == text_of(whole)
    assert streamed[-2:] == whole[-2:]


@given(st.text(max_size=200), st.integers(1, 300))
async def test_usage_counts_what_was_asked_and_what_was_answered(text: str, cap: int) -> None:
    prompt = Prompt(asked(text))

    given_events = await events(prompt, cap=cap)

    answer = text_of(given_events)
    assert usage_of(given_events) == Usage(max(1, -(-len(text) // 4)), 0, -(-len(answer) // 4), 0)
    assert tokens_of(answer) <= cap
    assert (finish_of(given_events) is FinishReason.LENGTH) == (answer != text_of(await events(prompt)))


def test_every_part_and_every_tool_counts_as_input() -> None:
    turns = (
        Turn(Role.USER, (TextPart("12345"), ImagePart("https://a.b"))),
        Turn(Role.ASSISTANT, (ToolCallPart("c1", "weather", "{}"),)),
        Turn(Role.TOOL, (ToolResultPart("c1", "rain"),)),
    )

    assert input_tokens_of(Prompt(turns)) == (2 + 3) + (1 + 2 + 1) + (1 + 1)
    assert input_tokens_of(Prompt(turns, tools=(Tool("ab", "abcde"),))) == 11 + 1 + 2


async def test_the_answer_ends_before_the_first_stop_text_that_comes() -> None:
    given_events = await events(Prompt(asked(), sampling=Sampling(stop=("no model", "dry"))))

    assert text_of(given_events) == "This is a "
    assert finish_of(given_events) is FinishReason.STOP
    assert usage_of(given_events).output_tokens == 3


async def test_a_stop_text_beyond_the_cap_does_not_hide_that_the_cap_was_reached() -> None:
    given_events = await events(Prompt(asked(), sampling=Sampling(stop=("no model",))), cap=2)

    assert (text_of(given_events), finish_of(given_events)) == ("This is ", FinishReason.LENGTH)


@pytest.mark.parametrize("choice", [ToolChoice(ToolMode.REQUIRED), ToolChoice(ToolMode.AUTO, "weather")])
async def test_a_demanded_tool_is_called_with_arguments_of_its_schema(choice: ToolChoice) -> None:
    given_events = await events(Prompt(asked(), tools=(WEATHER,), tool_choice=choice))

    calls = [event for event in given_events if isinstance(event, ToolCallDelta)]
    arguments = "".join(call.arguments for call in calls)
    assert [(call.index, call.name) for call in calls if call.call_id] == [(0, "weather")]
    assert json.loads(arguments) == {"city": "dry run"}
    assert finish_of(given_events) is FinishReason.TOOL_CALLS
    assert usage_of(given_events).output_tokens == tokens_of(arguments)
    assert text_of(given_events) == ""


async def test_a_tool_call_that_the_cap_cuts_is_not_called_complete() -> None:
    prompt = Prompt(asked(), tools=(WEATHER,), tool_choice=ToolChoice(ToolMode.REQUIRED))

    assert finish_of(await events(prompt, cap=1)) is FinishReason.LENGTH


@pytest.mark.parametrize(
    "prompt",
    [
        Prompt(asked(), tool_choice=ToolChoice(ToolMode.REQUIRED)),
        Prompt(asked(), tools=(WEATHER,), tool_choice=ToolChoice(ToolMode.REQUIRED, "tide")),
        Prompt(asked(), response_format=ResponseFormat(ResponseKind.JSON_SCHEMA, "s", "not JSON")),
        Prompt(asked(), response_format=ResponseFormat(ResponseKind.JSON_SCHEMA, "s", "false")),
    ],
)
async def test_what_cannot_be_answered_is_an_invalid_request(prompt: Prompt) -> None:
    with pytest.raises(ProviderFault) as refused:
        await events(prompt)

    assert refused.value.kind is FaultKind.INVALID_REQUEST


async def test_tools_are_left_alone_when_nothing_demands_them() -> None:
    assert finish_of(await events(Prompt(asked(), tools=(WEATHER,)))) is FinishReason.STOP


async def test_json_is_json_and_a_schema_is_kept() -> None:
    free = await events(Prompt(asked(), response_format=ResponseFormat(ResponseKind.JSON)))
    bound = await events(Prompt(asked(), response_format=ResponseFormat(ResponseKind.JSON_SCHEMA, "s", SCHEMA)))

    assert json.loads(text_of(free))["dry_run"] is True
    assert json.loads(text_of(bound)) == {"city": "dry run"}


async def test_a_probe_and_a_second_close_are_fine() -> None:
    provider = DryRunProvider()

    await provider.probe(ENDPOINT, "")
    await provider.close()
    await provider.close()
