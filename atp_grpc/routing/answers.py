"""From the engine's choice to the domain's words: candidates, refusals, remarks, and the error when nobody is left.

The router enters here after each choice. Nothing here decides anything.
"""

from __future__ import annotations

from collections.abc import Sequence

from atp_grpc.catalog.snapshot import Offering
from atp_grpc.domain.decision import (
    NO_DUAL_PRICES,
    Candidate,
    DualPrices,
    Expectation,
    ReasonCode,
    Refusal,
    RefusalCause,
)
from atp_grpc.domain.errors import AtpError, ModelsUnavailableError, NoEligibleModelError, PreconditionViolation
from atp_grpc.engine.contract import Choice, Exclusion

RETRY_SECONDS = 1.0
LEAST_RETRY_SECONDS, MOST_RETRY_SECONDS = 0.01, 60.0
"""Whoever is told to come again is told no less and no more: what keeps a model away for longer may end sooner."""
"""When to come back for a model that drains or a revision that is on its way."""

MOST_COST = 2**63 - 1
"""The most that a field of money holds."""
_EXCLUSION_CAUSES = {
    Exclusion.MAX_COST: RefusalCause.MAX_COST,
    Exclusion.QUALITY_FLOOR: RefusalCause.QUALITY_FLOOR,
    Exclusion.LATENCY_SLO: RefusalCause.LATENCY_SLO,
}
_CAUSES_WITHOUT_MONEY = {**_EXCLUSION_CAUSES, Exclusion.MAX_COST: RefusalCause.BUDGET}


SENTENCES = {
    RefusalCause.NOT_ALLOWED: "is not among the allowed models",
    RefusalCause.DENIED: "is among the denied models",
    RefusalCause.DRAINING: "is draining and takes no new requests",
    RefusalCause.SHADOW: "is observed only and never serves",
    RefusalCause.DEPRECATED: "is retired",
    RefusalCause.CAPABILITY: "lacks a required capability",
    RefusalCause.CONTEXT_LENGTH: "has too little context for the input and the requested output",
    RefusalCause.REGION: "has no deployment in the required region",
    RefusalCause.DATA_SCOPE: "has no deployment cleared for the data scope",
    RefusalCause.NO_PRICE: "has no price in force",
    RefusalCause.NO_DEPLOYMENT: "has no deployment",
    RefusalCause.MAX_COST: "is expected to cost more than the request's limit",
    RefusalCause.QUALITY_FLOOR: "is predicted to stay below the quality floor",
    RefusalCause.LATENCY_SLO: "is predicted to answer later than the objective",
    RefusalCause.BUDGET: "is expected to cost more than is left of the tenant's budget",
    RefusalCause.EXPLORATION_CAP: "is new and what may be spent on exploring it is spent",
    RefusalCause.NO_ENDPOINT: "has no deployment that can be called from here",
    RefusalCause.BREAKER_OPEN: "fails when it is called, and is left alone for a while",
    RefusalCause.KEYS_RESTING: "has no key that may be used now",
    RefusalCause.NOT_SERVING: "says itself that it takes no calls now",
}
"""What is said of a refused model, after its name."""


def candidates_of(offerings: Sequence[Offering], choice: Choice) -> tuple[Candidate, ...]:
    """Every target that was weighed, in the order of the offerings."""
    rows = zip(
        offerings,
        choice.quality,
        choice.cost_nano_usd,
        choice.latency_seconds,
        choice.failure_rate,
        choice.utilities,
        choice.propensities,
        strict=True,
    )
    return tuple(
        [
            Candidate(
                offering.target,
                Expectation(quality, min(round(cost), MOST_COST), latency, failure),
                utility,
                propensity,
            )
            for offering, quality, cost, latency, failure, utility, propensity in rows
        ]
    )


def exclusion_causes(choice: Choice, *, is_short_of_money: bool) -> tuple[RefusalCause | None, ...]:
    """Why the engine set each candidate aside, None where it did not; empty where it set nobody aside."""
    exclusions = choice.exclusions
    if not exclusions:
        return ()
    causes = _CAUSES_WITHOUT_MONEY if is_short_of_money else _EXCLUSION_CAUSES
    return tuple([causes[exclusions[at]] if at in exclusions else None for at in range(len(choice.propensities))])


def exclusion_refusals(
    offerings: Sequence[Offering], choice: Choice, *, is_short_of_money: bool = False
) -> list[Refusal]:
    """The targets that the engine set aside, and why; with `is_short_of_money` the limit on cost was the budget's."""
    causes = exclusion_causes(choice, is_short_of_money=is_short_of_money)
    return [Refusal(one.target, cause) for one, cause in zip(offerings, causes, strict=False) if cause is not None]


def unmet_refusals(offerings: Sequence[Offering], choice: Choice) -> list[Refusal]:
    """Every target as refused, when nobody keeps the floor or the latency objective; none when somebody does."""
    if not (choice.floor_unmet or choice.slo_unmet):
        return []
    unmet = RefusalCause.QUALITY_FLOOR if choice.floor_unmet else RefusalCause.LATENCY_SLO
    causes = {position: _EXCLUSION_CAUSES[exclusion] for position, exclusion in choice.exclusions.items()}
    return [Refusal(one.target, causes.get(position, unmet)) for position, one in enumerate(offerings)]


def reason_codes(
    choice: Choice, dual_prices: DualPrices = NO_DUAL_PRICES, favoured: int | None = None
) -> tuple[ReasonCode, ...]:
    """Remarks on how the choice came about; `favoured` is the position of the one to stay with, if any."""
    codes = []
    chosen, propensities = choice.chosen, choice.propensities
    utilities = [u for u, p in zip(choice.utilities, propensities, strict=True) if p > 0]
    if len(utilities) == 1:
        codes.append(ReasonCode.ONLY_CANDIDATE)
    elif chosen is not None and choice.utilities[chosen] < max(utilities):
        codes.append(ReasonCode.EXPLORED)
    if choice.context_on:
        codes.append(ReasonCode.CONTEXT_USED)
    if choice.floor_unmet:
        codes.append(ReasonCode.QUALITY_FLOOR_UNMET)
    if choice.slo_unmet:
        codes.append(ReasonCode.LATENCY_SLO_UNMET)
    if dual_prices.cost > 0:
        codes.append(ReasonCode.COST_CEILING_PRESSED)
    if dual_prices.quality > 0:
        codes.append(ReasonCode.QUALITY_FLOOR_PRESSED)
    if chosen is not None and chosen == favoured:
        codes.append(ReasonCode.STAYED)
    return tuple(codes)


def nobody(refusals: Sequence[Refusal]) -> AtpError:
    """The error when no candidate is left: waiting helps as soon as one fit model is only away for a while.

    It names the time of the one that is back soonest.
    """
    preconditions = [
        PreconditionViolation(refusal.cause.name, f"models/{refusal.target.model}", SENTENCES[refusal.cause])
        for refusal in refusals
    ]
    waits = [refusal.retry_after_seconds for refusal in refusals if refusal.cause.is_transient]
    if waits:
        soonest = min([RETRY_SECONDS if seconds is None else seconds for seconds in waits])
        within = min(max(soonest, LEAST_RETRY_SECONDS), MOST_RETRY_SECONDS)
        return ModelsUnavailableError(preconditions, retry_after_seconds=within)
    return NoEligibleModelError(preconditions)
