"""What the door reads from metadata, and how little it trusts it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.transport.arrival import read_arrival

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
KEYS = st.sampled_from(["authorization", "traceparent", "grpc-previous-rpc-attempts", "noise-bin", "x"])


def test_credential_trace_and_attempt_are_read() -> None:
    arrival = read_arrival(
        (
            ("user-agent", "me"),
            ("authorization", "Bearer a"),
            ("traceparent", f"00-{TRACE}-00f067aa0ba902b7-01"),
            ("grpc-previous-rpc-attempts", "2"),
        )
    )

    assert (arrival.authorization, arrival.trace_id, arrival.attempt) == ("Bearer a", TRACE, 2)


@pytest.mark.parametrize("count", [2, 3, 4])
def test_several_credentials_are_none(count: int) -> None:
    assert read_arrival([("authorization", "Bearer a")] * count).authorization is None


@pytest.mark.parametrize("attempts", ["", "-1", "1.5", "²", "many", "0x1"])
def test_an_attempt_that_is_no_number_is_the_first(attempts: str) -> None:
    assert read_arrival([("grpc-previous-rpc-attempts", attempts)]).attempt == 0


def test_a_giant_attempt_is_bounded() -> None:
    assert read_arrival([("grpc-previous-rpc-attempts", "9" * 10_000)]).attempt == 100


@given(st.lists(st.tuples(KEYS, st.text(max_size=40) | st.binary(max_size=40)), max_size=8))
def test_no_metadata_can_break_the_reading(metadata: list[tuple[str, str | bytes]]) -> None:
    arrival = read_arrival(metadata)

    assert arrival.authorization is None or isinstance(arrival.authorization, str)
    assert arrival.trace_id == "" or len(arrival.trace_id) == 32
    assert 0 <= arrival.attempt <= 100


def test_metadata_is_measured_as_http2_does() -> None:
    assert read_arrival([("ab", "cde"), ("f-bin", bytes(10))]).size_bytes == 5 + 15 + 2 * 32
