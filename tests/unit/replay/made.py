"""Outcome files made for a test: a law says what each model does with each prompt."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from atp_grpc.config import Settings, load
from atp_grpc.replay.grading import OutcomeTable
from atp_grpc.replay.outcomes import OutcomeRow, read_outcomes
from atp_grpc.replay.pool import Pool, pool_of
from atp_grpc.replay.pricing import for_free
from atp_grpc.replay.rooms import features_of
from atp_grpc.replay.run import Run
from atp_grpc.replay.sweep import settings_of
from atp_grpc.replay.track import Track, track_of

Outcomes = dict[str, dict[str, Any]]
SETTINGS = Settings()


def plain_law(number: int, chance: random.Random) -> Outcomes:
    """A cheap model that is right half of the time, a dear one that is right nine times in ten."""
    del number
    return {
        "cheap": {"quality": float(chance.random() < 0.5), "cost_usd": 1e-5 * (1 + chance.random())},
        "dear": {"quality": float(chance.random() < 0.9), "cost_usd": 2e-3 * (1 + chance.random()), "latency_ms": 800},
    }


def write_file(
    path: Path, count: int, law: Callable[[int, random.Random], Outcomes] = plain_law, *, prefix: str = "p"
) -> Path:
    """Writes an outcome file of so many prompts in three categories of different size."""
    chance = random.Random(prefix)
    rows = [
        {
            "prompt_id": f"{prefix}-{number}",
            "source": "made",
            "category": ("sums", "sums", "poems", "sums", "code", "poems")[number % 6],
            "prompt": f"What is {number} + {number * 7}?" if number % 2 else f"Write a poem about the number {number}",
            "outcomes": law(number, chance),
        }
        for number in range(count)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def policy(**fields: object) -> Settings:
    """Settings with some of the policy's fields set."""
    return load(None, {}, {f"policy.{name}": str(value) for name, value in fields.items()})


def pool_in(path: Path) -> Pool:
    return pool_of(read_outcomes([path]))


def track_in(rows: Sequence[OutcomeRow], models: Sequence[str], settings: Settings = SETTINGS) -> Track:
    features = features_of(settings, for_free(tuple(models)), [row.prompt for row in rows])
    return track_of(models, rows, features)


def run_in(
    path: Path,
    *,
    seeds: int = 1,
    cost_weight: float | None = 0.1,
    base: Settings = SETTINGS,
    listed: Mapping[str, Any] | None = None,
    **fields: Any,
) -> Run:
    """A run over a file, as the command would make it."""
    pool = pool_in(path)
    track = track_in(pool.rows, pool.models, base)
    settings = settings_of(OutcomeTable.of("made", pool), track, listed or {}, cost_weight)
    return Run("made", pool, track, settings, seeds, base, **fields)
