"""The detector of change: it hears a real one soon, and takes neither noise nor mixed prompts for one."""

from __future__ import annotations

import json
import math
import statistics
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.learning.change import WARM_UP, Alarm, ChangeDetector, ChangeStateError, Direction
from tests.bench.change_bench import BELIEVED, UNCHANGED, Stream, delays, false_alarms, graded, mixed, yes_or_no

residuals = st.lists(st.tuples(st.sampled_from("ab"), st.floats(-3.0, 3.0)), max_size=200)


def alarms(detector: ChangeDetector, stream: list[tuple[str, float]]) -> list[Alarm | None]:
    return [detector.learn(arm, residual) for arm, residual in stream]


def steady(detector: ChangeDetector, arm: str = "a", count: int = 400) -> None:
    """An arm that is as good as predicted, give or take 0.4."""
    for number in range(count):
        assert detector.learn(arm, 0.4 if number % 2 else -0.4) is None


def test_a_fall_of_the_quality_is_found_and_named() -> None:
    detector = ChangeDetector()
    steady(detector)
    found = [alarm for _ in range(60) if (alarm := detector.learn("a", -0.6))]

    assert found[0].arm == "a"
    assert found[0].direction is Direction.FELL
    assert 1 <= found[0].outcomes <= 20


def test_a_rise_of_the_quality_is_found_and_named() -> None:
    detector = ChangeDetector()
    steady(detector)
    found = [alarm for _ in range(60) if (alarm := detector.learn("a", 0.6))]

    assert found[0].direction is Direction.ROSE


def test_an_arm_is_judged_by_its_own_outcomes() -> None:
    detector = ChangeDetector()
    steady(detector, "a")
    steady(detector, "b")
    found = [detector.learn(arm, residual) for _ in range(40) for arm, residual in (("a", -0.6), ("b", 0.0))]

    assert {alarm.arm for alarm in found if alarm} == {"a"}


def test_the_first_outcomes_of_an_arm_raise_no_alarm() -> None:
    detector = ChangeDetector()

    assert not any(detector.learn("a", -1.0) for _ in range(WARM_UP))


def test_after_an_alarm_the_sums_begin_anew() -> None:
    detector = ChangeDetector()
    steady(detector)
    until_first = next(count for count in range(60) if detector.learn("a", -0.6))

    assert not any(detector.learn("a", -0.6) for _ in range(until_first // 2))


@given(residuals)
def test_the_same_outcomes_give_the_same_alarms_also_across_a_restart(stream: list[tuple[str, float]]) -> None:
    whole, first, second = ChangeDetector(), ChangeDetector(), ChangeDetector()
    half = len(stream) // 2
    before = alarms(first, stream[:half])
    second.restore(json.loads(json.dumps(first.state())))

    assert before + alarms(second, stream[half:]) == alarms(whole, stream)
    assert second.state() == whole.state()


@pytest.mark.parametrize("residual", [math.nan, math.inf, -math.inf])
def test_a_residual_that_is_no_number_is_refused_and_not_learned(residual: float) -> None:
    detector = ChangeDetector()
    steady(detector)
    before = detector.state()
    with pytest.raises(ValueError, match="the residual of a"):
        detector.learn("a", residual)

    assert detector.state() == before


@pytest.mark.parametrize(
    "figures",
    [
        "seven",
        [40, 10.0, 0.9, 0.0, 0, 0.0],
        [40, 10.0, 0.9, 0.0, 0, 0.0, 0.5],
        [-1, 10.0, 0.9, 0.0, 0, 0.0, 0],
        [40, 0.0, 0.9, 0.0, 0, 0.0, 0],
        [40, 10.0, math.nan, 0.0, 0, 0.0, 0],
        [40, math.inf, 0.9, 0.0, 0, 0.0, 0],
        [40, 10.0, 0.9, 99.0, 3, 0.0, 0],
        [40, 10.0, 0.9, 0.0, 0, -1.0, 3],
    ],
)
def test_a_foreign_state_is_refused_and_changes_nothing(figures: Any) -> None:
    detector = ChangeDetector()
    steady(detector)
    before = detector.state()
    with pytest.raises(ChangeStateError, match=r"^b: "):
        detector.restore({"a": before["a"], "b": figures})

    assert detector.state() == before


def test_a_name_that_is_no_text_is_refused() -> None:
    with pytest.raises(ChangeStateError):
        ChangeDetector().restore({7: [40, 10.0, 0.9, 0.0, 0, 0.0, 0]})  # type: ignore[dict-item]


@given(st.sampled_from([-1.0, 1.0]), st.floats(1.0, 1e300))
def test_no_residual_counts_more_than_the_whole_range_of_quality(side: float, size: float) -> None:
    whole, beyond = ChangeDetector(), ChangeDetector()
    steady(whole)
    steady(beyond)
    whole.learn("a", side)
    beyond.learn("a", side * size)

    assert beyond.state() == whole.state()


@given(st.integers(1, 10_000), st.floats(0.0, 1e9))
def test_what_is_kept_is_a_share(outcomes: int, evidence: float) -> None:
    share = Alarm("a", Direction.FELL, outcomes).keep(evidence)

    assert 0.0 < share <= 1.0


def test_half_as_many_outcomes_are_kept_as_were_seen_since_the_change() -> None:
    alarm = Alarm("a", Direction.FELL, 40)

    assert alarm.keep(1_000.0) * 1_000.0 == pytest.approx(20.0)
    assert alarm.keep(10.0) == 1.0


@pytest.mark.parametrize("arm", UNCHANGED, ids=str)
def test_an_unchanged_arm_is_left_alone(arm: Stream) -> None:
    assert false_alarms(arm, seeds=10, outcomes=2_000) <= 4


@pytest.mark.parametrize(
    ("before", "after"),
    [(0.95, 0.65), (0.8, 0.5), (0.65, 0.35), (0.5, 0.2), (0.4, 0.1), (0.5, 0.8)],
)
def test_a_change_of_three_tenths_is_found_within_sixty_outcomes(before: float, after: float) -> None:
    found = delays(yes_or_no(before), yes_or_no(after), seeds=31, known=500)

    assert statistics.median(found) <= 60


def test_a_quiet_arm_is_found_sooner_than_a_noisy_one() -> None:
    quiet = delays(graded(0.8, 0.1), graded(0.5, 0.1), seeds=15, known=500)
    noisy = delays(yes_or_no(0.8), yes_or_no(0.5), seeds=15, known=500)

    assert statistics.median(quiet) < statistics.median(noisy) / 2


def test_prompts_that_grow_harder_are_found_and_mixed_ones_are_not() -> None:
    both = mixed(0.95, 0.35)

    assert false_alarms(both, seeds=10, outcomes=2_000) <= 4
    assert statistics.median(delays(both, yes_or_no(0.35), seeds=15, known=500)) <= 60


def test_a_lasting_error_of_the_prediction_within_the_slack_is_no_change() -> None:
    assert false_alarms(yes_or_no(0.7), seeds=10, outcomes=2_000, believed=BELIEVED) <= 4
