"""Fallbacks: the best others, at most three, never the chosen and never one that was set aside."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.domain.decision import Candidate, Expectation, Target
from atp_grpc.routing.fallbacks import MAX_FALLBACKS, fallbacks


def candidate(name: str, utility: float, cost: int, propensity: float = 0.5) -> Candidate:
    return Candidate(Target(name, f"{name}@one", "one"), Expectation(0.5, cost, 1.0, 0.0), utility, propensity)


@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from("abcdefgh"),
            st.floats(-1, 1),
            st.integers(0, 3),
            st.sampled_from([0.0, 0.5]),
        ),
        min_size=1,
        unique_by=lambda row: row[0],
    ),
    data=st.data(),
)
def test_fallbacks_are_the_best_of_the_others(rows: list[tuple[str, float, int, float]], data: st.DataObject) -> None:
    candidates = [candidate(*row) for row in rows]
    chosen = data.draw(st.integers(0, len(candidates) - 1))
    found = fallbacks(candidates, chosen)
    others = [each for position, each in enumerate(candidates) if position != chosen and each.propensity > 0]
    assert len(found) == min(len(others), MAX_FALLBACKS)
    assert set(found) <= set(others)
    worst = min((each.utility for each in found), default=0.0)
    assert all(each.utility <= worst for each in others if each not in found)
    assert [each.utility for each in found] == sorted((each.utility for each in found), reverse=True)


def test_ties_go_to_the_cheaper_and_then_to_the_name() -> None:
    tied = [candidate("z", 0.5, 1), candidate("chosen", 0.9, 1), candidate("b", 0.5, 2), candidate("a", 0.5, 2)]
    assert [each.target.model for each in fallbacks(tied, 1)] == ["z", "a", "b"]
