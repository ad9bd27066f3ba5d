"""Light edits of a prompt, and how often they send it to another model."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atp_grpc.replay.edits import Edit, edited
from atp_grpc.replay.run import Run
from atp_grpc.replay.steadiness import AGAIN, Steadiness, steadiness_of
from tests.unit.replay.made import Outcomes, plain_law, policy, run_in, write_file

COUNT = 200
EDITS = [*Edit, AGAIN]


@given(text=st.text(), edit=st.sampled_from(Edit))
@settings(deadline=None)
def test_an_edit_is_light_and_always_the_same(text: str, edit: Edit) -> None:
    changed = edited(edit, text)

    assert changed == edited(edit, text)
    if changed is None:
        return
    assert changed != text
    if edit is Edit.TYPO:
        assert sorted(changed) == sorted(text)
        assert sum(one != other for one, other in zip(changed, text, strict=True)) == 2
    elif edit is Edit.CASE:
        assert changed.casefold() == text.casefold() or changed.lower() == text.lower()
    else:
        assert changed.replace(" ", "") == text.replace(" ", "")
        assert len(changed) == len(text) + 1


@pytest.mark.parametrize(
    ("edit", "text", "changed"),
    [
        (Edit.CASE, "2 plus two", "2 Plus two"),
        (Edit.CASE, "1 + 1", None),
        (Edit.TRAILING_SPACE, "", " "),
        (Edit.DOUBLED_SPACE, "one two three four", "one two  three four"),
        (Edit.DOUBLED_SPACE, "one", None),
        (Edit.TYPO, "Write a poem", "Write a peom"),
        (Edit.TYPO, "sum it up", None),
        (Edit.TYPO, "food", None),
    ],
)
def test_an_edit_is_where_it_is_said_to_be(edit: Edit, text: str, changed: str | None) -> None:
    assert edited(edit, text) == changed


def worded_law(number: int, chance: random.Random) -> Outcomes:
    """The cheap model is at home in sums, the dear one in poems."""
    outcomes = plain_law(number, chance)
    outcomes["cheap"]["quality"], outcomes["dear"]["quality"] = (0.9, 0.1) if number % 2 else (0.1, 0.9)
    return outcomes


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_file(tmp_path_factory.mktemp("outcomes") / "made.jsonl", COUNT, worded_law)


def steadiness(run: Run) -> dict[str, Steadiness]:
    return {found.edit: found for found in steadiness_of(run, 0.1)}


def test_who_never_reads_a_prompt_is_moved_by_no_edit(file: Path) -> None:
    found = steadiness(run_in(file, base=policy(learner="thompson_beta", scale=1, epsilon=0.3)))

    assert list(found) == EDITS
    assert all((found[edit].moved, found[edit].most_shift) == (0, 0) for edit in Edit)
    assert found[AGAIN].moved > 0
    # Half of the prompts are asked about; all of them can be edited in every way but one.
    assert {found[edit].prompts for edit in EDITS} == {COUNT // 2}


def test_who_reads_prompts_is_moved_the_more_the_more_is_edited(file: Path) -> None:
    reading = steadiness(run_in(file, base=policy(context="on", epsilon=0.01, scale=0.5)))

    assert reading[Edit.TYPO].mean_shift > reading[Edit.TRAILING_SPACE].mean_shift
    assert all(0 <= found.mean_shift <= found.most_shift <= 1 for found in reading.values())


def test_a_conversation_that_is_dear_to_leave_goes_on_whatever_is_edited(file: Path) -> None:
    fickle = {"context": "on", "epsilon": 0, "scale": 1}
    free = steadiness(run_in(file, base=policy(**fickle)))
    held = steadiness(run_in(file, base=policy(**fickle, affinity_weight=1)))

    assert free[AGAIN].moved > 0.05
    assert held[AGAIN].moved < free[AGAIN].moved / 2
    assert all(held[edit].moved <= free[edit].moved for edit in EDITS)


def test_a_file_of_one_row_says_nothing(tmp_path: Path) -> None:
    assert steadiness_of(run_in(write_file(tmp_path / "one.jsonl", 1)), 0.1) == []


def test_the_same_file_is_as_steady_every_time(file: Path) -> None:
    run = run_in(file)
    assert steadiness_of(run, 0.1) == steadiness_of(run, 0.1)
