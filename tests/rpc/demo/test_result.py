"""The demo's figures: the report has its keys, the verdict its honest sign."""

import json
from pathlib import Path

import pytest

from atp_grpc.replay.outcomes import ModelOutcome, OutcomeRow
from atp_grpc.replay.pool import pool_of
from demo.curve import draw_curve
from demo.dataset import Dataset
from demo.result import Result, make_result, verdict, write_report
from demo.traffic import Step, Tally, percentile

ROWS = tuple(
    OutcomeRow(
        str(number),
        "here",
        "sums",
        "2 + 2?",
        {"a/cheap": ModelOutcome(0.5, 1_000_000), "a/best": ModelOutcome(0.9, 10_000_000)},
    )
    for number in range(40)
)


def make(model: str) -> Result:
    dataset = Dataset("made up", "40 prompts", is_simulated=True, pool=pool_of(ROWS), catalogue="")
    tally = Tally(route_seconds=[0.002] * 40)
    for row in ROWS:
        tally.enter(Step(row, model))
    return make_result(dataset, tally, engine="reference", seconds=4.0, in_flight=4)


def test_the_verdict_names_a_saving_as_a_saving() -> None:
    assert verdict(make("a/cheap")) == "ATP cost 90.0% less than always best, at a quality of 0.500 against 0.900."


def test_the_verdict_names_a_loss_as_a_loss() -> None:
    cheap_is_best = {"a/cheap": ModelOutcome(0.9, 5_000_000), "a/best": ModelOutcome(0.8, 10_000_000)}
    rows = tuple(OutcomeRow(row.prompt_id, "here", "sums", "?", cheap_is_best) for row in ROWS)
    tally = Tally()
    for row in rows:
        tally.enter(Step(row, "a/best"))
    dataset = Dataset("made up", "40 prompts", is_simulated=True, pool=pool_of(rows), catalogue="")

    sentence = verdict(make_result(dataset, tally, engine="reference", seconds=1.0, in_flight=4))

    assert sentence == "ATP cost 100.0% MORE than always cheap, at a quality of 0.800 against 0.900."


def test_the_report_has_exactly_its_keys_and_the_figures(tmp_path: Path) -> None:
    write_report(make("a/cheap"), tmp_path / "report.json")

    assert json.loads((tmp_path / "report.json").read_text()) == {
        "data": "made up",
        "decisions": 40,
        "observations": 40,
        "engine": "reference",
        "quality": 0.5,
        "usd_per_1k": 1.0,
        "latency_ms": {"p50": 2.0, "p99": 2.0},
        "decisions_per_s": 10.0,
        "best_single": {"quality": 0.9, "usd_per_1k": 10.0},
        "cheapest": {"quality": 0.5, "usd_per_1k": 1.0},
        "random": {"quality": 0.7, "usd_per_1k": 5.5},
        "oracle": {"quality": 0.9, "usd_per_1k": 10.0},
    }


def test_the_curve_is_a_picture(tmp_path: Path) -> None:
    draw_curve(make("a/cheap"), tmp_path / "curve.png")

    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.0, 1)])
def test_percentiles_are_nearest_rank(share: float, expected: int) -> None:
    assert percentile(list(range(100, 0, -1)), share) == expected
    assert percentile([], share) == 0
