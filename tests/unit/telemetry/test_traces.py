"""Trace ids follow W3C Trace Context: the caller's own, or a fresh one."""

import random

import pytest

from atp_grpc.telemetry.traces import TraceIds, trace_id_of

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize(
    "header", [f"00-{TRACE}-{PARENT}-01", f"00-{TRACE}-{PARENT}-00", f"cc-{TRACE}-{PARENT}-01-more"]
)
def test_a_good_header_names_its_trace(header: str) -> None:
    assert trace_id_of(header) == TRACE


@pytest.mark.parametrize(
    "header",
    [
        "",
        "00",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-01\n",
        f" 00-{TRACE}-{PARENT}-01",
        f"00-{TRACE[:-1]}-{PARENT}-01",
    ],
)
def test_a_bad_header_names_none(header: str) -> None:
    assert trace_id_of(header) is None


def test_fresh_ids_are_distinct_and_well_formed() -> None:
    ids = TraceIds(random.Random(3))

    made = {ids.fresh() for _ in range(1_000)}
    assert len(made) == 1_000
    assert all(trace_id_of(f"00-{one}-{PARENT}-01") == one for one in made)
