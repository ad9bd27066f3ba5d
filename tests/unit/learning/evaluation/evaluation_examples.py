"""Logged decisions to judge policies by, and logs of a small bandit that learns while it writes them."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import NamedTuple

from atp_grpc.domain.decision import Candidate, Decision, Expectation, Target
from atp_grpc.domain.history import Logged, Place
from atp_grpc.domain.outcome import Attempt, AttemptError, Report
from atp_grpc.domain.request import Weights
from atp_grpc.learning.evaluation.sample import Foreseen, Sample
from tests.unit.learning.examples import lesson

NO_REPORT = Report()
MODELS = ("small", "large", "huge")


def logged(
    outcome: Report = NO_REPORT,
    *,
    drawn: str = "small",
    propensities: Sequence[float] = (0.5, 0.3, 0.2),
    quality: Sequence[float] = (0.5, 0.7, 0.9),
    cost: Sequence[int] = (100, 1000, 5000),
    failure: float = 0.0,
) -> Logged:
    candidates = tuple(
        Candidate(Target(model, f"{model}@one", "one"), Expectation(q, c, 1.0, failure), q, p)
        for model, p, q, c in zip(MODELS, propensities, quality, cost, strict=True)
    )
    chosen = MODELS.index(drawn)
    decided = lesson(model=drawn)._replace(propensity=propensities[chosen])
    return Logged(Place(0, 0), Decision(decided, candidates, chosen, 7, Weights(0.1, 0.0), (), "reference"), outcome)


def answered(model: str, *, quality: float | None = None, cost: int | None = 10) -> Report:
    return Report(quality, (Attempt(model, cost_nano_usd=cost),))


def failed(model: str, error: AttemptError = AttemptError.UNAVAILABLE, *, cost: int | None = 3) -> Attempt:
    return Attempt(model, error=error, cost_nano_usd=cost)


class Turn(NamedTuple):
    """A decision of a small bandit, and what each arm would have brought."""

    propensities: list[float]
    predictions: list[float]
    drawn: int
    rewards: list[float]


class Log(NamedTuple):
    """Samples of one log towards a target, what the target would have earned, and how much more than the bandit."""

    samples: list[Sample]
    truth: float
    gap: float


def bandit_turns(seed: int, decisions: int, *, exploration: float = 0.1) -> list[Turn]:
    """A bandit of three coins that draws by its running means; outcomes of all arms are kept for the truth alone."""
    chance = random.Random(seed)
    wins, tries = [0.5] * 3, [1.0] * 3
    turns = []
    for _ in range(decisions):
        ease = 0.3 * chance.random()
        rewards = [float(chance.random() < skill + ease) for skill in (0.3, 0.5, 0.6)]
        means = [won / tried for won, tried in zip(wins, tries, strict=True)]
        strengths = [math.exp(10.0 * mean) for mean in means]
        total = sum(strengths)
        p = [(1.0 - exploration) * strength / total + exploration / 3 for strength in strengths]
        [arm] = chance.choices(range(3), p)
        turns.append(Turn(p, means, arm, rewards))
        wins[arm] += rewards[arm]
        tries[arm] += 1.0
    return turns


def log_towards(turns: Sequence[Turn], target: Sequence[float]) -> Log:
    samples = [
        Sample(Foreseen(target, turn.propensities, turn.drawn), turn.predictions, turn.rewards[turn.drawn])
        for turn in turns
    ]
    truth = sum(_product(target, turn.rewards) for turn in turns)
    earned = sum(_product(turn.propensities, turn.rewards) for turn in turns)
    return Log(samples, truth / len(turns), (truth - earned) / len(turns))


def _product(shares: Sequence[float], rewards: Sequence[float]) -> float:
    return sum(share * reward for share, reward in zip(shares, rewards, strict=True))
