"""What is believed of a part whose findings flap."""

from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.domain.health import Belief, State

HEALTHY, DEGRADED, UNHEALTHY = State
FOUND = st.lists(st.sampled_from(list(State)), min_size=1, max_size=40)


def believed(found: list[State], *, fall: int = 3, rise: int = 2) -> list[State]:
    belief = Belief(fall=fall, rise=rise)
    return [belief.hear(state) for state in found]


def test_nothing_is_believed_before_the_first_finding_and_that_one_at_once() -> None:
    assert Belief(fall=3, rise=2).state is None
    assert believed([UNHEALTHY]) == [UNHEALTHY]


def test_something_worse_is_believed_after_as_many_findings_as_it_takes_to_fall() -> None:
    assert believed([HEALTHY, UNHEALTHY, UNHEALTHY, UNHEALTHY]) == [HEALTHY, HEALTHY, HEALTHY, UNHEALTHY]


def test_something_better_is_believed_after_as_many_findings_as_it_takes_to_rise() -> None:
    assert believed([UNHEALTHY, HEALTHY, HEALTHY]) == [UNHEALTHY, UNHEALTHY, HEALTHY]


def test_a_part_that_flaps_stays_what_it_was() -> None:
    assert believed([HEALTHY, UNHEALTHY, UNHEALTHY, HEALTHY] * 10) == [HEALTHY] * 40


def test_of_bad_findings_only_what_all_of_them_agree_on_is_believed() -> None:
    assert believed([HEALTHY, UNHEALTHY, DEGRADED, UNHEALTHY])[-1] is DEGRADED
    assert believed([UNHEALTHY, DEGRADED, HEALTHY])[-1] is DEGRADED


def test_with_counts_of_one_the_last_finding_is_believed() -> None:
    found = [HEALTHY, UNHEALTHY, DEGRADED, HEALTHY]

    assert believed(found, fall=1, rise=1) == found


@given(FOUND, st.integers(1, 5), st.integers(1, 5))
def test_a_change_needs_its_findings_in_a_row(found: list[State], fall: int, rise: int) -> None:
    history = believed(found, fall=fall, rise=rise)
    for position in range(1, len(found)):
        before, now = history[position - 1], history[position]
        if now > before:
            assert min(found[position + 1 - fall : position + 1]) == now
        if now < before:
            assert max(found[position + 1 - rise : position + 1]) == now


@given(st.sampled_from(list(State)), FOUND)
def test_whatever_was_found_before_a_lasting_state_is_believed_in_the_end(last: State, found: list[State]) -> None:
    assert believed([*found, *[last] * 3])[-1] is last
