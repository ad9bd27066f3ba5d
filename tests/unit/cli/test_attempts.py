"""An attempt as it is typed is the attempt that is sent."""

from argparse import ArgumentTypeError
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.cli.attempts import read_attempt
from atp_grpc.client import messages as m


def test_every_key_reaches_its_field() -> None:
    attempt = read_attempt(
        "model=swift,deployment=swift@acme,error=timeout,cost_usd=0.0004,latency=1.2s,"
        "input_tokens=10,cached_input_tokens=2,output_tokens=30,reasoning_tokens=0,cache_write_input_tokens=4"
    )

    expected = m.Attempt(
        model="swift",
        deployment="swift@acme",
        error="ATTEMPT_ERROR_TIMEOUT",
        cost_nano_usd=400_000,
        usage=m.Usage(
            input_tokens=10,
            cached_input_tokens=2,
            output_tokens=30,
            reasoning_tokens=0,
            cache_write_input_tokens=4,
        ),
    )
    expected.latency.FromMilliseconds(1200)
    assert attempt == expected


def test_what_is_not_said_stays_unknown_and_is_not_zero() -> None:
    attempt = read_attempt("model=swift")

    assert attempt == m.Attempt(model="swift")
    assert not attempt.HasField("cost_nano_usd")
    assert not attempt.HasField("latency")
    assert not attempt.HasField("usage")


def test_every_error_of_the_contract_can_be_reported() -> None:
    for name in m.AttemptError.keys()[1:]:
        word = name.removeprefix("ATTEMPT_ERROR_").lower()
        assert read_attempt(f"model=swift,error={word}") == m.Attempt(model="swift", error=name)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "not of the form KEY=VALUE"),
        ("swift", "not of the form KEY=VALUE"),
        ("latency=1s", "which model was called"),
        ("model=", "which model was called"),
        ("model=a,model=b", "gives a key twice"),
        ("model=a,cost=1", "'cost' is not known of an attempt; these are: model, deployment, cost_usd"),
        ("model=a,error=tired", "'tired' is no error of an attempt; these are: rate_limited"),
        ("model=a,error=", "'' is no error of an attempt"),
        ("model=a,latency=slow", "not a span"),
        ("model=a,cost_usd=-1", "US dollars"),
        ("model=a,output_tokens=many", "whole number"),
    ],
)
def test_an_attempt_that_cannot_be_right_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(ArgumentTypeError, match=complaint):
        read_attempt(text)


@given(st.lists(st.sampled_from(["model=a", "cost_usd=1", "latency=", "error=cut", "=", "x", "output_tokens=-1"])))
def test_no_mixture_breaks_the_reader(parts: list[str]) -> None:
    with suppress(ArgumentTypeError):
        assert read_attempt(",".join(parts)).model == "a"
