"""The learners: how what is known of the candidates becomes a choice distribution, before exploration is mixed in.

Entered by the choice with whoever is left after the request's limits. A learner scores or weighs utilities and nothing
else; it never sees the request's identity, never picks, and never reads a state.

`docs/selection.md` section 8 states each rule with its symbols and its source.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from atp_grpc.engine.contract import DRAW_COUNT, Learner
from atp_grpc.engine.reference.chance import POSTERIOR_STREAM, normals

if TYPE_CHECKING:
    from atp_grpc.engine.contract import EngineParameters
    from atp_grpc.engine.reference.factor import Vector

_THIRD: Final = 1.0 / 3.0


@dataclass(frozen=True, slots=True)
class Contest:
    """Who is left to choose from, in the order of the candidates.

    `quality` and `width` are the prediction in force and its posterior width, `evidence` the observations behind it,
    `success` the share of calls that do not fail, `penalty` what cost and latency take from the utility, and `cost`
    (nano-US-dollars) decides ties.
    """

    quality: Vector
    width: Vector
    evidence: Vector
    success: Vector
    penalty: Vector
    cost: Vector

    @property
    def size(self) -> int:
        """Number of candidates left."""
        return len(self.quality)

    def utility(self, quality: Vector) -> Vector:
        """Utilities if the qualities were these; a column per candidate, in as many rows as are given."""
        return quality * self.success - self.penalty

    def winners(self, utilities: Vector) -> Vector:
        """The best candidate of each row. Ties go to the cheaper, then to the earlier candidate."""
        order = np.argsort(self.cost, kind="stable")
        # argmax takes the first maximum, and the columns stand in the order of preference.
        return np.asarray(order[np.argmax(utilities[:, order], axis=1)])


def distribution(parameters: EngineParameters, seed: int, contest: Contest) -> Vector:
    """The learner's choice distribution over the candidates left; sums to 1."""
    match parameters.learner:
        case Learner.GREEDY:
            return _shares(contest, contest.quality[None, :])
        case Learner.LINUCB:
            return _shares(contest, (contest.quality + parameters.alpha * contest.width)[None, :])
        case Learner.UCB1:
            bonus = np.sqrt(2.0 * math.log(contest.evidence.sum()) / contest.evidence)
            return _shares(contest, (contest.quality + parameters.alpha * bonus)[None, :])
        case Learner.THOMPSON:
            noise = normals(seed, POSTERIOR_STREAM, DRAW_COUNT * contest.size).reshape(DRAW_COUNT, contest.size)
            return _shares(contest, contest.quality + parameters.scale * contest.width * noise)
        case Learner.THOMPSON_BETA:
            noise = normals(seed, POSTERIOR_STREAM, DRAW_COUNT * contest.size * 2)
            mean = np.clip(contest.quality, 0.0, 1.0)
            wins, losses = 1.0 + contest.evidence * mean, 1.0 + contest.evidence * (1.0 - mean)
            pairs = noise.reshape(DRAW_COUNT, contest.size, 2)
            return _shares(contest, beta_draws(wins, losses, pairs[:, :, 0], pairs[:, :, 1]))
        case Learner.SQUARECB:
            return _inverse_gap_weights(contest, parameters.gamma)


def beta_draws(wins: Vector, losses: Vector, normal: Vector, other: Vector) -> Vector:
    """Draws from about Beta(wins, losses), each made of two standard normals; `wins` and `losses` are at least 1.

    A ratio of two gamma variates, each the cube of Wilson and Hilferty (PNAS 17, 1931).
    """
    first, second = _gamma_draws(wins, normal), _gamma_draws(losses, other)
    total = first + second
    both_nought = total == 0.0
    mean = wins / (wins + losses)
    return np.asarray(np.where(both_nought, mean, first / np.where(both_nought, 1.0, total)))


def _gamma_draws(shape: Vector, normal: Vector) -> Vector:
    scale = shape - _THIRD
    root = np.maximum(0.0, 1.0 + normal / (3.0 * np.sqrt(scale)))
    return np.asarray(scale * (root * root * root))


def _shares(contest: Contest, qualities: Vector) -> Vector:
    """How often each candidate has the best utility, over rows of qualities."""
    winners = contest.winners(contest.utility(qualities))
    return np.asarray(np.bincount(winners, minlength=contest.size) / len(qualities))


def _inverse_gap_weights(contest: Contest, gamma: float) -> Vector:
    """SquareCB: the further behind the best, the rarer, and the more so the more is known."""
    utilities = contest.utility(contest.quality)
    best = int(contest.winners(utilities[None, :])[0])
    growth = gamma * math.sqrt(contest.evidence.sum())
    weights = 1.0 / (contest.size + growth * (utilities[best] - utilities))
    weights[best] = 0.0
    weights[best] = 1.0 - weights.sum()
    return np.asarray(weights)
