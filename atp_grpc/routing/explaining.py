"""Why a decision came out as it did, told from its record alone.

Services enter here with a recorded decision. What each candidate's utility was made of is worked out backwards from the
numbers that the draw was made with, as `docs/selection.md` puts them together; who would have been the best under
another number follows from that. Pure: nothing here asks an engine, a catalogue or a clock, and nothing is decided.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import compress
from typing import NamedTuple

from atp_grpc.domain.decision import Candidate, Decision, ReasonCode, RefusalCause, Scales
from atp_grpc.domain.request import Weights


class Parts(NamedTuple):
    """What a utility is the sum of."""

    quality: float
    failure: float
    """The share of quality that is expected to be lost to failures."""
    cost: float
    """At the weight that was asked for."""
    cost_ceiling: float
    """What cost takes at the dual price of the ceiling."""
    quality_floor: float
    """What the dual price of the floor gives back of the penalties for cost and latency."""
    latency: float
    affinity: float


class Changes(NamedTuple):
    """The smallest change of each number that makes a candidate the best while everything else stays.

    None where no change does: cost and latency end at 0, quality at 0 and 1, a weight at 0. Where quality alone counted
    nothing else is named.
    """

    cost_nano_usd: int | None
    quality: float | None
    latency_seconds: float | None
    cost_weight: float | None


class Weighed(NamedTuple):
    """A candidate with what told for and against it.

    `gap` is by how much its utility was below the best one's. `parts` is None where the record does not say; `changes`
    too, and for the best one, and for those that are no rivals.
    """

    candidate: Candidate
    set_aside: RefusalCause | None
    gap: float
    parts: Parts | None
    changes: Changes | None
    is_rival: bool
    """Whether nothing but its utility and the draw spoke against it."""


class Explanation(NamedTuple):
    """Why a decision came out as it did. `best` had the highest utility of all rivals: the chosen one, if it had too.

    `weighed` begins with the highest utility. `weights` are those that were asked for, without the dual prices, and
    zero where quality alone counted because the request's floor was out of reach.
    """

    decision: Decision
    best: Candidate
    weighed: tuple[Weighed, ...]
    weights: Weights

    @property
    def given_up(self) -> float:
        """By how much the chosen one's utility was below the best one's."""
        decision = self.decision
        return self.best.utility - decision.candidates[decision.chosen].utility

    @property
    def is_explored(self) -> bool:
        """Whether another one than the best was drawn."""
        return self.given_up > 0


class _Line(NamedTuple):
    """A utility over the weight of cost: what it is at 0, and by how much it falls with each 1."""

    start: float
    slope: float


class _Terms(NamedTuple):
    """What one nano-US-dollar and one second took from a utility, and of which parts that was made."""

    scales: Scales
    asked: Weights
    cost_price: float
    patience: float
    """By what the asked weights were divided: 1 + the price of the quality floor."""

    @property
    def cost(self) -> float:
        """Utility per nano-US-dollar."""
        return (self.asked.cost / self.patience + self.cost_price) / self.scales.cost_nano_usd

    @property
    def latency(self) -> float:
        """Utility per second."""
        return self.asked.latency / self.patience / self.scales.latency_seconds

    def line(self, candidate: Candidate) -> _Line:
        """A candidate's utility over the weight that is asked for."""
        slope = candidate.expected.cost_nano_usd / (self.patience * self.scales.cost_nano_usd)
        return _Line(candidate.utility + self.asked.cost * slope, slope)


def explain(decision: Decision) -> Explanation:
    """Explains a recorded decision."""
    terms = _terms(decision)
    candidates, causes = decision.candidates, decision.set_aside or (None,) * len(decision.candidates)
    # Without exploration nobody but one can be drawn, and who was set aside is noted only where scales are.
    are_rivals = [
        one.propensity > 0 or (cause is None and terms is not None)
        for one, cause in zip(candidates, causes, strict=True)
    ]
    rivals = list(compress(candidates, are_rivals))
    chosen = candidates[decision.chosen]
    best = max(rivals, key=lambda one: (one.utility, one is chosen))
    leads = {} if terms is None or _is_quality_alone(decision) else _leads(map(terms.line, rivals))
    weighed = []
    for position, (candidate, cause, is_rival) in enumerate(zip(candidates, causes, are_rivals, strict=True)):
        gap = best.utility - candidate.utility
        parts = changes = None
        if terms is not None:
            parts = _parts(candidate, terms, _favour(decision, position))
            if is_rival and candidate is not best:
                changes = _changes(candidate, gap, parts, terms, leads.get(terms.line(candidate)))
        weighed.append(Weighed(candidate, cause, gap, parts, changes, is_rival))
    weighed.sort(key=lambda one: (one.gap, one.candidate is not best, one.candidate.target))
    return Explanation(decision, best, tuple(weighed), asked_weights(decision))


def asked_weights(decision: Decision) -> Weights:
    """The weights before the dual prices entered (`tenancy.pacing.effective`, backwards)."""
    if _is_quality_alone(decision):
        return Weights(0.0, 0.0)
    patience, weights = 1.0 + decision.dual_prices.quality, decision.weights
    return Weights(max(0.0, weights.cost - decision.dual_prices.cost) * patience, weights.latency * patience)


def _terms(decision: Decision) -> _Terms | None:
    if decision.scales is None:
        return None
    price = 0.0 if _is_quality_alone(decision) else min(decision.dual_prices.cost, decision.weights.cost)
    return _Terms(decision.scales, asked_weights(decision), price, 1.0 + decision.dual_prices.quality)


def _is_quality_alone(decision: Decision) -> bool:
    """Whether nobody reached the request's floor: then neither weights nor the prices of pressures count."""
    return ReasonCode.QUALITY_FLOOR_UNMET in decision.reason_codes


def _favour(decision: Decision, position: int) -> float:
    return decision.favour if position == decision.favoured else 0.0


def _parts(candidate: Candidate, terms: _Terms, favour: float) -> Parts:
    """The parts of a utility, which they add up to but for the last bits.

    The record holds quality within 0..1 and cost in whole nano-US-dollars, and the utility was made of neither
    rounded: what is left over goes to quality at the ends of its range, and to cost within.
    """
    expected = candidate.expected
    costs = expected.cost_nano_usd / terms.scales.cost_nano_usd
    seconds = expected.latency_seconds / terms.scales.latency_seconds
    asked, kept = terms.asked, 1.0 - 1.0 / terms.patience
    # Subtracted, because the negative of nothing would be told as -0.
    parts = Parts(
        quality=expected.quality,
        failure=0.0 - expected.failure_rate * expected.quality,
        cost=0.0 - asked.cost * costs,
        cost_ceiling=0.0 - terms.cost_price * costs,
        quality_floor=(asked.cost * costs + asked.latency * seconds) * kept,
        latency=0.0 - asked.latency * seconds,
        affinity=favour,
    )
    rest = candidate.utility - math.fsum(parts)
    success = 1.0 - expected.failure_rate
    if 0.0 < expected.quality < 1.0 or success <= 0:
        # Of the two that stand for cost, the one that took more of it.
        if terms.cost_price * terms.patience > asked.cost:
            return parts._replace(cost_ceiling=parts.cost_ceiling + rest)
        return parts._replace(cost=parts.cost + rest)
    quality = expected.quality + rest / success
    return parts._replace(quality=quality, failure=-expected.failure_rate * quality)


def _changes(
    candidate: Candidate, gap: float, parts: Parts, terms: _Terms, lead: tuple[float, float] | None
) -> Changes:
    expected = candidate.expected
    success = 1.0 - expected.failure_rate
    cost = expected.cost_nano_usd - gap / terms.cost if terms.cost else -1.0
    latency = expected.latency_seconds - gap / terms.latency if terms.latency else -1.0
    # From where the utility had it, which may lie outside of what the record holds.
    quality = parts.quality + gap / success if success > 0 else math.inf
    return Changes(
        cost_nano_usd=math.floor(cost) if cost >= 0 else None,
        quality=max(quality, 0.0) if quality <= 1 else None,
        latency_seconds=latency if latency >= 0 else None,
        cost_weight=None if lead is None else _nearest(terms.asked.cost, lead),
    )


def _nearest(weight: float, lead: tuple[float, float]) -> float | None:
    """The weight nearest to one, of those between two that are not below 0."""
    begin, end = lead
    nearest = min(max(weight, begin, 0.0), end)
    return nearest if 0.0 <= nearest < math.inf else None


def _leads(lines: Iterable[_Line]) -> dict[_Line, tuple[float, float]]:
    """From which weight of cost to which no line lies above a line, for those that are ever the highest.

    The upper envelope, built from the steepest line to the flattest.
    """
    envelope: list[tuple[_Line, float]] = []
    for line in sorted(set(lines), key=lambda one: (-one.slope, -one.start)):
        if envelope and envelope[-1][0].slope == line.slope:
            continue
        begin = -math.inf
        while envelope:
            last, last_begin = envelope[-1]
            begin = (last.start - line.start) / (last.slope - line.slope)
            if begin > last_begin:
                break
            envelope.pop()
        envelope.append((line, begin))
    ends = [begin for _, begin in envelope[1:]] + [math.inf]
    return {line: (begin, end) for (line, begin), end in zip(envelope, ends, strict=True)}
