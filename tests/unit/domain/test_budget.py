"""Periods of budgets: every moment has one account, and its borders are those of the calendar in UTC."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.domain.budget import ENDLESS, Account, Budget, BudgetPeriod, Standing
from atp_grpc.domain.clock import NANOS_PER_SECOND

CENTURY = 4_102_444_800 * NANOS_PER_SECOND


def nanos(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * NANOS_PER_SECOND


@pytest.mark.parametrize(
    ("period", "moment", "start", "end"),
    [
        (BudgetPeriod.DAY, "2026-11-21T23:59:59", "2026-11-21", "2026-11-22"),
        (BudgetPeriod.DAY, "2026-11-22T00:00:00", "2026-11-22", "2026-11-23"),
        (BudgetPeriod.MONTH, "2026-12-31T23:59:59", "2026-12-01", "2027-01-01"),
        (BudgetPeriod.MONTH, "2028-02-29T12:00:00", "2028-02-01", "2028-03-01"),
    ],
)
def test_a_moment_belongs_to_its_day_or_month(period: BudgetPeriod, moment: str, start: str, end: str) -> None:
    budget = Budget("acme", 1, period, 0)

    assert budget.account_at(nanos(moment)) == Account("acme", 0, nanos(start), nanos(end))


def test_a_total_has_one_period_from_its_beginning() -> None:
    assert Budget("acme", 1, BudgetPeriod.TOTAL, 7).account_at(10**18) == Account("acme", 7, 7, ENDLESS)


def test_before_its_beginning_a_budget_has_no_account() -> None:
    for period in BudgetPeriod:
        assert Budget("acme", 1, period, 100).account_at(99) is None
        assert Budget("acme", 1, period, 100).account_at(100) is not None


@given(st.sampled_from(BudgetPeriod), st.integers(0, CENTURY), st.integers(0, CENTURY))
def test_every_moment_lies_in_its_account_and_every_account_is_its_moments(
    period: BudgetPeriod, since: int, later: int
) -> None:
    budget = Budget("acme", 1, period, since)
    account = budget.account_at(since + later)

    assert account is not None
    assert account.start_nanos <= since + later < account.end_nanos
    assert budget.account_at(max(since, account.start_nanos)) == account
    assert budget.account_at(account.end_nanos - 1) == account
    if account.end_nanos != ENDLESS:
        following = budget.account_at(account.end_nanos)
        assert following is not None
        assert following.start_nanos == account.end_nanos


def test_an_etag_names_the_content() -> None:
    budget = Budget("acme", 1, BudgetPeriod.DAY, 5)
    others = [
        budget._replace(tenant="globex"),
        budget._replace(limit_nano_usd=2),
        budget._replace(period=BudgetPeriod.MONTH),
        budget._replace(since_nanos=6),
    ]

    assert budget.etag == Budget("acme", 1, BudgetPeriod.DAY, 5).etag
    assert len({budget.etag, *(other.etag for other in others)}) == 5


def test_what_is_left_is_never_below_zero() -> None:
    budget = Budget("acme", 100, BudgetPeriod.TOTAL, 0)
    account = Account("acme", 0, 0, ENDLESS)

    assert Standing(budget, account, spent_nano_usd=40, held_nano_usd=25).left_nano_usd == 35
    assert Standing(budget, account, spent_nano_usd=140, held_nano_usd=25).left_nano_usd == 0
