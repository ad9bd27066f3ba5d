"""Checks of answers that come to their end: order, completeness, usage, caps, tools.

`running` enters here. Each check returns what is wrong, an empty text when nothing is.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

from atp_grpc.adapter.conformance.subject import NotApplicable, Subject
from atp_grpc.domain.ask import FinishReason
from atp_grpc.domain.outcome import Usage
from atp_grpc.providers.contract import Event, Finished, TextDelta, ToolCallDelta, Used
from atp_grpc.providers.order import EventOrder, OutOfOrder

SMALL_CAP = 4
AT_ONCE = 8
_LONG_TEXT = 400


async def ends_with_one_finish(subject: Subject) -> str:
    """A streamed answer ends with `Finished`, once, and nothing comes after it."""
    events = await subject.answer()
    return _disorder(events) or ("" if _text(events) else "the answer holds no text")


async def whole_answer_ends_alike(subject: Subject) -> str:
    """An answer that is not streamed ends the same way."""
    events = await subject.answer(subject.generation._replace(is_streamed=False))
    return _disorder(events) or ("" if _text(events) else "the answer holds no text")


async def streamed_answer_comes_in_pieces(subject: Subject) -> str:
    """A long answer that is streamed comes in more than one piece."""
    events = await subject.answer()
    pieces = [event for event in events if isinstance(event, TextDelta)]
    if len(_text(events)) < _LONG_TEXT:
        raise NotApplicable("the answer is short")
    return "" if len(pieces) > 1 else "all of it came at once"


async def usage_is_told_before_the_end(subject: Subject) -> str:
    """Usage is told, with input and output, each class apart, and holds no more output than the cap."""
    for generation in (subject.generation, subject.generation._replace(is_streamed=False)):
        usage = _usage(await subject.answer(generation))
        if usage.prompt_tokens <= 0:
            return "the prompt is counted as nothing"
        if not usage.output_tokens:
            return "the answer is counted as nothing"
        if usage.output_tokens + (usage.reasoning_tokens or 0) > generation.max_output_tokens:
            return "more output is counted than the cap allows"
    return ""


async def total_equals_the_deltas(subject: Subject) -> str:
    """The output that is counted is the output that was given."""
    if subject.tokens_of is None:
        raise NotApplicable("the tokenizer of the answers is not known")
    events = await subject.answer()
    given, told = subject.tokens_of(_text(events)), _usage(events).output_tokens
    return "" if given == told else f"{given} tokens were given and {told} are told"


async def cap_is_kept(subject: Subject) -> str:
    """An answer that reaches its cap ends there and says LENGTH."""
    events = await subject.answer(subject.generation._replace(max_output_tokens=SMALL_CAP))
    finish = events[-1]
    if not isinstance(finish, Finished) or finish.reason is not FinishReason.LENGTH:
        return f"a cap of {SMALL_CAP} tokens does not end the answer with LENGTH"
    if subject.tokens_of is not None and subject.tokens_of(_text(events)) > SMALL_CAP:
        return "the answer is longer than its cap"
    return ""


async def answers_at_once_stay_apart(subject: Subject) -> str:
    """Answers that are given at the same time are each whole."""
    generations = [subject.generation._replace(call_id=f"at-once-{number}") for number in range(AT_ONCE)]
    answers = await asyncio.gather(*map(subject.answer, generations))
    return next(filter(None, map(_disorder, answers)), "")


async def demanded_tool_is_called(subject: Subject) -> str:
    """A tool that must be called is called: id and name first and once, then arguments that are a JSON object."""
    if subject.tool_generation is None:
        raise NotApplicable("no generation demands a tool")
    events = await subject.answer(subject.tool_generation)
    if disorder := _disorder(events):
        return disorder
    arguments: dict[int, str] = {}
    for event in events:
        if isinstance(event, ToolCallDelta):
            arguments[event.index] = arguments.get(event.index, "") + event.arguments
    if not arguments:
        return "no tool was called"
    try:
        return "" if all(isinstance(json.loads(text), dict) for text in arguments.values()) else "no JSON object"
    except ValueError:
        return "the arguments are not JSON"


async def probe_finds_the_endpoint(subject: Subject) -> str:
    """A probe of the endpoint passes."""
    await subject.provider.probe(subject.generation.endpoint, subject.generation.key)
    return ""


def _disorder(events: Sequence[Event]) -> str:
    order = EventOrder()
    try:
        for event in events:
            order.check(event)
    except OutOfOrder as broken:
        return str(broken)
    return "" if order.is_finished else "the answer ended without a finish and without a fault"


def _text(events: Sequence[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def _usage(events: Sequence[Event]) -> Usage:
    told = [event.usage for event in events if isinstance(event, Used)]
    if not told:
        raise NotApplicable("no usage is told")
    return told[-1]


CHECKS = (
    ends_with_one_finish,
    whole_answer_ends_alike,
    streamed_answer_comes_in_pieces,
    usage_is_told_before_the_end,
    total_equals_the_deltas,
    cap_is_kept,
    answers_at_once_stay_apart,
    demanded_tool_is_called,
    probe_finds_the_endpoint,
)
