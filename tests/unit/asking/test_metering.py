"""Tokens by bytes: a fixed guess at first, then what each model's own answers taught."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.asking.metering import LEAST_BYTES, MOST_BYTES, Meter, Sizes, characters_within, prompt_size, size_of
from atp_grpc.domain.conversation import (
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


@given(st.text())
def test_a_size_is_that_of_the_utf8(text: str) -> None:
    assert size_of(text) == len(text.encode())


@given(st.text(), st.integers(0, 60))
def test_what_fits_into_so_many_bytes_is_the_longest_beginning_that_does(text: str, most: int) -> None:
    count = characters_within(text, most)
    assert size_of(text[:count]) <= most
    assert count == len(text) or size_of(text[: count + 1]) > most


def test_a_prompt_counts_every_text_and_no_picture() -> None:
    prompt = Prompt(
        (
            Turn(Role.USER, (TextPart("four"), ImagePart("data:image/png;base64,AAAA"))),
            Turn(Role.ASSISTANT, (ToolCallPart("id", "add", "{}"),)),
            Turn(Role.TOOL, (ToolResultPart("id", "ü"),)),
        ),
        tools=(Tool("add", "adds", "{}"),),
        response_format=ResponseFormat(schema="[]"),
    )
    assert prompt_size(prompt) == 4 + 2 * 5 + 2 + 9 + 2


def test_four_bytes_are_a_token_before_anything_is_known() -> None:
    meter = Meter()
    assert [meter.answer_tokens("m", size) for size in (0, 1, 4, 5)] == [0, 1, 1, 2]
    assert meter.prompt_tokens("m", 41) == 11


def test_each_model_learns_from_its_own_answers() -> None:
    meter = Meter()
    for _ in range(200):
        meter.learn("m", Sizes(600, 200), input_tokens=100, output_tokens=100)
    assert meter.answer_tokens("m", 200) in (100, 101)
    assert meter.prompt_tokens("m", 600) in (100, 101)
    assert meter.answer_tokens("other", 200) == 50


def test_a_picture_is_taken_for_the_largest_figure_that_is_published() -> None:
    picture = ImagePart("https://pictures.example/1.png")
    prompt = Prompt((Turn(Role.USER, (picture, TextPart("or"), picture)), Turn(Role.USER, (picture,))))
    assert prompt.picture_tokens == 3 * 1_600
    assert Prompt((Turn(Role.USER, (TextPart("none"),)),)).picture_tokens == 0


def test_short_answers_teach_nothing() -> None:
    meter = Meter()
    meter.learn("m", Sizes(10, 10), input_tokens=15, output_tokens=1)
    meter.learn("m", Sizes(10, 10), input_tokens=None, output_tokens=None)
    assert meter.answer_tokens("m", 400) == meter.prompt_tokens("m", 400) == 100


@given(
    lessons=st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), max_size=40),
    size=st.integers(0, 10**7),
)
def test_whatever_providers_tell_an_estimate_stays_between_one_and_32_bytes_a_token(
    lessons: list[tuple[int, int]], size: int
) -> None:
    meter = Meter()
    for answer, tokens in lessons:
        meter.learn("m", Sizes(answer, answer), input_tokens=tokens, output_tokens=tokens)
    assert size / MOST_BYTES - 1 <= meter.answer_tokens("m", size) <= size / LEAST_BYTES + 1
    assert meter.answer_bytes("m", meter.answer_tokens("m", size)) >= size - 1
