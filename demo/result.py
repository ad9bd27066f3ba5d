"""What the first act came to: figures, their report as JSON, and the sentence that says what was saved.

The acts make a `Result`; screen, curve and report read it. A saving keeps its sign: when the router cost more, it
says so.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from atp_grpc.replay.scoring import References, Standing, references, standing
from demo.dataset import Dataset
from demo.traffic import Step, Tally, percentile


@dataclass(frozen=True, slots=True)
class Result:
    """Figures of one pass over the data. Latencies are what the client saw of Route, in milliseconds."""

    dataset: Dataset
    steps: tuple[Step, ...]
    engine: str
    router: Standing
    references: References
    p50_ms: float
    p99_ms: float
    decisions_per_second: float
    in_flight: int

    def short(self, model: str) -> str:
        """A model's name without its provider, as long as that tells it apart."""
        name = model.rpartition("/")[2]
        return name if sum(other.rpartition("/")[2] == name for other in self.references.singles) == 1 else model

    @property
    def best(self) -> Standing:
        """The best single model, known in hindsight."""
        return self.references.singles[self.references.best_single]

    @property
    def cheapest(self) -> Standing:
        """The cheapest model."""
        return self.references.singles[self.references.cheapest]


def make_result(dataset: Dataset, tally: Tally, *, engine: str, seconds: float, in_flight: int) -> Result:
    """Scores a finished pass that took so many seconds with so many requests under way."""
    return Result(
        dataset=dataset,
        steps=tuple(tally.steps),
        engine=engine,
        router=standing(step.outcome for step in tally.steps),
        references=references(dataset.pool),
        p50_ms=percentile(tally.route_seconds, 0.50) * 1e3,
        p99_ms=percentile(tally.route_seconds, 0.99) * 1e3,
        decisions_per_second=len(tally.route_seconds) / seconds,
        in_flight=in_flight,
    )


def verdict(result: Result) -> str:
    """What the router saved against always taking the best single model, and what that did to quality."""
    saving = result.router.saving_against(result.best)
    return (
        f"ATP cost {abs(saving):.1%} {'less' if saving >= 0 else 'MORE'} than always "
        f"{result.short(result.references.best_single)}, "
        f"at a quality of {result.router.quality:.3f} against {result.best.quality:.3f}."
    )


def write_report(result: Result, path: Path) -> None:
    """Writes the figures as JSON. Whole or not at all: a reader never sees half a report."""
    report = {
        "data": result.dataset.name,
        "decisions": len(result.steps),
        "observations": len(result.steps),
        "engine": result.engine,
        "quality": round(result.router.quality, 6),
        "usd_per_1k": round(result.router.usd_per_1k, 6),
        "latency_ms": {"p50": round(result.p50_ms, 3), "p99": round(result.p99_ms, 3)},
        "decisions_per_s": round(result.decisions_per_second, 1),
        "best_single": _plain(result.best),
        "cheapest": _plain(result.cheapest),
        "random": _plain(result.references.random),
        "oracle": _plain(result.references.oracle),
    }
    draft = path.with_suffix(".json.new")
    draft.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    draft.replace(path)


def _plain(one: Standing) -> dict[str, float]:
    return {"quality": round(one.quality, 6), "usd_per_1k": round(one.usd_per_1k, 6)}
