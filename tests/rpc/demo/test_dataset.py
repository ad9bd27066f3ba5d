"""The demo says which data it runs on and never runs on other data than it was asked to."""

import gzip
import json
from pathlib import Path

import pytest

from atp_grpc.catalog.loader import read_catalogue
from atp_grpc.domain.money import TokenPrices
from demo.catalogue import catalogue_text
from demo.dataset import RECORDED, Dataset, choose_dataset
from demo.failure import DemoFailure

MODELS = {"maker/small": 0.1, "maker/large": 1.25, "other/third": 10.0}


def choose(checkout: Path, *, named: str | None = None, required: bool = False, prompts: int | None = 20) -> Dataset:
    return choose_dataset(named=named, checkout=checkout, required=required, simulated=False, prompts=prompts)


def bring_data(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for at, name in enumerate(RECORDED):
        # The first file has one model more than the second, as the public ones do.
        outcomes = {model: {"quality": 0.5, "cost_usd": 0.001} for model in [*MODELS, *(["extra"] if at == 0 else [])]}
        rows = [
            {
                "prompt_id": f"{name}-{n}",
                "source": name,
                "category": "sums",
                "prompt": f"{n} + {n}?",
                "outcomes": outcomes,
            }
            for n in range(5)
        ]
        (folder / f"{name}.jsonl.gz").write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    prices = {model: {"input_usd_per_mtok": usd, "output_usd_per_mtok": 4 * usd} for model, usd in MODELS.items()}
    (folder / "models.json").write_text(json.dumps({"sources": dict.fromkeys(RECORDED, prices)}))
    return folder


def test_recorded_outcomes_beside_the_checkout_are_taken_with_their_common_models(tmp_path: Path) -> None:
    bring_data(tmp_path / "shared/data/routing")

    dataset = choose(tmp_path / "checkout", prompts=None)

    assert not dataset.is_simulated
    assert dataset.name == "paretobandit_val + paretobandit_extra"
    assert dataset.pool.models == tuple(sorted(MODELS))
    assert len(dataset.pool.rows) == 10


def test_named_data_is_taken_and_can_be_cut(tmp_path: Path) -> None:
    folder = bring_data(tmp_path / "mine")

    assert len(choose(tmp_path / "checkout", named=str(folder), prompts=3).pool.rows) == 3


def test_without_data_the_simulated_world_is_taken_and_says_so(tmp_path: Path) -> None:
    dataset = choose(tmp_path / "checkout")

    assert dataset.is_simulated
    assert dataset.name == "simulated world"
    assert "SIMULATED" in dataset.description
    assert len(dataset.pool.rows) == 20
    assert {row.source for row in dataset.pool.rows} == {"simulated"}


def test_required_data_that_is_absent_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(DemoFailure, match="ATP_REQUIRE_DATA is set and there is no outcome data"):
        choose(tmp_path / "checkout", required=True)


@pytest.mark.parametrize("name", [*(f"{name}.jsonl.gz" for name in RECORDED), "models.json"])
def test_a_named_folder_that_lacks_a_file_is_a_failure_and_not_a_reason_to_simulate(tmp_path: Path, name: str) -> None:
    folder = bring_data(tmp_path / "mine")
    (folder / name).unlink()

    with pytest.raises(DemoFailure, match=name):
        choose(tmp_path / "checkout", named=str(folder))


def test_a_wrong_name_is_a_failure(tmp_path: Path) -> None:
    bring_data(tmp_path / "shared/data/routing")

    with pytest.raises(DemoFailure, match="ATP_DATA names"):
        choose(tmp_path / "checkout", named=str(tmp_path / "nowhere"))


def test_the_catalogue_of_recorded_models_is_one_that_the_server_takes(tmp_path: Path) -> None:
    prices = {"maker/small": TokenPrices(100_000_000, 100_000_000), "other/large": TokenPrices(1_250_000_001, 10**10)}
    path = tmp_path / "catalog.toml"
    path.write_text(catalogue_text(prices), encoding="utf-8")

    catalogue = read_catalogue(path)

    assert [provider.name for provider in catalogue.providers] == ["maker", "other"]
    assert {d.model: d.price_history[0].prices for d in catalogue.deployments} == prices
