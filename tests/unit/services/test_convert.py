"""Between the wire and the domain: nothing absent becomes zero, nothing is lost on the way."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.domain import outcome as domain
from atp_grpc.domain.decision import NO_DUAL_PRICES, DualPrices
from atp_grpc.domain.errors import MessageTooLargeError
from atp_grpc.domain.money import TokenPrices
from atp_grpc.domain.outcome import Report, Usage
from atp_grpc.domain.request import NO_CONSTRAINTS
from atp_grpc.pb.atp.v1.observe_service_pb2 import ObserveRequest
from atp_grpc.pb.atp.v1.outcome_pb2 import Attempt
from atp_grpc.pb.atp.v1.route_service_pb2 import RouteRequest
from atp_grpc.services.convert.decisions import decision_record, moment, route_response, span
from atp_grpc.services.convert.outcomes import outcome, report
from atp_grpc.services.convert.requests import MAX_TEXT_BYTES, route_request, seconds
from tests.conformance.store.samples import decision
from tests.unit.learning.examples import lesson

_TOKENS = st.none() | st.integers(0, 10**9)


@given(
    quality=st.none() | st.floats(0, 1),
    error=st.integers(0, 7),
    tokens=st.tuples(*[_TOKENS] * 5),
    cost=st.none() | st.integers(0, 10**15),
    latency_nanos=st.none() | st.integers(0, 86_400 * 10**9),
    labels=st.dictionaries(st.text(min_size=1, max_size=5), st.text(max_size=5), max_size=3),
)
def test_a_report_read_and_written_back_is_the_report(
    quality: float | None,
    error: int,
    tokens: tuple[int | None, ...],
    cost: int | None,
    latency_nanos: int | None,
    labels: dict[str, str],
) -> None:
    names = ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens", "cache_write_input_tokens")
    usage = {name: count for name, count in zip(names, tokens, strict=True) if count is not None}
    attempt = Attempt(model="m", deployment="m@p", cost_nano_usd=cost, usage=usage or None)
    attempt.error = error  # type: ignore[assignment]
    if latency_nanos is not None:
        attempt.latency.FromNanoseconds(latency_nanos)
    message = ObserveRequest(decision_id="d", quality=quality, attempts=[attempt], labels=labels)
    back = outcome(report(message), lesson())
    assert back is not None
    assert back.HasField("quality") == (quality is not None)
    assert back.quality == message.quality
    assert dict(back.labels) == labels
    (same,) = back.attempts
    if latency_nanos is not None:
        # Kept as seconds in a double: a day is exact to a few nanoseconds.
        assert abs(same.latency.ToNanoseconds() - latency_nanos) <= 16
        same.latency.CopyFrom(attempt.latency)
    assert same == attempt


def test_prices_of_ceiling_and_floor_are_shown_when_one_of_them_is_above_zero() -> None:
    made = decision()
    for prices in (DualPrices(0.25, 0.0), DualPrices(0.0, 2.0), DualPrices(0.25, 2.0)):
        pressed = replace(made, dual_prices=prices)
        for message in (route_response(pressed, b"t"), decision_record(pressed, Report())):
            assert message.HasField("dual_prices")
            assert (message.dual_prices.cost, message.dual_prices.quality) == prices
    free = replace(made, dual_prices=NO_DUAL_PRICES)
    assert not route_response(free, b"t").HasField("dual_prices")
    assert not decision_record(free, Report()).HasField("dual_prices")


def test_nothing_observed_is_no_outcome() -> None:
    assert outcome(Report(), lesson()) is None


def test_a_cost_beyond_the_field_is_the_most_it_holds() -> None:
    dear = lesson()._replace(prices=TokenPrices(input=10**15, output=10**15))
    usage = Usage(input_tokens=10**9, output_tokens=10**9)
    attempts = tuple(domain.Attempt("small", usage=usage) for _ in range(16))
    written = outcome(Report(attempts=attempts), dear)
    assert written is not None
    assert written.cost_nano_usd == 2**63 - 1


def test_what_a_request_leaves_out_is_absent_and_not_zero() -> None:
    request = route_request(RouteRequest(prompt="hi"))
    assert (request.input_tokens, request.max_output_tokens, request.objective) == (None, None, None)
    assert request.constraints is NO_CONSTRAINTS
    constrained = route_request(RouteRequest(prompt="hi", constraints={"region": "eu"})).constraints
    assert constrained.max_cost_nano_usd is None
    assert constrained.quality_floor is None
    assert constrained.latency_slo_seconds is None


@pytest.mark.parametrize("letter", ["x", "ä", "𝄞"])
def test_text_is_measured_in_bytes_up_to_the_limit(letter: str) -> None:
    fitting = letter * (MAX_TEXT_BYTES // len(letter.encode()))
    assert route_request(RouteRequest(prompt=fitting)).text == fitting
    with pytest.raises(MessageTooLargeError) as refusal:
        route_request(RouteRequest(prompt=fitting + letter))
    assert refusal.value.metadata["what"] == "text"
    turns = [{"role": 2, "parts": [{"text": fitting}]}, {"role": 2, "parts": [{"text": letter}]}]
    with pytest.raises(MessageTooLargeError):
        route_request(RouteRequest(conversation={"messages": turns}))


@given(st.floats(0, 1e6))
def test_spans_survive_to_the_nanosecond(value: float) -> None:
    assert seconds(span(value)) == pytest.approx(value, abs=1e-9)


@given(st.integers(0, 4 * 10**18))
def test_moments_survive_exactly(nanos: int) -> None:
    assert moment(nanos).ToNanoseconds() == nanos


def test_a_span_is_never_negative() -> None:
    assert span(-1.0).ToNanoseconds() == 0
