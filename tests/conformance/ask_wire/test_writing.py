"""Writing answers of Ask: byte for byte the same, whoever writes them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atp_grpc.domain.ask import (
    AskEvent,
    Billed,
    CacheOutcome,
    Decided,
    Delta,
    Final,
    FinishReason,
    Latency,
    Spent,
    Switch,
)
from atp_grpc.domain.decision import Target
from atp_grpc.domain.outcome import Attempt, AttemptError, Usage
from atp_grpc.services.ask_wire.native import NativeWriter
from atp_grpc.services.ask_wire.reference import ReferenceWriter
from atp_grpc.services.convert.answers import UnfinishedAnswerError, WholeAnswer
from tests.native_engine import need_native, no_fault

WORDS = st.text(max_size=6)
COUNTS = st.integers(0, 2**62)
SECONDS = st.floats(-1.0, 1e6) | st.sampled_from([0.0, 1e-10, 0.5e-9, 1.5e-9, 0.999999999999])
TARGETS = st.builds(Target, WORDS, WORDS, WORDS)
USAGES = st.builds(Usage, *[st.none() | COUNTS] * len(Usage._fields))
ATTEMPTS = st.builds(
    Attempt,
    model=WORDS,
    deployment=WORDS,
    error=st.none() | st.sampled_from(AttemptError),
    usage=USAGES,
    cost_nano_usd=st.none() | COUNTS,
    latency_seconds=st.none() | SECONDS,
)
FINALS = st.builds(
    Final,
    target=TARGETS,
    finish_reason=st.sampled_from(FinishReason),
    usage=USAGES,
    attempts=st.lists(st.builds(Billed, ATTEMPTS, TARGETS, st.booleans()), max_size=3).map(tuple),
    cost_nano_usd=COUNTS,
    estimated_cost_nano_usd=COUNTS,
    is_estimated=st.booleans(),
    latency=st.builds(Latency, SECONDS, SECONDS, SECONDS, SECONDS),
    cache=st.sampled_from(CacheOutcome),
    revision=WORDS,
    confidence=st.none() | st.floats(0, 1),
)
DELTAS = st.builds(lambda text, characters: Delta(text, total_characters=characters), st.text(max_size=200), COUNTS)
PIECES = st.builds(Delta, st.just(""), st.integers(0, 2), WORDS, WORDS, WORDS, COUNTS)
OTHERS = st.one_of(
    st.builds(Decided, st.binary(max_size=200), WORDS, TARGETS, COUNTS),
    st.builds(Switch, TARGETS, TARGETS, st.sampled_from(AttemptError), st.booleans()),
    st.builds(Spent, USAGES, COUNTS, st.booleans()),
)
EVENTS = DELTAS | PIECES | OTHERS | FINALS


@pytest.fixture(scope="module")
def native() -> NativeWriter:
    need_native()
    return NativeWriter(ReferenceWriter(), on_fault=no_fault)


def whole_of(events: list[AskEvent]) -> WholeAnswer:
    whole = WholeAnswer()
    for event in events:
        whole.add(event)
    return whole


@settings(deadline=None, max_examples=200)
@given(sequence=st.integers(1, 2**40), event=EVENTS)
def test_an_event_has_the_bytes_of_the_references(native: NativeWriter, sequence: int, event: AskEvent) -> None:
    assert native.event(sequence, event) == ReferenceWriter().event(sequence, event)


@settings(deadline=None, max_examples=150)
@given(events=st.lists(EVENTS, max_size=5), final=FINALS)
def test_a_whole_answer_has_the_bytes_of_the_references(
    native: NativeWriter, events: list[AskEvent], final: Final
) -> None:
    whole = whole_of([*events, final])

    assert native.response(whole) == ReferenceWriter().response(whole)


def test_an_answer_without_its_end_is_no_answer(native: NativeWriter) -> None:
    with pytest.raises(UnfinishedAnswerError):
        native.response(whole_of([Delta("Hel", total_characters=3)]))


def test_what_rust_cannot_write_is_told_and_left_to_the_reference() -> None:
    need_native()
    faults: list[BaseException] = []
    writer = NativeWriter(ReferenceWriter(), on_fault=faults.append)
    latency, odd = Latency(0.0, 0.0, 0.0, 0.0), 0
    final = Final(
        Target("m", "d", "p"), FinishReason.STOP, Usage(), (), 1, 0, is_estimated=bool(odd), latency=latency
    )._replace(is_estimated=odd)  # type: ignore[arg-type]  # what no story tells

    assert writer.event(1, final) == ReferenceWriter().event(1, final)
    assert len(faults) == 1
