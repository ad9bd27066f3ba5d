"""Newcomers: who is one, and how much of a tenant's requests and money they may have."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.domain.policy import Exploration
from atp_grpc.routing.newcomers import ALLOWANCE, DAY_NANOS, WINDOW, Newcomers

NOW = 20_000 * DAY_NANOS + 5
LIMITS = Exploration(newcomer_observations=3, max_share=0.1, max_nano_usd_per_day=None)


def joined(limits: Exploration = LIMITS, capacity: int = 100) -> Newcomers:
    """A pool of one known model and one that has just joined."""
    newcomers = Newcomers(limits, capacity)
    newcomers.load(["old", "new"], {"old": 100})
    return newcomers


def spend_allowance(newcomers: Newcomers, tenant: str = "acme") -> None:
    for _ in range(ALLOWANCE):
        newcomers.chosen(tenant, "new", 10, NOW)


def test_a_model_that_joins_known_ones_is_a_newcomer_until_it_has_its_grades() -> None:
    newcomers = joined()
    seen = [newcomers.newcomers]
    for _ in range(3):
        newcomers.graded("new")
        seen.append(newcomers.newcomers)

    assert seen == [{"new"}, {"new"}, {"new"}, frozenset()]


def test_in_a_pool_that_starts_cold_nobody_is_ever_closed() -> None:
    newcomers = Newcomers(dataclasses.replace(LIMITS, max_share=0.0, is_stopped=True), 100)
    newcomers.load(["a", "b"], {})
    for _ in range(5):
        newcomers.graded("a")

    assert newcomers.closed("acme", NOW) == frozenset()


def test_a_model_added_to_a_pool_that_started_cold_is_a_newcomer_beside_the_untried() -> None:
    newcomers = Newcomers(LIMITS, 100)
    newcomers.load(["a", "b"], {})
    for _ in range(5):
        newcomers.graded("a")
    newcomers.load(["a", "b", "c"], {"a": 5})

    assert newcomers.newcomers == {"c"}


def test_when_the_known_models_leave_nobody_is_a_newcomer() -> None:
    newcomers = joined()
    newcomers.load(["new"], {})

    assert newcomers.newcomers == frozenset()


def test_a_newcomer_stays_one_when_the_catalogue_is_loaded_again() -> None:
    newcomers = joined()
    newcomers.graded("new")
    newcomers.load(["old", "new"], {"old": 100})
    newcomers.graded("new")

    assert newcomers.newcomers == {"new"}
    newcomers.graded("new")
    assert newcomers.newcomers == frozenset()


def test_a_model_that_was_away_is_judged_by_its_grades_when_it_returns() -> None:
    newcomers = joined()
    newcomers.load(["old"], {})
    newcomers.load(["old", "new"], {"new": 7})

    assert newcomers.newcomers == frozenset()


def test_grades_of_models_outside_the_pool_are_not_kept() -> None:
    newcomers = joined()
    for _ in range(10):
        newcomers.graded("elsewhere")
    newcomers.load(["old", "elsewhere"], {"old": 100})

    assert newcomers.newcomers == {"elsewhere"}


@given(st.lists(st.booleans(), max_size=2_500), st.sampled_from([0.01, 0.1, 0.35, 1.0]))
def test_a_tenants_share_is_kept_in_every_window(wishes: list[bool], share: float) -> None:
    newcomers = joined(dataclasses.replace(LIMITS, max_share=share))
    history = list[bool]()
    for wants_new in wishes:
        gets_new = wants_new and not newcomers.closed("acme", NOW)
        newcomers.chosen("acme", "new" if gets_new else "old", 10, NOW)
        history.append(gets_new)
        window = history[-WINDOW:]

        assert sum(window) <= max(ALLOWANCE, share * len(window))


def test_a_tenant_that_always_wants_the_newcomer_gets_all_of_its_share() -> None:
    newcomers, given_new = joined(), 0
    for _ in range(3 * WINDOW):
        gets_new = not newcomers.closed("acme", NOW)
        newcomers.chosen("acme", "new" if gets_new else "old", 10, NOW)
        given_new += gets_new

    assert 0.095 * 3 * WINDOW <= given_new <= 0.1 * 3 * WINDOW
    assert newcomers._accounts["acme"].choices.bit_length() <= WINDOW


def test_the_first_choices_of_a_newcomer_are_free_of_the_share() -> None:
    newcomers = joined()
    seen = []
    for _ in range(ALLOWANCE + 1):
        seen.append(newcomers.closed("acme", NOW))
        newcomers.chosen("acme", "new", 10, NOW)

    assert seen == [frozenset()] * ALLOWANCE + [{"new"}]


def test_a_share_of_nothing_closes_newcomers_at_once() -> None:
    assert joined(dataclasses.replace(LIMITS, max_share=0.0)).closed("acme", NOW) == {"new"}


def test_requests_before_there_was_a_newcomer_count_towards_its_share() -> None:
    newcomers = Newcomers(LIMITS, 100)
    newcomers.load(["old"], {"old": 100})
    for _ in range(200):
        newcomers.chosen("acme", "old", 10, NOW)
    newcomers.load(["old", "new"], {})
    seen = []
    for _ in range(25):
        seen.append(newcomers.closed("acme", NOW))
        newcomers.chosen("acme", "new", 10, NOW)

    # The 23rd would be 23 of 223 requests.
    assert seen == [frozenset()] * 22 + [{"new"}] * 3


def test_tenants_pay_for_themselves() -> None:
    newcomers = joined()
    spend_allowance(newcomers)

    assert newcomers.closed("acme", NOW) == {"new"}
    assert newcomers.closed("other", NOW) == frozenset()


def test_the_days_money_closes_newcomers_until_midnight() -> None:
    newcomers = joined(dataclasses.replace(LIMITS, max_share=1.0, max_nano_usd_per_day=100))
    newcomers.chosen("acme", "old", 5_000, NOW)
    newcomers.chosen("acme", "new", 99, NOW)
    assert newcomers.closed("acme", NOW) == frozenset()
    newcomers.chosen("acme", "new", 1, NOW)

    midnight = NOW - NOW % DAY_NANOS + DAY_NANOS
    assert newcomers.closed("acme", midnight - 1) == {"new"}
    assert newcomers.closed("acme", midnight) == frozenset()


@pytest.mark.parametrize(
    ("actual", "decided", "closed"),
    [(40, NOW, frozenset()), (150, NOW, {"new"}), (40, NOW - DAY_NANOS, {"new"})],
    ids=["cheaper", "dearer", "another day"],
)
def test_a_bill_of_today_corrects_what_was_expected(actual: int, decided: int, closed: frozenset[str]) -> None:
    newcomers = joined(dataclasses.replace(LIMITS, max_nano_usd_per_day=100))
    newcomers.chosen("acme", "new", 100, NOW)
    newcomers.settled("acme", "new", expected_nano_usd=100, actual_nano_usd=actual, decided_nanos=decided)

    assert newcomers.closed("acme", NOW) == closed


def test_bills_of_known_models_and_strangers_are_none_of_its_business() -> None:
    newcomers = joined(dataclasses.replace(LIMITS, max_nano_usd_per_day=100))
    newcomers.chosen("acme", "old", 10, NOW)
    newcomers.settled("acme", "old", expected_nano_usd=10, actual_nano_usd=5_000, decided_nanos=NOW)
    newcomers.settled("stranger", "new", expected_nano_usd=10, actual_nano_usd=5_000, decided_nanos=NOW)

    assert newcomers.closed("acme", NOW) == frozenset()
    assert newcomers.closed("stranger", NOW) == frozenset()


def test_the_kill_switch_closes_newcomers_for_everyone_and_can_be_released() -> None:
    newcomers = joined()
    newcomers.limit(dataclasses.replace(LIMITS, is_stopped=True))
    assert newcomers.closed("acme", NOW) == {"new"}
    newcomers.limit(LIMITS)

    assert newcomers.closed("acme", NOW) == frozenset()


def test_a_lower_bar_makes_newcomers_known_at_once() -> None:
    newcomers = joined()
    newcomers.graded("new")
    newcomers.limit(dataclasses.replace(LIMITS, newcomer_observations=1))

    assert newcomers.newcomers == frozenset()


def test_the_account_used_longest_ago_is_forgotten() -> None:
    newcomers = joined(capacity=2)
    for tenant in ("a", "b", "a", "c"):
        spend_allowance(newcomers, tenant)

    assert newcomers.closed("a", NOW) == {"new"}
    assert newcomers.closed("b", NOW) == frozenset()
