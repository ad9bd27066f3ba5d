"""Feedback tokens: they open for their tenant until they expire, and for nobody else, ever."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.domain.decision import Lesson, Revisions
from atp_grpc.domain.errors import TokenExpiredError, TokenInvalidError
from atp_grpc.domain.money import TokenPrices
from atp_grpc.domain.request import FeatureVector
from atp_grpc.routing.feedback import FeedbackTokens
from atp_grpc.secrets.files import open_secrets
from tests.unit.learning.examples import FIRST_LESSON, FIRST_VERSION, NOW, SECOND_LESSON, SECOND_VERSION, lesson
from tests.unit.routing.desk import Plain


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> FeedbackTokens:
    return FeedbackTokens(open_secrets(tmp_path_factory.mktemp("data")))


_NAMES = st.text(max_size=40)
_COUNTS = st.integers(0, 2**62)
_FLOATS = st.floats(allow_nan=False)


@given(
    names=st.tuples(_NAMES, _NAMES, _NAMES, _NAMES, _NAMES),
    figures=st.tuples(_FLOATS, _FLOATS, _FLOATS, _FLOATS),
    counts=st.tuples(_COUNTS, _COUNTS, _COUNTS),
    hold=_COUNTS | st.just(2**63 - 1),
    prices=st.tuples(_COUNTS, _COUNTS, *[st.none() | _COUNTS] * 3),
    features=st.lists(st.floats(width=32, allow_nan=False), max_size=48),
)
def test_what_is_sealed_is_what_opens(
    tokens: FeedbackTokens,
    names: tuple[str, str, str, str, str],
    figures: tuple[float, float, float, float],
    counts: tuple[int, int, int],
    hold: int,
    prices: tuple[int, int, int | None, int | None, int | None],
    features: list[float],
) -> None:
    sealed = Lesson(
        tenant="acme",
        decision_id=names[0],
        decided_nanos=NOW,
        expires_nanos=NOW + 1,
        model=names[1],
        deployment=names[2],
        features=FeatureVector(names[3], struct.pack(f"<{len(features)}f", *features)),
        propensity=figures[0],
        predicted_mean=figures[1],
        predicted_linear=figures[2],
        input_tokens=figures[3],
        prices=TokenPrices(*prices),
        revisions=Revisions(names[4], *counts),
        hold_nano_usd=hold,
    )
    assert tokens.open(tokens.seal(sealed), tenant="acme", now_nanos=NOW) == sealed


def test_a_token_that_was_sealed_before_holds_were_noted_opens_and_knows_of_none() -> None:
    opened = FeedbackTokens(Plain()).open(FIRST_VERSION, tenant="acme", now_nanos=NOW)
    assert opened == FIRST_LESSON


def test_a_token_that_was_sealed_before_cache_writes_had_a_price_opens_and_knows_of_none() -> None:
    opened = FeedbackTokens(Plain()).open(SECOND_VERSION, tenant="acme", now_nanos=NOW)
    assert opened == SECOND_LESSON


def test_another_tenants_token_does_not_open(tokens: FeedbackTokens) -> None:
    with pytest.raises(TokenInvalidError):
        tokens.open(tokens.seal(lesson(tenant="acme")), tenant="globex", now_nanos=NOW)


def test_a_token_expires_at_its_moment(tokens: FeedbackTokens) -> None:
    token = tokens.seal(lesson())
    assert tokens.open(token, tenant="acme", now_nanos=lesson().expires_nanos - 1) == lesson()
    with pytest.raises(TokenExpiredError) as refusal:
        tokens.open(token, tenant="acme", now_nanos=lesson().expires_nanos)
    assert refusal.value.metadata == {"expired_at": "2023-11-21T22:13:20+00:00"}


@given(data=st.data())
def test_no_altered_token_opens(tokens: FeedbackTokens, data: st.DataObject) -> None:
    token = bytearray(tokens.seal(lesson()))
    position = data.draw(st.integers(0, len(token) - 1))
    token[position] ^= data.draw(st.integers(1, 255))
    with pytest.raises(TokenInvalidError):
        tokens.open(bytes(token), tenant="acme", now_nanos=NOW)


@given(st.binary(max_size=300))
def test_no_made_up_token_opens(tokens: FeedbackTokens, made_up: bytes) -> None:
    with pytest.raises(TokenInvalidError):
        tokens.open(made_up, tenant="acme", now_nanos=NOW)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: b"\x00" + token[1:],
        lambda token: b"\x01" + token[1:],
        lambda token: b"\x02" + token[1:],
        lambda token: b"\x04" + token[1:],
        lambda token: token + b"x",
        lambda token: token[:-1],
        lambda _: b"",
        lambda _: FIRST_VERSION + b"x",
        lambda _: FIRST_VERSION[:-1],
        lambda _: b"\x02" + FIRST_VERSION[1:],
        lambda _: SECOND_VERSION[:-1],
        lambda _: b"\x03" + SECOND_VERSION[1:],
    ],
)
def test_a_token_of_another_version_or_length_is_not_misread(spoil: Callable[[bytes], bytes]) -> None:
    tokens = FeedbackTokens(Plain())
    token = tokens.seal(lesson())
    assert tokens.open(token, tenant="acme", now_nanos=NOW) == lesson()
    with pytest.raises(TokenInvalidError):
        tokens.open(spoil(token), tenant="acme", now_nanos=NOW)


def test_a_token_outlives_a_restart_on_the_same_data(tmp_path: Path) -> None:
    token = FeedbackTokens(open_secrets(tmp_path)).seal(lesson())
    assert FeedbackTokens(open_secrets(tmp_path)).open(token, tenant="acme", now_nanos=NOW) == lesson()
