"""Which arm an observation teaches what."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.domain.money import TokenPrices
from atp_grpc.domain.outcome import Attempt, AttemptError, Observation, Report, Usage
from atp_grpc.engine.contract import Outcome
from atp_grpc.learning.rewards import (
    MOST_OUTPUT_TOKENS,
    OUTCOMES_PER_OBSERVATION,
    first_sequence_to_learn,
    total_cost_nano_usd,
)
from atp_grpc.learning.rewards import outcomes_of as outcomes_for
from tests.unit.learning.examples import lesson, observation


def outcomes_of(seen: Observation) -> list[Outcome]:
    """What an observation teaches the policy that decided."""
    return outcomes_for(seen, seen.lesson.revisions.policy)


def test_a_decision_of_another_policy_teaches_the_model_and_is_no_evidence_for_context() -> None:
    seen = observation(Report(quality=0.9))
    (own,), (other,) = outcomes_of(seen), outcomes_for(seen, "another")
    assert other == own._replace(predicted_mean=None, predicted_linear=None) != own


def test_quality_without_attempts_teaches_the_drawn_model_with_its_predictions() -> None:
    (outcome,) = outcomes_of(observation(Report(quality=0.9)))
    assert (outcome.arm, outcome.quality) == ("small", 0.9)
    assert (outcome.predicted_mean, outcome.predicted_linear) == (0.6, 0.7)
    assert outcome.failed is None


def test_quality_goes_to_the_model_that_answered_and_is_no_evidence_for_context_there() -> None:
    attempts = (Attempt("small", error=AttemptError.TIMEOUT), Attempt("large", usage=Usage(output_tokens=40)))
    failed, answered = outcomes_of(observation(Report(quality=0.8, attempts=attempts)))
    assert (failed.arm, failed.failed, failed.quality) == ("small", True, None)
    assert (answered.arm, answered.failed, answered.quality, answered.output_tokens) == ("large", False, 0.8, 40.0)
    assert answered.predicted_mean is None


def test_a_later_quality_goes_to_the_model_that_an_earlier_report_said_answered() -> None:
    standing = Report(attempts=(Attempt("small", error=AttemptError.CUT), Attempt("large")))
    (outcome,) = outcomes_of(observation(Report(quality=0.8), standing))
    assert outcome.arm == "large"


def test_quality_teaches_nobody_when_every_attempt_failed() -> None:
    attempts = (Attempt("small", error=AttemptError.UNAVAILABLE),)
    (outcome,) = outcomes_of(observation(Report(quality=0.0, attempts=attempts)))
    assert outcome.quality is None


@pytest.mark.parametrize("error", [AttemptError.INVALID_REQUEST, AttemptError.CANCELLED])
def test_an_error_of_the_caller_does_not_count_against_the_model(error: AttemptError) -> None:
    (outcome,) = outcomes_of(observation(Report(attempts=(Attempt("small", error=error),))))
    assert outcome.failed is None


def test_a_bill_without_tokens_is_explained_by_output_tokens_at_the_decisions_prices() -> None:
    # 100 input tokens cost 100,000 nano; the other 400,000 buy 100 output tokens at 4,000 nano each.
    (outcome,) = outcomes_of(observation(Report(attempts=(Attempt("small", cost_nano_usd=500_000),))))
    assert outcome.output_tokens == pytest.approx(100.0)


def test_what_a_bill_names_beside_the_input_is_paid_before_output_explains_the_rest() -> None:
    prices = TokenPrices(1_000_000_000, 4_000_000_000, 100_000_000, None, 1_250_000_000)
    usage = Usage(input_tokens=100, cached_input_tokens=50, cache_write_input_tokens=80)
    # 100,000 and 5,000 and 100,000 nano; the other 400,000 buy 100 output tokens at 4,000 nano each.
    whole = observation(Report(attempts=(Attempt("small", usage=usage, cost_nano_usd=605_000),)))
    (outcome,) = outcomes_of(whole._replace(lesson=whole.lesson._replace(prices=prices)))
    assert outcome.output_tokens == pytest.approx(100.0)


@given(
    st.lists(st.integers(0, 10**9), min_size=5, max_size=5), st.lists(st.integers(0, 10**12), min_size=5, max_size=5)
)
def test_usage_costs_the_sum_of_its_classes_at_their_own_prices(tokens: list[int], prices: list[int]) -> None:
    input_price, output_price, cached_price, reasoning_price, write_price = prices
    plain, cached, output, reasoning, written = tokens
    total = plain * input_price + cached * cached_price + written * write_price
    total += output * output_price + reasoning * reasoning_price
    known = lesson()._replace(prices=TokenPrices(*prices))
    report = Report(attempts=(Attempt("small", usage=Usage(*tokens)),))

    assert total_cost_nano_usd(report, known) == (2 * total + 10**6) // (2 * 10**6)
    unnamed = known._replace(prices=TokenPrices(input_price, output_price, cached_price, reasoning_price))
    total += written * (input_price - write_price)
    assert total_cost_nano_usd(report, unnamed) == (2 * total + 10**6) // (2 * 10**6)


@pytest.mark.parametrize("in_cache", [60, 100, 130])
def test_a_prompt_of_which_only_the_cached_part_is_told_is_not_paid_twice(in_cache: int) -> None:
    prices = TokenPrices(1_000_000_000, 4_000_000_000, 100_000_000)
    # The decision expected a prompt of 100 tokens; what of it was not in the cache is left.
    prompt = (100 - min(in_cache, 100)) * 1_000 + in_cache * 100
    usage = Usage(cached_input_tokens=in_cache)
    billed = observation(Report(attempts=(Attempt("small", usage=usage, cost_nano_usd=prompt + 400_000),)))
    (outcome,) = outcomes_of(billed._replace(lesson=billed.lesson._replace(prices=prices)))
    assert outcome.output_tokens == pytest.approx(100.0)

    told = Report(attempts=(Attempt("small", usage=usage._replace(output_tokens=100)),))
    assert total_cost_nano_usd(told, billed.lesson._replace(prices=prices)) == prompt + 400_000


def test_a_bill_of_another_deployment_explains_nothing() -> None:
    attempts = (Attempt("small", deployment="small@other", cost_nano_usd=500_000),)
    (outcome,) = outcomes_of(observation(Report(attempts=attempts)))
    assert outcome.output_tokens is None


def test_a_bill_below_the_input_price_never_makes_negative_tokens() -> None:
    (outcome,) = outcomes_of(observation(Report(attempts=(Attempt("small", cost_nano_usd=1),))))
    assert outcome.output_tokens == 0.0


@pytest.mark.parametrize(
    "attempt",
    [
        Attempt("small", usage=Usage(output_tokens=10**9, reasoning_tokens=10**9)),
        Attempt("small", cost_nano_usd=10**15),
    ],
)
def test_an_answer_longer_than_engines_take_teaches_the_longest_they_do(attempt: Attempt) -> None:
    cheap = lesson()._replace(prices=TokenPrices(input=1, output=1))
    recorded = Report(quality=0.5, attempts=(attempt,))
    (outcome,) = outcomes_of(observation(recorded)._replace(lesson=cheap))
    assert (outcome.output_tokens, outcome.quality) == (MOST_OUTPUT_TOKENS, 0.5)


def test_every_outcome_names_the_tenant_of_its_lesson() -> None:
    attempts = (Attempt("small", error=AttemptError.TIMEOUT), Attempt("large"))
    whole = observation(Report(quality=0.8, attempts=attempts))
    for tenant in ("acme", "globex"):
        outcomes = outcomes_of(whole._replace(lesson=whole.lesson._replace(tenant=tenant)))
        assert [outcome.tenant for outcome in outcomes] == [tenant, tenant]


def test_labels_teach_nothing() -> None:
    assert outcomes_of(observation(Report(labels={"user": "u1"}))) == []


def test_total_cost_is_known_only_when_every_attempt_is() -> None:
    billed, by_usage = (
        Attempt("small", cost_nano_usd=7),
        Attempt("small", usage=Usage(input_tokens=10, output_tokens=10)),
    )
    assert total_cost_nano_usd(Report(attempts=(billed, by_usage)), lesson()) == 7 + 10_000 + 40_000
    assert total_cost_nano_usd(Report(attempts=(billed, Attempt("large"))), lesson()) is None
    assert total_cost_nano_usd(Report(quality=1.0), lesson()) is None


@given(
    attempts=st.lists(st.sampled_from([None, *AttemptError]), max_size=16),
    quality=st.one_of(st.none(), st.floats(0, 1)),
    sequence=st.integers(1, 2**40),
)
def test_sequences_of_outcomes_are_distinct_and_grow_with_the_observation(
    attempts: list[AttemptError | None], quality: float | None, sequence: int
) -> None:
    recorded = Report(quality=quality, attempts=tuple(Attempt("small", error=error) for error in attempts))
    outcomes = outcomes_of(observation(recorded, sequence=sequence))
    numbers = [outcome.sequence for outcome in outcomes]
    assert numbers == sorted(set(numbers))
    assert all(number // OUTCOMES_PER_OBSERVATION == sequence for number in numbers)
    assert sum(outcome.quality is not None for outcome in outcomes) <= 1
    if numbers:
        assert first_sequence_to_learn(numbers[-1]) == sequence - 1
