"""References and savings, on figures small enough to check by hand."""

import pytest

from atp_grpc.replay.outcomes import ModelOutcome, OutcomeRow
from atp_grpc.replay.pool import PoolError, pool_of
from atp_grpc.replay.scoring import Standing, references, standing


def row(prompt_id: str, **outcomes: tuple[float, int | None]) -> OutcomeRow:
    made = {model: ModelOutcome(quality, cost) for model, (quality, cost) in outcomes.items()}
    return OutcomeRow(prompt_id, "here", "sums", "2 + 2?", made)


POOL = pool_of(
    (
        row("1", cheap=(0.2, 1_000), middle=(0.9, 10_000), dear=(0.9, 100_000)),
        row("2", cheap=(0.6, 3_000), middle=(0.3, 30_000), dear=(0.9, 300_000)),
    )
)


def test_a_standing_is_mean_quality_and_dollars_per_thousand_requests() -> None:
    outcomes = [ModelOutcome(0.25, 1_000_000), ModelOutcome(0.75, 3_000_000)]

    assert standing(outcomes) == Standing(quality=0.5, usd_per_1k=2.0)


def test_the_references_are_what_a_hand_makes_them() -> None:
    found = references(POOL)

    assert found.best_single == "dear"
    assert found.cheapest == "cheap"
    assert found.singles["dear"].quality == pytest.approx(0.9)
    assert found.singles["dear"].usd_per_1k == pytest.approx(0.2)
    assert found.random.quality == pytest.approx((0.2 + 0.9 + 0.9 + 0.6 + 0.3 + 0.9) / 6)
    assert found.random.usd_per_1k == pytest.approx((111_000 + 333_000) / 6 * 1e-6)


def test_the_oracle_takes_the_cheapest_of_the_best_answers() -> None:
    oracle = references(POOL).oracle

    assert oracle.quality == pytest.approx(0.9)
    assert oracle.usd_per_1k == pytest.approx((10_000 + 300_000) / 2 * 1e-6)


def test_of_equally_good_models_the_cheaper_is_the_best_single() -> None:
    pool = pool_of((row("1", first=(0.8, 9), second=(0.8, 5)),))

    assert references(pool).best_single == "second"


def test_a_saving_keeps_its_sign() -> None:
    best = Standing(0.9, 10.0)

    assert Standing(0.8, 4.0).saving_against(best) == pytest.approx(0.6)
    assert Standing(0.8, 15.0).saving_against(best) == pytest.approx(-0.5)
    assert Standing(0.8, 15.0).saving_against(Standing(0.9, 0.0)) == 0.0


def test_nothing_chosen_and_nothing_priced_are_refused() -> None:
    with pytest.raises(PoolError, match="nothing was chosen"):
        standing([])
    with pytest.raises(PoolError, match="no cost"):
        references(pool_of((row("1", a=(0.5, None), b=(0.5, 1)),)))
