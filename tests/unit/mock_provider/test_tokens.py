"""One token is what the page says it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from atp_grpc.mock_provider import count_tokens, split_tokens


@given(some.text())
def test_the_tokens_of_a_text_are_the_text(text: str) -> None:
    assert "".join(split_tokens(text)) == text


@given(some.lists(some.from_regex(r"\w+", fullmatch=True), max_size=20))
def test_words_with_a_blank_between_count_one_each(words: list[str]) -> None:
    assert count_tokens(" ".join(words)) == len(words)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", []),
        ("Hello, world!", ["Hello", ",", " world", "!"]),
        ("  two\n\nlines ", ["  two", "\n\nlines", " "]),
        ('{"a":1}', ["{", '"', "a", '"', ":", "1", "}"]),
    ],
)
def test_a_token_is_a_word_or_a_sign_with_the_blanks_before_it(text: str, tokens: list[str]) -> None:
    assert split_tokens(text) == tokens
