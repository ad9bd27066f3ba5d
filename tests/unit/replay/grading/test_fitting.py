"""Choices that do not fit the table are refused whole, with what is wrong and where."""

from __future__ import annotations

import math

import pytest

from atp_grpc.replay.choices import ChoiceLine
from atp_grpc.replay.grading import Misfit, MisfitKind, score
from tests.unit.replay.grading.worlds import lines, table

WORLD = table([[0.1, 0.9], [0.4, 0.6], [0.2, 0.3]], [1_000, 9_000])
GOOD = [*lines(WORLD, "0", 1, seed=0), *lines(WORLD, "0", 1, seed=1)]
OTHER = list(lines(WORLD, "1", 0, seed=0))


@pytest.mark.parametrize(
    ("choices", "kind", "words"),
    [
        ([], MisfitKind.NO_CHOICES, "no choices"),
        ([GOOD[0]._replace(dataset="else"), *GOOD[1:]], MisfitKind.OTHER_DATASET, "choice 1 "),
        ([*GOOD[:-1], GOOD[-1]._replace(dataset="made.3")], MisfitKind.OTHER_DATASET, "choice 6 "),
        ([GOOD[0]._replace(dataset="made.1.2"), *GOOD[1:]], MisfitKind.OTHER_DATASET, "choice 1 "),
        ([GOOD[0]._replace(prompt_id="p9"), *GOOD[1:]], MisfitKind.UNKNOWN_PROMPT, "p9"),
        ([GOOD[0]._replace(model="nobody"), *GOOD[1:]], MisfitKind.UNKNOWN_MODEL, "nobody"),
        ([GOOD[0]._replace(propensity=0.0), *GOOD[1:]], MisfitKind.BAD_PROPENSITY, "choice 1 "),
        ([GOOD[0]._replace(propensity=1.5), *GOOD[1:]], MisfitKind.BAD_PROPENSITY, "1.5"),
        ([GOOD[0]._replace(propensity=math.nan), *GOOD[1:]], MisfitKind.BAD_PROPENSITY, "NaN"),
        (GOOD[1:], MisfitKind.MISSING_PROMPT, "setting 0, seed 0: 1 of 3 prompts occur not at all, 'p0'"),
        ([*GOOD, GOOD[-1]], MisfitKind.REPEATED_PROMPT, "seed 1: 1 of 3 prompts occur more than once, 'p2'"),
        ([*GOOD, *OTHER], MisfitKind.SEEDS_DIFFER, "setting 1 has the seeds [0], setting 0 has [0, 1]"),
        (list(lines(WORLD, "ceiling=cheap", 0)), MisfitKind.BAD_SETTING, "ceiling=cheap"),
        (list(lines(WORLD, "ceiling=0", 0)), MisfitKind.BAD_SETTING, "above 0"),
    ],
)
def test_what_does_not_fit_is_refused(choices: list[ChoiceLine], kind: MisfitKind, words: str) -> None:
    with pytest.raises(Misfit) as refused:
        score(WORLD, choices)

    assert refused.value.kind is kind
    assert refused.value.table == "made"
    assert words in str(refused.value)


def test_good_choices_fit() -> None:
    assert score(WORLD, GOOD).seeds == (0, 1)


def test_the_order_of_runs_in_the_stream_of_choices_changes_nothing() -> None:
    mixed = [*GOOD[3:], *GOOD[:3]]

    assert score(WORLD, mixed).as_json() == score(WORLD, GOOD).as_json()


def test_settings_stand_by_weight_then_limits_by_their_number_and_the_rest_by_name() -> None:
    names = ["ceiling=10", "ceiling=2", "calls=0.1", "30", "5", "default", "0", "1e-3"]
    found = score(WORLD, [line for name in names for line in lines(WORLD, name, 0)])

    assert [standing.setting.name for standing in found.standings] == [
        "0",
        "1e-3",
        "5",
        "30",
        "calls=0.1",
        "ceiling=2",
        "ceiling=10",
        "default",
    ]
