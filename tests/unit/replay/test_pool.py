"""A pool holds the rows that have every one of its models, and data is looked for where it was said to be."""

from pathlib import Path

import pytest

from atp_grpc.replay.outcomes import ModelOutcome, OutcomeRow
from atp_grpc.replay.pool import PoolError, common_models, find_data, pool_of


def row(prompt_id: str, *models: str, cost: int | None = 10) -> OutcomeRow:
    return OutcomeRow(prompt_id, "here", "sums", "2 + 2?", {model: ModelOutcome(0.5, cost) for model in models})


ROWS = (row("1", "a", "b", "c"), row("2", "b", "a"), row("3", "a", "b"))


def test_the_common_models_are_those_of_every_row_by_name() -> None:
    assert common_models(ROWS) == ("a", "b")
    assert common_models(()) == ()


def test_without_names_a_pool_is_the_common_models_on_all_rows() -> None:
    pool = pool_of(ROWS)

    assert pool.models == ("a", "b")
    assert pool.rows == ROWS


def test_rows_that_lack_a_model_of_the_pool_are_left_out() -> None:
    pool = pool_of(ROWS, ["c", "a"])

    assert pool.models == ("a", "c")
    assert [kept.prompt_id for kept in pool.rows] == ["1"]


@pytest.mark.parametrize(
    ("models", "words"),
    [
        (["a"], "at least two"),
        (["a", "a"], "named twice"),
        (["a", "z"], "no row has the model 'z'"),
    ],
)
def test_a_pool_that_cannot_be_is_refused(models: list[str], words: str) -> None:
    with pytest.raises(PoolError, match=words):
        pool_of(ROWS, models)


def test_a_pool_whose_models_never_meet_is_refused() -> None:
    with pytest.raises(PoolError, match="no row has every model"):
        pool_of((row("1", "a"), row("2", "b")), ["a", "b"])


def test_rows_with_nothing_in_common_make_no_pool() -> None:
    with pytest.raises(PoolError, match="at least two"):
        pool_of((row("1", "a"), row("2", "b")))


def test_named_data_is_taken_and_a_wrong_name_is_never_answered_with_other_data(tmp_path: Path) -> None:
    (tmp_path / "shared/data/routing").mkdir(parents=True)
    (tmp_path / "mine").mkdir()

    assert find_data(str(tmp_path / "mine"), tmp_path / "checkout") == tmp_path / "mine"
    with pytest.raises(PoolError, match="is not a folder"):
        find_data(str(tmp_path / "nowhere"), tmp_path / "checkout")


def test_unnamed_data_is_looked_for_beside_the_checkout(tmp_path: Path) -> None:
    assert find_data(None, tmp_path / "checkout") is None
    (tmp_path / "shared/data/routing").mkdir(parents=True)
    assert find_data("", tmp_path / "checkout") == tmp_path / "shared/data/routing"
