"""What people type becomes exactly what is sent, or is refused with a sentence."""

from argparse import ArgumentTypeError
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.cli import quantities as q


@pytest.mark.parametrize(
    ("text", "nano"),
    [
        ("0", 0),
        ("0.0004", 400_000),
        ("$2.50", 2_500_000_000),
        ("1e-9", 1),
        ("0.100000001", 100_000_001),
        ("1000000", 1_000_000 * 10**9),
    ],
)
def test_dollars_are_read_to_the_nano_dollar(text: str, nano: int) -> None:
    assert q.read_usd(text) == nano


@pytest.mark.parametrize("text", ["", "free", "-0.01", "nan", "inf", "1e-10", "1000000.01", "$", "1e999999"])
def test_an_amount_that_cannot_be_right_is_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="dollar"):
        q.read_usd(text)


@given(st.integers(0, 10**15))
def test_every_amount_that_is_printed_can_be_typed(nano: int) -> None:
    assert q.read_usd(q.usd(nano)) == nano


@pytest.mark.parametrize(
    ("nano", "text"), [(0, "$0.00"), (412_000, "$0.000412"), (2_500_000_000, "$2.50"), (1, "$0.000000001")]
)
def test_amounts_are_printed_exactly_and_with_cents(nano: int, text: str) -> None:
    assert q.usd(nano) == text


@pytest.mark.parametrize(
    ("text", "nanos"),
    [
        ("0", 0),
        ("3", 3 * 10**9),
        ("1.5s", 1_500_000_000),
        ("800ms", 800_000_000),
        ("250us", 250_000),
        ("2m", 120 * 10**9),
        ("24h", 86_400 * 10**9),
    ],
)
def test_spans_are_read_with_their_unit(text: str, nanos: int) -> None:
    assert q.read_span(text) == nanos


@pytest.mark.parametrize("text", ["", "s", "soon", "-1s", "nan", "infs", "5 parsecs", "25h", "1e99s", "3S"])
def test_a_span_that_cannot_be_right_is_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="not a span"):
        q.read_span(text)


@pytest.mark.parametrize(("nanos", "text"), [(0, "0 ms"), (850_000_000, "850 ms"), (1_250_000_000, "1.25 s")])
def test_spans_are_printed_in_the_unit_that_suits_them(nanos: int, text: str) -> None:
    assert q.span(nanos) == text


@pytest.mark.parametrize("text", ["-0.1", "1.1", "nan", "inf", "good", ""])
def test_a_share_lies_between_zero_and_one(text: str) -> None:
    assert q.read_share("0.25") == 0.25
    with pytest.raises(ArgumentTypeError, match="from 0 to 1"):
        q.read_share(text)


@pytest.mark.parametrize("text", ["-1", "1.5", "1_000", "٣", "9223372036854775808", "9" * 5000, ""])
def test_a_count_is_a_whole_number_that_a_message_can_hold(text: str) -> None:
    assert q.read_count("9223372036854775807") == 2**63 - 1
    with pytest.raises(ArgumentTypeError, match="whole number"):
        q.read_count(text)


def test_a_pair_keeps_the_equals_signs_of_its_value() -> None:
    assert q.read_pair("key=a=b") == ("key", "a=b")
    assert q.read_pair("key=") == ("key", "")


@pytest.mark.parametrize("text", ["", "key", "=value"])
def test_a_pair_needs_a_key_and_an_equals_sign(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="KEY=VALUE"):
        q.read_pair(text)


@pytest.mark.parametrize("read", [q.read_usd, q.read_span, q.read_share, q.read_weight, q.read_count])
@given(text=st.text(max_size=20))
def test_whatever_is_typed_becomes_a_number_from_zero_up_or_is_refused(read: Callable[[str], float], text: str) -> None:
    with suppress(ArgumentTypeError):
        assert read(text) >= 0
