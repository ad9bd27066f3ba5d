"""Which policy serves a request: by name, by share, by session; and that nobody is lost between two of them."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.domain.errors import AtpError, InvalidFieldError, UnknownPolicyError
from atp_grpc.routing.rollout import Policies
from tests.unit.routing.desk import CALL, POLICY, TERMS, Desk, text, three_models, written

VIEW = three_models()


def desk_of(name: str, share: float = 0.0) -> Desk:
    policy = dataclasses.replace(POLICY, name=name, terms=dataclasses.replace(TERMS, traffic_share=share))
    return Desk(VIEW, policy=policy)


def policies_of(shares: dict[str, float]) -> Policies:
    seeds = itertools.count()
    # Weyl's sequence: as even as points can be, and the same every time.
    policies = Policies(
        desk_of("default").router, next_seed=lambda: next(seeds) * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF
    )
    for name, share in shares.items():
        policies.put(desk_of(name, share).router)
    return policies


SHARES = st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), st.floats(0, 0.25), min_size=1, max_size=4)


def served_by(policies: Policies, **request: object) -> str:
    return policies.pick(text(**request), "acme").policy.name


@given(shares=SHARES, keys=st.sampled_from(["session_id", "request_id"]))
def test_shares_land_within_counting_error(shares: dict[str, float], keys: str) -> None:
    policies, count = policies_of(shares), 2_000
    seen = Counter(served_by(policies, **{keys: f"key {number}"}) for number in range(count))
    for name, share in {**shares, "default": 1 - sum(shares.values())}.items():
        spread = math.sqrt(count * share * (1 - share))
        # Five standard errors, and one for the shares that are hardly above zero.
        assert abs(seen[name] - count * share) <= 5 * spread + 1


@given(shares=SHARES)
def test_shares_of_requests_that_name_nothing_are_drawn(shares: dict[str, float]) -> None:
    policies, count = policies_of(shares), 1_000
    seen = Counter(served_by(policies) for _ in range(count))
    for name, share in shares.items():
        assert abs(seen[name] - count * share) <= 10


@given(shares=SHARES, sessions=st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=20))
def test_the_same_session_always_lands_on_the_same_policy(shares: dict[str, float], sessions: list[str]) -> None:
    policies, another = policies_of(shares), policies_of(dict(reversed(shares.items())))
    for session in sessions:
        first = served_by(policies, session_id=session)
        assert served_by(policies, session_id=session, request_id="another") == first
        assert served_by(another, session_id=session) == first


def test_sessions_of_two_tenants_are_told_apart() -> None:
    policies = policies_of({"a": 0.5})
    sessions = [text(session_id=f"s{number}") for number in range(64)]
    ours, theirs = ([policies.pick(one, tenant).policy.name for one in sessions] for tenant in ("acme", "globex"))
    assert ours != theirs


def test_a_policy_that_is_named_serves_whatever_the_shares_say() -> None:
    policies = policies_of({"a": 1.0, "quiet": 0.0})
    assert served_by(policies) == "a"
    assert served_by(policies, policy="quiet") == "quiet"
    assert served_by(policies, policy="default") == "default"
    with pytest.raises(UnknownPolicyError):
        policies.pick(text(policy="ghost"), "acme")


def test_a_policy_that_was_dropped_serves_nobody_and_its_share_is_the_defaults_again() -> None:
    policies = policies_of({"a": 1.0})
    policies.drop("a")
    assert served_by(policies) == "default"
    with pytest.raises(UnknownPolicyError):
        policies.route(text(policy="a"), CALL)


def test_a_new_version_takes_the_place_of_the_one_before() -> None:
    policies = policies_of({"a": 1.0})
    newer = desk_of("a").router
    policies.put(newer)
    assert served_by(policies) == "default"
    assert policies.pick(text(policy="a"), "acme") is newer


@given(names=st.lists(st.sampled_from(["", "default", "a", "b", "ghost", "broken"]), max_size=12))
def test_each_of_many_is_answered_in_its_own_place_by_its_own_policy(names: list[str]) -> None:
    policies = policies_of({"a": 0.0, "b": 0.0})
    broken = InvalidFieldError([])
    answers = policies.route_many([broken if name == "broken" else text(policy=name) for name in names], CALL)
    assert len(answers) == len(names)
    for name, answer in zip(names, answers, strict=True):
        if name == "broken":
            assert answer is broken
        elif name == "ghost":
            assert isinstance(answer, UnknownPolicyError)
        else:
            assert not isinstance(answer, AtpError)
            assert answer.policy == (name or "default")
            assert written(answer).lesson.revisions.policy == (name or "default")


def test_a_plan_is_that_of_the_policy_which_would_serve() -> None:
    policies = policies_of({"a": 1.0})
    assert policies.plan(text(), CALL).revisions.policy == "a"
    assert policies.plan(text(policy="default"), CALL).revisions.policy == "default"
