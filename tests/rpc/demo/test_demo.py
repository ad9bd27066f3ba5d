"""The demo as a person runs it, shortened: a real server, a real kill, a report that adds up, a clean end."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]
PROMPTS = 120
KEYS = {
    "data",
    "decisions",
    "observations",
    "engine",
    "quality",
    "usd_per_1k",
    "latency_ms",
    "decisions_per_s",
    "best_single",
    "cheapest",
    "random",
    "oracle",
}


async def run_demo(*arguments: str, **environ: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "demo",
        *arguments,
        cwd=CHECKOUT,
        env=environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    return process.returncode or 0, output.decode(), errors.decode()


@pytest.mark.timeout(120)
async def test_a_shortened_demo_routes_learns_dies_remembers_and_stops_cleanly(tmp_path: Path) -> None:
    code, output, errors = await run_demo("--simulated", "--prompts", str(PROMPTS), "--output", str(tmp_path))

    assert (code, errors) == (0, "")
    report = json.loads((tmp_path / "report.json").read_text())
    assert set(report) == KEYS
    assert report["data"] == "simulated world"
    assert report["decisions"] == report["observations"] == PROMPTS
    assert report["engine"] in {"native", "reference"}
    assert report["cheapest"]["usd_per_1k"] <= report["usd_per_1k"]
    assert report["quality"] <= report["oracle"]["quality"]
    assert 0 < report["latency_ms"]["p50"] <= report["latency_ms"]["p99"]
    assert (tmp_path / "learning-curve.png").read_bytes().startswith(b"\x89PNG")
    for promise in (
        "SIMULATED",
        "0 lost",
        "equals the client's own books",
        "the same three times to the nano-dollar",
        "stopped cleanly",
    ):
        assert promise in output
    assert "\x1b" not in output


async def test_missing_data_that_is_required_ends_the_demo_with_one_sentence(tmp_path: Path) -> None:
    code, output, errors = await run_demo("--output", str(tmp_path / "out"), ATP_DATA=str(tmp_path / "nowhere"))

    assert code == 1
    assert output == ""
    assert errors.strip().startswith("demo: the outcome data cannot be used: ATP_DATA names")
    assert len(errors.strip().splitlines()) == 1
