"""The reader and the references against figures that the publishers of the data computed on their own."""

import os
from pathlib import Path

import pytest

from atp_grpc.replay.outcomes import read_outcomes
from atp_grpc.replay.pool import find_data, pool_of
from atp_grpc.replay.scoring import references
from demo.dataset import choose_dataset

CHECKOUT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def folder() -> Path:
    found = find_data(os.environ.get("ATP_DATA"), CHECKOUT)
    if found is None:
        if os.environ.get("ATP_REQUIRE_DATA") == "1":
            pytest.fail("ATP_REQUIRE_DATA=1 and there is no outcome data")
        pytest.skip("no outcome data; docs/data.md says how to bring it")
    return found


@pytest.mark.parametrize(
    ("name", "prompts", "best", "cheapest", "random", "oracle"),
    [
        ("paretobandit_extra", 1108, (0.9299, 14.3421), (0.7957, 0.0274), (0.8812, 4.9627), (0.9619, 5.0555)),
        ("paretobandit_val", 1375, (0.9322, 13.9189), (0.7943, 0.0266), (0.8939, 3.8082), (0.9694, 3.1788)),
        ("routellm_gsm8k", 1305, (0.8575, 4.3126), (0.6375, 0.0975), (0.7475, 2.2051), (0.9295, 1.5016)),
    ],
)
def test_references_agree_with_the_published_ones(
    folder: Path,
    name: str,
    prompts: int,
    best: tuple[float, float],
    cheapest: tuple[float, float],
    random: tuple[float, float],
    oracle: tuple[float, float],
) -> None:
    pool = pool_of(read_outcomes([folder / f"{name}.jsonl.gz"]))
    found = references(pool)

    assert len(pool.rows) == prompts
    standings = (found.singles[found.best_single], found.singles[found.cheapest], found.random, found.oracle)
    for one, (quality, usd_per_1k) in zip(standings, (best, cheapest, random, oracle), strict=True):
        assert one.quality == pytest.approx(quality, abs=6e-5)
        assert one.usd_per_1k == pytest.approx(usd_per_1k, abs=6e-5)


def test_every_published_file_can_be_read(folder: Path) -> None:
    files = sorted(folder.glob("*.jsonl.gz"))

    assert files
    assert all(read_outcomes([file]) for file in files)


def test_the_demo_runs_on_2483_different_prompts_of_three_models(folder: Path) -> None:
    dataset = choose_dataset(named=str(folder), checkout=CHECKOUT, required=True, simulated=False, prompts=None)

    assert len({row.prompt for row in dataset.pool.rows}) == len(dataset.pool.rows) == 2483
    assert [model.rpartition("/")[2] for model in dataset.pool.models] == [
        "gemini-2.5-pro",
        "llama-3.1-8b-instruct",
        "mistral-large-2512",
    ]
