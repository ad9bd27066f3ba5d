"""Whether another attempt follows, when, and who pays."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.providers.contract import FaultKind, ProviderFault, Where
from atp_grpc.providers.retrying import (
    BUDGET_FULL,
    DEFAULT_RETRY_RULES,
    GiveUp,
    RetryBudgets,
    RetryRules,
    Wait,
    next_try,
)

kinds = st.sampled_from(FaultKind)
draws = st.floats(0.0, 1.0, exclude_max=True)
spans = st.floats(0.0, 1e6)


def follows(
    kind: FaultKind,
    *,
    made: int = 1,
    left: float = 60.0,
    elsewhere: bool = False,
    draw: float = 0.5,
    after: float | None = None,
) -> Wait | GiveUp:
    fault = ProviderFault(kind, retry_after_seconds=after)
    return next_try(fault, attempts_made=made, seconds_left=left, has_elsewhere=elsewhere, draw=draw)


@given(kinds, st.integers(1, 5), st.floats(-1.0, 100.0), st.booleans(), draws, st.one_of(st.none(), spans))
def test_the_laws_of_another_attempt(
    kind: FaultKind, made: int, left: float, elsewhere: bool, draw: float, after: float | None
) -> None:
    fault = ProviderFault(kind, retry_after_seconds=after)
    answer = next_try(fault, attempts_made=made, seconds_left=left, has_elsewhere=elsewhere, draw=draw)

    if isinstance(answer, Wait):
        assert made < DEFAULT_RETRY_RULES.attempts
        assert fault.where is not Where.NOWHERE
        assert 0.0 <= answer.seconds < left
        if answer.where is Where.HERE:
            assert fault.where is Where.HERE
            assert answer.seconds >= (after or 0.0)
            assert answer.seconds - (after or 0.0) <= DEFAULT_RETRY_RULES.cap_seconds
        else:
            assert elsewhere
            assert answer.seconds == 0.0


@pytest.mark.parametrize("kind", [FaultKind.INVALID_REQUEST, FaultKind.CONTENT_REFUSED])
def test_a_request_that_is_itself_wrong_is_never_tried_again(kind: FaultKind) -> None:
    assert follows(kind, elsewhere=True) is GiveUp.FAULT


@pytest.mark.parametrize(
    "kind", [FaultKind.RATE_LIMITED, FaultKind.OVERLOADED, FaultKind.TIMEOUT, FaultKind.UNAVAILABLE]
)
def test_a_failed_deployment_is_left_at_once_for_another(kind: FaultKind) -> None:
    assert follows(kind, elsewhere=True, after=30.0) == Wait(0.0, Where.ELSEWHERE)


def test_alone_it_waits_as_long_as_the_provider_asks_and_a_little_more() -> None:
    assert follows(FaultKind.RATE_LIMITED, after=7.0, draw=0.5) == Wait(7.125, Where.HERE)


def test_who_is_asked_to_wait_longer_than_there_is_time_gives_up_at_once() -> None:
    assert follows(FaultKind.RATE_LIMITED, after=30.0, left=29.0) is GiveUp.DEADLINE


def test_what_may_only_go_elsewhere_gives_up_when_there_is_nowhere() -> None:
    assert follows(FaultKind.TIMEOUT) is GiveUp.NOBODY_LEFT


def test_three_attempts_are_made_and_no_fourth() -> None:
    assert isinstance(follows(FaultKind.OVERLOADED, made=2), Wait)
    assert follows(FaultKind.OVERLOADED, made=3) is GiveUp.ATTEMPTS


def test_backoff_doubles_up_to_its_cap_and_is_spread_from_nothing() -> None:
    rules = RetryRules(attempts=20, base_seconds=1.0, cap_seconds=6.0)
    fault = ProviderFault(FaultKind.OVERLOADED)
    chance = Random(7)

    def waits(made: int) -> list[float]:
        answers = [
            next_try(
                fault, attempts_made=made, seconds_left=99.0, has_elsewhere=False, draw=chance.random(), rules=rules
            )
            for _ in range(300)
        ]
        return [answer.seconds for answer in answers if isinstance(answer, Wait)]

    for made, most in ((1, 1.0), (2, 2.0), (3, 4.0), (4, 6.0), (19, 6.0)):
        drawn = waits(made)
        assert len(drawn) == 300
        assert 0.9 * most < max(drawn) < most
        assert min(drawn) < 0.1 * most


def test_retries_at_the_same_place_end_when_nothing_succeeds() -> None:
    budgets = RetryBudgets()

    assert sum(budgets.spend("acme", Where.HERE) for _ in range(1_000)) == BUDGET_FULL
    assert budgets.spend("other", Where.HERE)


def test_successes_pay_for_a_tenth_of_retries_and_never_for_more_than_a_full_budget() -> None:
    budgets = RetryBudgets()
    while budgets.spend("acme", Where.HERE):
        pass

    for _ in range(101):
        budgets.succeeded("acme")
    assert sum(budgets.spend("acme", Where.HERE) for _ in range(100)) == 10

    for _ in range(10_000):
        budgets.succeeded("acme")
    assert budgets.left("acme") == BUDGET_FULL


def test_a_deployment_that_fails_too_seldom_for_its_breaker_never_empties_a_budget() -> None:
    budgets, chance = RetryBudgets(), Random(1)

    for _ in range(5_000):
        if chance.random() < 0.49:
            assert budgets.spend("acme", Where.ELSEWHERE)
        budgets.succeeded("acme")


@given(st.lists(st.sampled_from([Where.HERE, Where.ELSEWHERE, None]), max_size=400))
def test_a_budget_is_never_below_nothing_nor_above_full(events: list[Where | None]) -> None:
    budgets = RetryBudgets()
    for event in events:
        if event is None:
            budgets.succeeded("acme")
        else:
            before = budgets.left("acme")
            assert budgets.spend("acme", event) == (budgets.left("acme") < before)
        assert 0.0 <= budgets.left("acme") <= BUDGET_FULL
