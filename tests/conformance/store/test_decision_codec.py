"""The record of a decision: every value comes back, the bytes are those of the description, and damage is noticed."""

from __future__ import annotations

import contextlib
import dataclasses
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.domain.decision import (
    NO_DUAL_PRICES,
    Candidate,
    Decision,
    DualPrices,
    Expectation,
    Lesson,
    ReasonCode,
    Refusal,
    RefusalCause,
    Revisions,
    Scales,
    Target,
)
from atp_grpc.domain.money import TokenPrices
from atp_grpc.domain.request import FeatureVector, Weights
from atp_grpc.pb.atp.v1 import routing_pb2
from atp_grpc.store.decision_codec import (
    DamagedDecisionError,
    decode_decision,
    encode_decision,
    glanced,
    record_of,
)
from atp_grpc.store.decision_layout import REASON_NUMBERS, REFUSAL_NUMBERS
from tests.conformance.store.samples import decision, decisions

FEATURES = b"\x00\x00\x80?\x00\x00\x00@"
DECISION = Decision(
    lesson=Lesson(
        tenant="acme",
        decision_id="d-1",
        decided_nanos=1_700_000_000_000_000_000,
        expires_nanos=1_700_000_000_000_000_001,
        model="large",
        deployment="large@north",
        features=FeatureVector("flags.v1", FEATURES),
        propensity=0.25,
        predicted_mean=0.5,
        predicted_linear=0.75,
        input_tokens=12.5,
        prices=TokenPrices(1, 2, None, 4, 5),
        revisions=Revisions("default", 1, 2, 3),
        hold_nano_usd=1000,
    ),
    candidates=(
        Candidate(Target("small", "small@é", "north"), Expectation(0.8, 10, 0.5, 0.0), utility=0.6, propensity=0.75),
        Candidate(Target("large", "large@north", "north"), Expectation(0.9, 1000, 1.5, 0.01), 0.7, 0.25),
    ),
    chosen=1,
    seed=2**64 - 1,
    weights=Weights(0.1, 0.0),
    reason_codes=(ReasonCode.EXPLORED, ReasonCode.LATENCY_SLO_UNMET),
    engine="native",
    session_id="s",
    labels={"team": "search"},
    dual_prices=DualPrices(cost=0.03, quality=2.5),
    scales=Scales(cost_nano_usd=2e6, latency_seconds=4.0),
    favoured=1,
    favour=0.0625,
    set_aside=(RefusalCause.QUALITY_FLOOR, None),
    refusals=(
        Refusal(Target("old", "", ""), RefusalCause.DEPRECATED),
        Refusal(Target("far", "far@south", "south"), RefusalCause.NOT_SERVING),
    ),
)


def text(value: str) -> bytes:
    return struct.pack("<H", len(value.encode())) + value.encode()


# Spelled out along the description and by no code of the codec: what another language has to write.
RECORD = b"".join(
    [
        b"D\x03",
        struct.pack("<HHBBI", 2, 1, 2, 1, len(FEATURES)),
        struct.pack("<qqQ", 1_700_000_000_000_000_000, 1_700_000_000_000_000_001, 2**64 - 1),
        struct.pack("<6d", 0.25, 0.5, 0.75, 12.5, 0.1, 0.0),
        struct.pack("<4q", 1, 2, -1, 4),
        struct.pack("<3q", 1, 2, 3),
        struct.pack("<qddq", 1000, 0.03, 2.5, 5),
        struct.pack("<3d", 2e6, 4.0, 0.0625),
        struct.pack("<HII", 1, 51, 34),
        struct.pack("<2d", 0.8, 0.9),
        struct.pack("<2q", 10, 1000),
        struct.pack("<2d", 0.5, 1.5),
        struct.pack("<2d", 0.0, 0.01),
        struct.pack("<2d", 0.6, 0.7),
        struct.pack("<2d", 0.75, 0.25),
        FEATURES,
        b"\x02\x05",
        *map(text, ["acme", "d-1", "default", "flags.v1", "large", "large@north", "native", "", "s"]),
        *map(text, ["small", "small@é", "north", "large", "large@north", "north"]),
        *map(text, ["team", "search"]),
        b"\x0d\x00",
        b"\x05",
        *map(text, ["old", "", ""]),
        b"\x14",
        *map(text, ["far", "far@south", "south"]),
    ]
)

# What the first version wrote of the same decision, before there were holds and dual prices.
FIRST_VERSION = bytes.fromhex(
    "44010200010002010800000000002a36fe9c971701002a36fe9c9717ffffffffffffffff000000000000d03f000000000000"
    "e03f000000000000e83f00000000000029409a9999999999b93f000000000000000001000000000000000200000000000000"
    "ffffffffffffffff04000000000000000100000000000000020000000000000003000000000000009a9999999999e93fcdcc"
    "ccccccccec3f0a00000000000000e803000000000000000000000000e03f000000000000f83f00000000000000007b14ae47"
    "e17a843f333333333333e33f666666666666e63f000000000000e83f000000000000d03f0000803f00000040020504006163"
    "6d650300642d31070064656661756c740800666c6167732e763105006c617267650b006c61726765406e6f72746806006e61"
    "7469766500000100730500736d616c6c0800736d616c6c40c3a905006e6f72746805006c617267650b006c61726765406e6f"
    "72746805006e6f72746804007465616d0600736561726368"
)

# What the second version wrote of it, before writing a provider's cache had a price.
SECOND_VERSION = bytes.fromhex(
    "44020200010002010800000000002a36fe9c971701002a36fe9c9717ffffffffffffffff000000000000d03f000000000000"
    "e03f000000000000e83f00000000000029409a9999999999b93f000000000000000001000000000000000200000000000000"
    "ffffffffffffffff0400000000000000010000000000000002000000000000000300000000000000e803000000000000b81e"
    "85eb51b89e3f00000000000004409a9999999999e93fcdccccccccccec3f0a00000000000000e80300000000000000000000"
    "0000e03f000000000000f83f00000000000000007b14ae47e17a843f333333333333e33f666666666666e63f000000000000"
    "e83f000000000000d03f0000803f000000400205040061636d650300642d31070064656661756c740800666c6167732e7631"
    "05006c617267650b006c61726765406e6f72746806006e617469766500000100730500736d616c6c0800736d616c6c40c3a9"
    "05006e6f72746805006c617267650b006c61726765406e6f72746805006e6f72746804007465616d0600736561726368"
)
BEFORE_WRITE_PRICES = dataclasses.replace(
    DECISION,
    lesson=DECISION.lesson._replace(prices=TokenPrices(1, 2, None, 4)),
    scales=None,
    favoured=None,
    favour=0.0,
    set_aside=(),
    refusals=(),
)


def test_a_record_has_the_bytes_of_the_description() -> None:
    assert encode_decision(DECISION) == RECORD
    assert decode_decision(RECORD) == DECISION


def test_a_record_of_the_first_version_is_read_as_without_a_hold_and_prices() -> None:
    lesson = BEFORE_WRITE_PRICES.lesson._replace(hold_nano_usd=0)
    known = dataclasses.replace(BEFORE_WRITE_PRICES, lesson=lesson, dual_prices=NO_DUAL_PRICES)

    assert decode_decision(FIRST_VERSION) == known
    assert decode_decision(encode_decision(known)) == known


def test_a_record_of_the_second_version_is_read_as_without_what_came_with_the_third() -> None:
    assert decode_decision(SECOND_VERSION) == BEFORE_WRITE_PRICES
    assert decode_decision(encode_decision(BEFORE_WRITE_PRICES)) == BEFORE_WRITE_PRICES


@given(decisions)
def test_every_decision_comes_back(made: Decision) -> None:
    assert decode_decision(encode_decision(made)) == made


def test_a_record_on_its_way_is_named_like_its_body() -> None:
    record = record_of(DECISION)

    assert record.body == RECORD
    assert record[:3] == ("acme", "d-1", 1_700_000_000_000_000_000)


def test_a_hundred_candidates_come_back() -> None:
    made = decision()
    many = dataclasses.replace(made, candidates=made.candidates * 85, chosen=509, set_aside=made.set_aside * 85)

    assert decode_decision(encode_decision(many)) == many


def test_every_reason_code_has_the_number_of_the_contract() -> None:
    numbers = {code: routing_pb2.ReasonCode.Value(f"REASON_CODE_{code.name}") for code in ReasonCode}

    assert numbers == REASON_NUMBERS


def test_every_cause_of_a_refusal_has_the_number_of_the_contract() -> None:
    numbers = {cause: routing_pb2.RefusalCause.Value(f"REFUSAL_CAUSE_{cause.name}") for cause in RefusalCause}

    assert numbers == REFUSAL_NUMBERS


@pytest.mark.parametrize("whole", [RECORD, FIRST_VERSION, SECOND_VERSION], ids=["this version", "first", "second"])
def test_a_glance_tells_when_a_decision_was_made_and_where_its_tenant_stands(whole: bytes) -> None:
    decided, tenant_at = glanced(b"before" + whole, 6)

    assert decided == DECISION.lesson.decided_nanos
    assert (b"before" + whole)[tenant_at:].startswith(text("acme"))


@pytest.mark.parametrize("whole", [RECORD, FIRST_VERSION, SECOND_VERSION], ids=["this version", "first", "second"])
def test_a_record_that_was_cut_is_refused(whole: bytes) -> None:
    for length in range(len(whole)):
        with pytest.raises(DamagedDecisionError):
            decode_decision(whole[:length])


@pytest.mark.parametrize(
    "foreign",
    [
        b"D\x04" + RECORD[2:],
        b'{"lesson":{"tenant":"acme"},"candidates":[]}' * 5,
        RECORD + b"\x00",
        RECORD.replace(b"\x02\x05", b"\x02\x63"),
        RECORD.replace(struct.pack("<HH", 2, 1), struct.pack("<HH", 2, 2)),
        RECORD.replace("é".encode(), b"\xc3\x28"),
        RECORD.replace(b"\x0d\x00\x05", b"\xff\x00\x05"),
        RECORD.replace(b"\x0d\x00\x05", b"\x0d\x00\x00"),
        RECORD.replace(struct.pack("<HII", 1, 51, 34), struct.pack("<HII", 2, 51, 34)),
        RECORD.replace(struct.pack("<HII", 1, 51, 34), struct.pack("<HII", 1, 51, 35)),
        RECORD.replace(struct.pack("<HII", 1, 51, 34), struct.pack("<HII", 1, 50, 34)),
    ],
    ids=[
        "later version",
        "other program",
        "longer",
        "unknown reason",
        "nobody chosen",
        "not UTF-8",
        "set aside for nothing known",
        "refused for nothing known",
        "favours nobody",
        "refusals of another length",
        "names of another length",
    ],
)
def test_what_is_not_a_record_is_refused(foreign: bytes) -> None:
    with pytest.raises(DamagedDecisionError):
        decode_decision(foreign)


@given(st.binary(max_size=400) | st.binary(max_size=400).map(lambda tail: RECORD[:206] + tail))
def test_no_bytes_do_more_than_be_refused(anything: bytes) -> None:
    with pytest.raises(DamagedDecisionError):
        decode_decision(anything)


@given(st.integers(0, len(RECORD) - 1), st.integers(0, 255))
def test_a_changed_byte_gives_a_decision_or_is_refused_and_nothing_else(position: int, value: int) -> None:
    changed = RECORD[:position] + bytes([value]) + RECORD[position + 1 :]

    with contextlib.suppress(DamagedDecisionError):
        decode_decision(changed)


def test_a_text_too_long_for_the_layout_is_not_cut_short() -> None:
    with pytest.raises(struct.error):
        encode_decision(dataclasses.replace(DECISION, session_id="x" * 65_536))
