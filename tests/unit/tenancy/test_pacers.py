"""The table of pacers: each tenant has its own, and a restart keeps them."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.tenancy.pacing import MOST_COST_PRICE, MOST_LEAN, MOST_OWED, MOST_SAVED, Pacer, Pacers, PacingStateError

pacers = st.builds(
    Pacer,
    cost=st.floats(0.0, MOST_COST_PRICE),
    owed=st.floats(MOST_SAVED, MOST_OWED),
    lean=st.floats(0.0, MOST_LEAN),
    variance=st.floats(0.0, 1.0),
)


def test_each_tenant_and_policy_has_its_own_prices() -> None:
    table = Pacers(10)
    table.at("acme", "default").cost = 0.5

    assert table.at("acme", "default").cost == 0.5
    assert table.at("acme", "cheap").cost == 0.0
    assert table.at("other", "default").cost == 0.0


def test_new_tenants_of_a_policy_begin_with_its_first_price() -> None:
    table = Pacers(10)
    before = table.at("acme", "default")
    table.begin("default", 0.7)

    assert table.at("other", "default").cost == 0.7
    assert table.at("other", "cheap").cost == 0.0
    assert table.at("acme", "default") is before
    assert before.cost == 0.0


def test_the_pacer_asked_for_longest_ago_is_forgotten() -> None:
    table = Pacers(2)
    for tenant in ("a", "b", "a", "c"):
        table.at(tenant, "p").cost = 1.0

    assert len(table) == 2
    assert table.at("a", "p").cost == 1.0
    assert table.at("b", "p").cost == 0.0


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("pq"), pacers), max_size=12))
def test_a_restart_keeps_every_price(entries: list[tuple[str, str, Pacer]]) -> None:
    before, after = Pacers(5), Pacers(5)
    for tenant, policy, known in entries:
        pacer = before.at(tenant, policy)
        pacer.cost, pacer.owed, pacer.lean, pacer.variance = known.cost, known.owed, known.lean, known.variance
    after.restore(json.loads(json.dumps(before.state())))

    assert after.state() == before.state()
    before.at("new", "p")
    after.at("new", "p")
    assert after.state() == before.state()


def test_a_smaller_table_keeps_those_asked_for_last() -> None:
    large, small = Pacers(5), Pacers(2)
    for tenant in "abc":
        large.at(tenant, "p")
    small.restore(large.state())

    assert [entry[0] for entry in small.state()["pacers"]] == ["b", "c"]


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"pacers": {}},
        {"pacers": [["a", "p", 0.0, 0.0, 0.0]]},
        {"pacers": [["a", "p", -0.1, 0.0, 0.0, 0.1]]},
        {"pacers": [["a", "p", 0.0, -51.0, 0.0, 0.1]]},
        {"pacers": [["a", "p", 0.0, 0.0, math.nan, 0.1]]},
        {"pacers": [["a", "p", 0.0, 0.0, 0.0, 1.1]]},
        {"pacers": [["a", "p", math.inf, 0.0, 0.0, 0.1]]},
        {"pacers": [["a", "p", 0.0, 0.0, 0.0, 0.1], "b"]},
        {"pacers": [["a", 7, 0.0, 0.0, 0.0, 0.1]]},
    ],
)
def test_a_foreign_state_is_refused_and_changes_nothing(state: dict[str, Any]) -> None:
    table = Pacers(3)
    table.at("acme", "default").cost = 2.0
    with pytest.raises(PacingStateError):
        table.restore(state)

    assert table.at("acme", "default").cost == 2.0
