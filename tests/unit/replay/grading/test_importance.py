"""The mean importance weight is 1 where propensities are true, and is not where they are not."""

from __future__ import annotations

import numpy as np
import pytest

from atp_grpc.replay.choices import ChoiceLine
from atp_grpc.replay.grading import score
from tests.unit.replay.grading.worlds import table

WORLD = table(np.random.default_rng(0).random((4_000, 3)), [1_000, 5_000, 9_000])


def drawn(claimed: list[float]) -> list[ChoiceLine]:
    """Choices drawn with 0.5, 0.3 and 0.2, said to be drawn with what is claimed."""
    picks = np.random.default_rng(1).choice(3, size=4_000, p=[0.5, 0.3, 0.2])
    return [ChoiceLine("made", "0", 0, f"p{at}", "abc"[pick], claimed[pick]) for at, pick in enumerate(picks)]


def test_true_propensities_weigh_one() -> None:
    found = score(WORLD, drawn([0.5, 0.3, 0.2])).importance

    assert found.n == 4_000
    assert abs(found.mean - 1) < 3 * found.standard_error
    assert found.standard_error == pytest.approx(
        np.sqrt((1 / 9) * (1 / 0.5 + 1 / 0.3 + 1 / 0.2) - 1) / np.sqrt(4_000), rel=0.05
    )


def test_false_propensities_are_found_out() -> None:
    found = score(WORLD, drawn([0.4, 0.3, 0.3])).importance

    assert abs(found.mean - 1) > 5 * found.standard_error


def test_a_model_that_is_never_drawn_takes_its_share_away() -> None:
    choices = [ChoiceLine("made", "0", 0, f"p{at}", "a", 1.0) for at in range(4_000)]

    assert score(WORLD, choices).importance.mean == pytest.approx(1 / 3)
