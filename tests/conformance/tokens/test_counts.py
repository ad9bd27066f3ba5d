"""Tokens as they are counted here are those of tiktoken, whatever the text, in time that the text alone decides."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.asking.native import NativeTokenizer
from atp_grpc.domain.model import Encoding
from tests.conformance.tokens.texts import odd_texts
from tests.native_engine import need_native, no_fault

COUNTS: list[list[object]] = json.loads(Path(__file__).with_name("counts.json").read_text())
SEAM = 4
"""Where two texts meet they are cut anew, and the merges of lowest rank are not always the fewest tokens."""

pytestmark = pytest.mark.native


@pytest.fixture(scope="module", name="o200k")
def make_o200k() -> NativeTokenizer:
    need_native()
    return NativeTokenizer(Encoding.O200K_BASE, on_fault=no_fault)


@pytest.fixture(scope="module", name="cl100k")
def make_cl100k() -> NativeTokenizer:
    need_native()
    return NativeTokenizer(Encoding.CL100K_BASE, on_fault=no_fault)


def test_counts_are_those_that_tiktoken_gave(o200k: NativeTokenizer, cl100k: NativeTokenizer) -> None:
    assert [[text, o200k.count(text), cl100k.count(text)] for text in odd_texts(len(COUNTS))] == COUNTS


@pytest.mark.parametrize(
    ("text", "in_o200k", "in_cl100k"),
    [
        ("tiktoken is great!", 6, 6),
        ("antidisestablishmentarianism", 6, 6),
        ("2 + 2 = 4", 7, 7),
        ("お誕生日おめでとう", 8, 9),
    ],
)
def test_counts_are_those_of_openais_own_examples(
    o200k: NativeTokenizer, cl100k: NativeTokenizer, text: str, in_o200k: int, in_cl100k: int
) -> None:
    assert (o200k.count(text), cl100k.count(text)) == (in_o200k, in_cl100k)


@given(left=st.text(), right=st.text())
def test_two_texts_together_have_no_more_tokens_than_apart_but_for_a_few_at_the_seam(
    o200k: NativeTokenizer, left: str, right: str
) -> None:
    together = o200k.count(left + right)
    assert together <= o200k.count(left) + o200k.count(right) + SEAM
    assert (together > 0) == bool(left + right)


@given(text=st.text(st.characters()))
def test_half_a_character_of_utf16_is_counted_as_its_replacement(cl100k: NativeTokenizer, text: str) -> None:
    assert cl100k.count(f"{text}\ud83d") == cl100k.count(f"{text}?")


@pytest.mark.parametrize("letter", ["a", " ", "中"])
def test_a_text_of_one_letter_takes_no_quadratic_time(o200k: NativeTokenizer, letter: str) -> None:
    def seconds(size: int) -> float:
        text = letter * size
        began = time.thread_time()
        o200k.count(text)
        return time.thread_time() - began

    assert o200k.count(letter * (1 << 20)) > 0
    short, long = (min(seconds(size) for _ in range(3)) for size in (8 << 10, 128 << 10))
    # Sixteen times the text: a quadratic count would take 256 times as long.
    assert long < 80 * short
