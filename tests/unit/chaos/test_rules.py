"""Which occasions are struck: by the rules alone, the same for the same seed, and every fault is counted."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atp_grpc.chaos import ChaosFault, ChaosTarget, InjectedFault, Strike, beset
from atp_grpc.domain.errors import ChaosForbiddenError
from tests.unit.chaos.worlds import Told, chaos, errors, rule

PROVIDER, EDGE, STORE, BACKGROUND = ChaosTarget
RULES = st.builds(
    rule,
    st.just(PROVIDER),
    st.sampled_from(ChaosFault),
    st.floats(0.01, 1.0),
    delay_seconds=st.floats(0.0, 2.0),
    deployment=st.sampled_from(["", "a", "b"]),
)


def test_nothing_stands_in_the_way_until_rules_are_set() -> None:
    quiet = chaos()
    assert (quiet.provider, quiet.edge, quiet.store, quiet.background) == (None, None, None, None)
    assert quiet.counted() == ()


def test_rules_are_refused_where_they_are_not_allowed_and_stopping_never_is() -> None:
    forbidden = chaos(is_allowed=False)
    with pytest.raises(ChaosForbiddenError) as caught:
        forbidden.set(EDGE, [errors(EDGE)])
    assert caught.value.metadata == {"setting": "chaos.allowed"}
    assert forbidden.edge is None
    forbidden.stop()


def test_setting_one_target_leaves_the_others_as_they_are() -> None:
    desk = chaos()
    desk.set(EDGE, [errors(EDGE)])
    desk.set(STORE, [errors(STORE)])
    desk.set(EDGE, [])
    assert [counted.rule.target for counted in desk.counted()] == [STORE]
    desk.stop()
    assert desk.counted() == ()


def test_a_rule_for_one_deployment_strikes_no_other() -> None:
    desk = chaos()
    desk.set(PROVIDER, [rule(PROVIDER, ChaosFault.CUT, deployment="a")])
    assert desk.provider is not None
    assert desk.provider.strike("b") is None
    assert desk.provider.strike("a") == Strike(0.0, ChaosFault.CUT)


def test_delays_add_up_and_the_first_fault_that_strikes_is_the_one() -> None:
    desk = chaos()
    desk.set(
        PROVIDER,
        [
            rule(PROVIDER, ChaosFault.DELAY, delay_seconds=1.0),
            rule(PROVIDER, ChaosFault.STALL),
            rule(PROVIDER, ChaosFault.CUT),
            rule(PROVIDER, ChaosFault.DELAY, delay_seconds=0.5),
        ],
    )
    assert desk.provider is not None
    assert desk.provider.strike() == Strike(1.5, ChaosFault.STALL)
    assert [counted.injected for counted in desk.counted()] == [1, 1, 0, 1]


def test_only_the_first_fault_of_each_rule_is_told_as_the_first() -> None:
    told = Told()
    desk = chaos(told=told)
    for _ in range(2):
        desk.set(EDGE, [errors(EDGE)])
        assert desk.edge is not None
        for _ in range(3):
            desk.edge.strike()
    assert [is_first for _, is_first in told.heard] == [True, False, False] * 2
    assert desk.injected == Counter({(EDGE, ChaosFault.ERROR): 6})


@settings(deadline=None)
@given(rules=st.lists(RULES, min_size=1, max_size=5), seed=st.integers(), calls=st.lists(st.sampled_from("ab")))
def test_the_same_seed_strikes_the_same_occasions_and_all_is_counted(
    rules: list[object], seed: int, calls: list[str]
) -> None:
    lives = []
    for _ in range(2):
        told = Told()
        desk = chaos(told=told)
        desk.set(PROVIDER, rules, seed)  # type: ignore[arg-type]
        assert desk.provider is not None
        strikes = [desk.provider.strike(name) for name in calls]
        assert sum(desk.injected.values()) == len(told.heard) == sum(one.injected for one in desk.counted())
        assert sum(one is not None and one.fault is not None for one in strikes) == sum(
            count for (_, fault), count in desk.injected.items() if fault is not ChaosFault.DELAY
        )
        lives.append(strikes)
    assert lives[0] == lives[1]


@settings(deadline=None, max_examples=20)
@given(probability=st.sampled_from([0.05, 0.3, 0.9]), seed=st.integers())
def test_a_share_of_the_occasions_is_struck(probability: float, seed: int) -> None:
    desk, occasions = chaos(), 2_000
    desk.set(EDGE, [errors(EDGE, probability)], seed)
    assert desk.edge is not None
    struck = sum(desk.edge.strike() is not None for _ in range(occasions))
    # Six standard deviations.
    assert abs(struck / occasions - probability) < 6 * (probability * (1 - probability) / occasions) ** 0.5


async def test_work_beside_the_calls_fails_before_it_is_done() -> None:
    desk = chaos()
    done: list[str] = []

    async def work() -> None:
        done.append("work")

    once = beset(desk, work)
    await once()
    desk.set(BACKGROUND, [errors(BACKGROUND)])
    with pytest.raises(InjectedFault):
        await once()
    with pytest.raises(InjectedFault):
        await desk.sleep(0.0)
    desk.stop()
    await desk.sleep(0.0)
    await once()
    assert done == ["work", "work"]
