"""What a stored observation teaches which arm: a pure function, so that a replay after a crash ends in the same state.

Quality goes to the model that answered; every attempt teaches its own model cost, latency and failure. An attempt on
another model than the drawn one teaches that model and leaves the evidence for context alone, because nothing was
predicted for it; so does a decision of another policy, whose predictions came from another state. Every outcome names
the tenant that asked, so that the engine can tell tenants apart.
"""

from __future__ import annotations

from functools import partial

from atp_grpc.domain.decision import Lesson
from atp_grpc.domain.money import TOKENS_PER_PRICE
from atp_grpc.domain.outcome import Attempt, Observation, Report, Usage
from atp_grpc.engine.contract import Outcome

OUTCOMES_PER_OBSERVATION = 64
"""Room in the engine's sequence for the outcomes of one observation (16 attempts and a quality at most)."""
MOST_OUTPUT_TOKENS = 1e9
"""The longest answer an engine takes; what reasoning tokens or a bill would make longer counts as this long."""


def outcomes_of(observation: Observation, pool: str) -> list[Outcome]:
    """The engine outcomes of an observation for a pool, in a fixed order.

    Empty when it teaches nothing (labels only). `pool` is the routing policy whose engine is taught.
    """
    lesson, recorded = observation.lesson, observation.recorded
    outcome = partial(_outcome, observation, pool)
    outcomes: list[Outcome] = []
    quality, answering = recorded.quality, graded_model(observation)
    for attempt in recorded.attempts:
        if attempt.error is not None:
            failed = True if attempt.error.blames_model else None
            outcomes.append(outcome(attempt.model, len(outcomes), failed=failed))
            continue
        is_answer = attempt.model == answering
        outcomes.append(
            outcome(
                attempt.model,
                len(outcomes),
                quality=quality if is_answer else None,
                output_tokens=_output_tokens(attempt, lesson),
                latency_seconds=attempt.latency_seconds,
                failed=False,
            )
        )
        if is_answer:
            answering = None
    if answering is not None:
        outcomes.append(outcome(answering, len(outcomes), quality=quality))
    return outcomes


def first_sequence_to_learn(high_water: int) -> int:
    """The observation sequence after which a replay starts, given the engine's high-water mark.

    The observation the mark stands in is read again: the engine ignores the part that it has.
    """
    return max(high_water // OUTCOMES_PER_OBSERVATION - 1, 0)


def total_cost_nano_usd(report: Report, lesson: Lesson) -> int | None:
    """What the attempts cost together, or None when it is not known of every one."""
    total = 0
    for attempt in report.attempts:
        cost = attempt.cost_nano_usd
        if cost is None:
            cost = _cost_by_usage(attempt, lesson)
        if cost is None:
            return None
        total += cost
    return total if report.attempts else None


def graded_model(observation: Observation) -> str | None:
    """The model whose answer an observation grades; None when it grades none."""
    recorded = observation.recorded
    return None if recorded.quality is None else _answering_model(recorded, observation.standing, observation.lesson)


def _answering_model(recorded: Report, standing: Report, lesson: Lesson) -> str | None:
    """The model of the last attempt without an error.

    The drawn model when no attempt is known; None when all failed.
    """
    attempts = recorded.attempts or standing.attempts
    if not attempts:
        return lesson.model
    return next((a.model for a in reversed(attempts) if a.error is None), None)


def _outcome(
    observation: Observation,
    pool: str,
    model: str,
    index: int,
    *,
    quality: float | None = None,
    output_tokens: float | None = None,
    latency_seconds: float | None = None,
    failed: bool | None = None,
) -> Outcome:
    lesson = observation.lesson
    # What was predicted of the drawn model is judged by its own quality and by no other, where it was predicted.
    is_evidence = quality is not None and model == lesson.model and pool == lesson.revisions.policy
    return Outcome(
        model,
        observation.replica,
        observation.sequence * OUTCOMES_PER_OBSERVATION + index,
        lesson.decided_nanos,
        observation.observed_nanos,
        lesson.features.values,
        quality,
        output_tokens,
        latency_seconds,
        failed,
        lesson.predicted_mean if is_evidence else None,
        lesson.predicted_linear if is_evidence else None,
        lesson.tenant,
    )


def _output_tokens(attempt: Attempt, lesson: Lesson) -> float | None:
    """Billed output tokens; when only the bill is known, as many as explain it at the decision's prices."""
    usage = attempt.usage
    if usage.output_tokens is not None:
        return min(float(usage.output_tokens + (usage.reasoning_tokens or 0)), MOST_OUTPUT_TOKENS)
    if attempt.cost_nano_usd is None or not _same_prices(attempt, lesson) or lesson.prices.output == 0:
        return None
    input_tokens = _input_tokens(usage, lesson)
    beside = usage._replace(input_tokens=None, reasoning_tokens=None).cost_nano_usd(lesson.prices)
    rest = (attempt.cost_nano_usd - beside) * TOKENS_PER_PRICE - input_tokens * lesson.prices.input
    return min(max(rest / lesson.prices.output, 0.0), MOST_OUTPUT_TOKENS)


def _cost_by_usage(attempt: Attempt, lesson: Lesson) -> int | None:
    usage = attempt.usage
    if usage.output_tokens is None or not _same_prices(attempt, lesson):
        return None
    return usage._replace(input_tokens=round(_input_tokens(usage, lesson))).cost_nano_usd(lesson.prices)


def _input_tokens(usage: Usage, lesson: Lesson) -> float:
    """Tokens at the input price; those not told are the expected prompt's without what was told of other classes."""
    if usage.input_tokens is not None:
        return usage.input_tokens
    return max(0.0, lesson.input_tokens - usage.prompt_tokens)


def _same_prices(attempt: Attempt, lesson: Lesson) -> bool:
    """Whether the lesson's prices are the attempt's: the drawn model, on the drawn deployment or one not named."""
    return attempt.model == lesson.model and attempt.deployment in ("", lesson.deployment)
