"""Names and seeds: distinct, well-formed, in order of time."""

from __future__ import annotations

import re

from atp_grpc.app.identity import Draws, fresh_name
from atp_grpc.domain.decision_id import was_dealt

NOW = 1_700_000_000_000_000_000


def test_names_of_decisions_are_distinct_and_sort_by_the_millisecond() -> None:
    draws = Draws()
    names = [draws.decision_id(NOW + number * 1_000_000, is_dealt=True) for number in range(1000)]
    assert len(set(names)) == 1000
    assert names == sorted(names)
    assert all(re.fullmatch(r"[0-9a-f]{32}", name) for name in names)
    assert int(names[0][:12], 16) == NOW // 1_000_000


def test_names_of_one_moment_are_distinct() -> None:
    draws = Draws()
    assert len({draws.decision_id(NOW, is_dealt=False) for _ in range(10_000)}) == 10_000


def test_a_name_says_whether_the_policy_was_dealt_to_the_request() -> None:
    draws = Draws()
    for is_dealt in (True, False):
        assert {was_dealt(draws.decision_id(NOW, is_dealt=is_dealt)) for _ in range(1000)} == {is_dealt}


def test_seeds_fill_64_bits_and_two_processes_draw_differently() -> None:
    first, second = Draws(), Draws()
    seeds = [first.seed() for _ in range(1000)]
    assert len(set(seeds)) == 1000
    assert max(seeds) < 2**64
    assert max(seeds) > 2**63 > min(seeds)
    assert seeds[:10] != [second.seed() for _ in range(10)]


def test_a_fresh_name_is_never_had_twice() -> None:
    assert len({fresh_name() for _ in range(1000)}) == 1000
