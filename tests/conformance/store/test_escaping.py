"""Texts in a database: plain, reversible, and as different as they were."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.store.sqlite.escaping import escaped, unescaped
from tests.conformance.store.samples import texts


@given(texts, texts)
def test_escaping_is_ascii_reversible_and_keeps_texts_apart(one: str, other: str) -> None:
    assert unescaped(escaped(one)) == one
    assert escaped(one).isascii()
    assert not any(character < " " for character in escaped(one))
    assert (escaped(one) == escaped(other)) == (one == other)


@given(st.from_regex(r"[A-Za-z0-9@._:-]+", fullmatch=True))
def test_an_ordinary_name_is_stored_as_it_is(name: str) -> None:
    assert escaped(name) == name
