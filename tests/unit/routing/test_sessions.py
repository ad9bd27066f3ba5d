"""Conversations: who served them last, for how long that is known, and what staying is worth."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.domain.money import TokenPrices
from atp_grpc.routing.sessions import HOUR_NANOS, Sessions, value_of_staying

PRICES = TokenPrices(input=3_000_000_000, output=15_000_000_000, cached_input=300_000_000)


def worth(
    affinity_weight: float = 0.0,
    *,
    prices: TokenPrices = PRICES,
    cost_weight: float = 0.5,
    cost_scale: float = 9_000_000.0,
    input_tokens: float = 10_000.0,
    cached_share: float = 1.0,
) -> float:
    return value_of_staying(
        affinity_weight,
        cost_weight=cost_weight,
        cost_scale_nano_usd=cost_scale,
        prices=prices,
        input_tokens=input_tokens,
        cached_share=cached_share,
    )


def test_the_model_that_served_a_conversation_is_favoured() -> None:
    sessions = Sessions(10)
    sessions.served("acme", "talk", "small", 1)
    sessions.served("acme", "talk", "large", 2)

    assert sessions.favour("acme", "talk", 3) == "large"
    assert sessions.favour("acme", "other", 3) is None


def test_a_tenant_never_sees_the_conversation_of_another() -> None:
    sessions = Sessions(10)
    sessions.served("acme", "talk", "small", 1)

    assert sessions.favour("other", "talk", 2) is None


def test_a_conversation_is_forgotten_after_an_hour_of_silence() -> None:
    sessions = Sessions(10)
    sessions.served("acme", "talk", "small", 5)

    assert sessions.favour("acme", "talk", 5 + HOUR_NANOS) == "small"
    assert sessions.favour("acme", "talk", 6 + HOUR_NANOS) is None
    assert len(sessions) == 0


def test_each_request_of_a_conversation_keeps_it_alive() -> None:
    sessions = Sessions(10, ttl_nanos=10)
    for moment in (0, 8, 16):
        sessions.served("acme", "talk", "small", moment)

    assert sessions.favour("acme", "talk", 26) == "small"


def test_a_request_without_a_session_is_no_conversation() -> None:
    sessions = Sessions(10)
    sessions.served("acme", "", "small", 1)

    assert len(sessions) == 0
    assert sessions.favour("acme", "", 2) is None


def test_the_conversation_served_longest_ago_leaves_first() -> None:
    sessions = Sessions(2)
    for moment, talk in enumerate(("a", "b", "a", "c")):
        sessions.served("acme", talk, "small", moment)

    assert sessions.favour("acme", "a", 4) == "small"
    assert sessions.favour("acme", "b", 4) is None
    assert sessions.favour("acme", "c", 4) == "small"


@given(st.lists(st.tuples(st.sampled_from("xy"), st.text("abcdef", max_size=2), st.sampled_from("ml")), max_size=80))
def test_there_are_never_more_conversations_than_the_capacity(stream: list[tuple[str, str, str]]) -> None:
    sessions, truth = Sessions(4), dict[tuple[str, str], str]()
    for moment, (tenant, talk, model) in enumerate(stream):
        sessions.served(tenant, talk, model, moment)
        truth[tenant, talk] = model

        assert len(sessions) <= 4
        assert sessions.favour(tenant, talk, moment) == (model if talk else None)
    for (tenant, talk), model in truth.items():
        assert sessions.favour(tenant, talk, len(stream)) in {model, None}


def test_staying_is_worth_the_switch_and_what_the_cache_saves() -> None:
    # 10,000 tokens at 2.7 instead of 0.3 dollars a million: 27 million nano-dollars, three scales of cost.
    assert worth() == pytest.approx(0.5 * 3.0)
    assert worth(0.02) == pytest.approx(0.02 + 0.5 * 3.0)
    assert worth(cached_share=0.25) == pytest.approx(0.5 * 0.75)


def test_without_a_price_for_cached_input_only_the_switch_counts() -> None:
    assert worth(0.02, prices=PRICES._replace(cached_input=None)) == 0.02


@given(st.floats(0.0, 1.0), st.integers(0, 100_000), st.integers(1, 1_000))
def test_the_saving_does_not_depend_on_the_unit_of_money(share: float, tokens: int, factor: int) -> None:
    dearer = TokenPrices(PRICES.input * factor, 0, (PRICES.cached_input or 0) * factor)
    plain = worth(input_tokens=tokens, cached_share=share)
    scaled = worth(prices=dearer, cost_scale=9_000_000.0 * factor, input_tokens=tokens, cached_share=share)

    assert math.isclose(plain, scaled, rel_tol=1e-12)


def test_a_cache_that_is_dearer_than_the_input_takes_nothing_from_staying() -> None:
    dearer = TokenPrices(input=1, output=1, cached_input=1_000_000_000)

    assert worth(0.25, prices=dearer) == 0.25


def test_no_value_is_beyond_what_engines_take() -> None:
    assert worth(cost_scale=1e-12) == 1e9
