"""Tokens by a model's own tokenizer: what is counted, how much of it at most, and when nothing is counted at all."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from atp_grpc.asking.counting import MESSAGE_TOKENS, MOST_COUNTED, REPLY_TOKENS, Transcript
from atp_grpc.domain.ask import FinishReason, OnCut, Spent
from atp_grpc.domain.conversation import (
    PICTURE_TOKENS,
    ImagePart,
    Prompt,
    ResponseFormat,
    Role,
    TextPart,
    Tool,
    ToolCallPart,
    ToolResultPart,
    Turn,
)
from atp_grpc.domain.model import Encoding
from atp_grpc.domain.outcome import Usage
from atp_grpc.providers.contract import FaultKind, TextDelta, ToolCallDelta, Used
from tests.unit.asking.scripted import Step, answer, fault, finished, texts
from tests.unit.asking.stage import Stage, catalogue
from tests.unit.asking.told import asking
from tests.unit.asking.virtual_time import play
from tests.unit.routing.examples import snapshot

HELLO = Prompt((Turn(Role.USER, (TextPart("hello"),)),))
FRAME = REPLY_TOKENS + MESSAGE_TOKENS


class Letters:
    """A tokenizer that knows single letters only, and remembers how many it was shown."""

    def __init__(self) -> None:
        self.shown = 0

    def count(self, text: str) -> int:
        self.shown += len(text)
        return len(text)


class Spaces(Letters):
    """One that knows words only."""

    def count(self, text: str) -> int:
        self.shown += len(text)
        return text.count(" ")


def said(text: str) -> Prompt:
    return Prompt((Turn(Role.USER, (TextPart(text),)),))


def staged(tokenizer: Letters, *steps: Step) -> Stage:
    """A story whose best model is counted by that tokenizer, and answers so."""
    view = catalogue()
    models = [dataclasses.replace(one, tokenizer=Encoding.O200K_BASE) for one in view.models.values()]
    stage = Stage(view=snapshot(models, tuple(view.deployments.values()), revision=3))
    stage.tokenizers[Encoding.O200K_BASE] = tokenizer
    for deployment in ("good@one", "good@two"):
        stage.provider.script(deployment, steps)
    return stage


def test_a_prompt_counts_every_text_what_frames_its_messages_and_what_a_picture_is_taken_for() -> None:
    prompt = Prompt(
        (
            Turn(Role.USER, (TextPart("four"), ImagePart("data:image/png;base64,AAAA"))),
            Turn(Role.ASSISTANT, (ToolCallPart("id", "add", "{}"),)),
            Turn(Role.TOOL, (ToolResultPart("id", "ü"),)),
        ),
        tools=(Tool("add", "adds", "{}"),),
        response_format=ResponseFormat(schema="[]"),
    )
    said_in_all = 4 + 5 + 1 + 9 + 2
    counted = Transcript(Letters(), prompt).prompt_tokens()
    assert counted == REPLY_TOKENS + 3 * MESSAGE_TOKENS + said_in_all + PICTURE_TOKENS


@given(turns=st.lists(st.integers(0, 3 * MOST_COUNTED), max_size=5), pieces=st.lists(st.integers(0, MOST_COUNTED // 2)))
@example(turns=[MOST_COUNTED], pieces=[MOST_COUNTED])
@example(turns=[MOST_COUNTED + 1], pieces=[MOST_COUNTED, 1])
def test_however_long_a_text_is_only_so_much_is_counted_and_the_rest_in_proportion(
    turns: Sequence[int], pieces: Sequence[int]
) -> None:
    tokenizer = Letters()
    transcript = Transcript(tokenizer, Prompt(tuple([Turn(Role.USER, (TextPart("x" * size),)) for size in turns])))
    for size in pieces:
        transcript.hear("x" * size)

    assert transcript.prompt_tokens() == REPLY_TOKENS + MESSAGE_TOKENS * len(turns) + sum(turns)
    assert tokenizer.shown == min(sum(turns), MOST_COUNTED)
    tokenizer.shown = 0
    assert transcript.answer_tokens() == sum(pieces)
    assert tokenizer.shown == min(sum(pieces), MOST_COUNTED)


@pytest.mark.parametrize("is_dense_first", [True, False])
def test_a_long_prompt_is_counted_from_everywhere(is_dense_first: bool) -> None:
    dense, thin = " " * 4 * MOST_COUNTED, "x" * 4 * MOST_COUNTED
    tokens = Transcript(Spaces(), said(dense + thin if is_dense_first else thin + dense)).prompt_tokens()
    assert tokens == pytest.approx(4 * MOST_COUNTED, rel=0.01)


def test_an_answer_without_usage_is_billed_by_the_tokenizer_and_marked() -> None:
    async def story() -> None:
        stage = staged(Letters(), *texts("abc", "de"), ToolCallDelta(0, "1", "f", "{}"), finished())
        final = (await stage.tell(asking("hello"))).final
        assert final.usage == Usage(FRAME + 5, 0, 5 + 3, 0, 0)
        assert final.is_estimated
        await stage.close()

    play(story())


def test_what_a_provider_tells_is_never_counted_here() -> None:
    async def story() -> None:
        tokenizer = Letters()
        stage = staged(tokenizer, *answer())
        final = (await stage.tell()).final
        assert (final.usage, final.is_estimated) == (Usage(10, 0, 3, 0, 0), False)
        assert tokenizer.shown == 0
        await stage.close()
        part = staged(tokenizer, *texts("abc"), Used(Usage(cached_input_tokens=3, output_tokens=9)), finished())
        final = (await part.tell(asking("hello"))).final
        assert final.usage == Usage(FRAME + 5 - 3, 3, 9, 0, 0)
        assert tokenizer.shown == 5
        await part.close()

    play(story())


def test_a_cut_answer_is_billed_by_the_tokenizer() -> None:
    async def story() -> None:
        stage = staged(Letters(), *texts("abc"), fault(FaultKind.CUT))
        told = await stage.tell(asking("hello", on_cut=OnCut.FAIL))
        spent = told.events[-1]
        assert isinstance(spent, Spent)
        assert (spent.usage, spent.is_estimated) == (Usage(FRAME + 5, 0, 3, 0, 0), True)
        await stage.close()

    play(story())


def test_what_is_counted_teaches_the_estimate_by_bytes_of_what_is_running() -> None:
    async def story() -> None:
        stage = staged(Letters())
        meter = stage.asker._attempting._calling._meter
        for _ in range(200):
            for deployment in ("good@one", "good@two"):
                stage.provider.script(deployment, [TextDelta("x" * 100), finished()])
            assert (await stage.tell()).final.finish_reason is FinishReason.STOP
        # One letter is one token: the first guess of four bytes is forgotten.
        assert meter.answer_tokens("good", 1000) == pytest.approx(1000, rel=0.01)
        await stage.close()

    play(story())
