"""What sending a call away costs, beside what answering it costs: only what is cheaper is worth sending away."""

from __future__ import annotations

import statistics
from pathlib import Path

import pytest

from tests.faults.battery import report
from tests.faults.overload.ground import Ground, ground
from tests.faults.overload.storm import Fate, Phase

BAR = 0.35
AT_A_TIME, SECONDS = 128, 2.0
STRICT = (
    "--set=admission.target_queue_seconds=0.001",
    "--set=admission.least_calls=1",
    "--set=admission.least_share=0.01",
)


async def busy(server: Ground) -> tuple[Fate, float]:
    """Callers as fast as they are answered; what became of their calls, and the CPU seconds that it took."""
    before = server.cpu_seconds()
    seen = await server.storm(Phase(SECONDS, at_a_time=AT_A_TIME), deadline_seconds=30)
    return seen.fates[0], server.cpu_seconds() - before


async def compared(folder: Path, rounds: int) -> tuple[float, float, int]:
    """CPU microseconds of an answer and of a refusal, medians of interleaved rounds, and how many were refused."""
    answers, refusals, refused = [], [], 0
    with (
        ground(folder / "open", "--set=admission.enabled=false") as generous,
        ground(folder / "strict", *STRICT) as strict,
    ):
        await busy(generous)
        await busy(strict)
        for _ in range(rounds):
            fate, seconds = await busy(generous)
            answers.append(1e6 * seconds / fate.answered)
            fate, seconds = await busy(strict)
            assert fate.sent_away > fate.answered
            refusals.append((1e6 * seconds - answers[-1] * fate.answered) / fate.sent_away)
            refused += fate.sent_away
    return statistics.median(answers), statistics.median(refusals), refused


@pytest.mark.slow
@pytest.mark.timeout(200)
async def test_sending_a_call_away_costs_less_than_answering_it(tmp_path: Path) -> None:
    answer, refusal, refused = await compared(tmp_path, rounds=5)

    figure = {"answered_us": round(answer), "refused_us": round(refusal), "ratio": round(refusal / answer, 2)}
    bar = {"ratio": BAR, "on": "the native transport"}
    report("C4", n=refused, figure=figure, bar=bar, passed=refusal <= BAR * answer)
    assert refusal < answer
