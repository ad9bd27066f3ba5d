"""What is written can be read: every value comes back as it was, today and from databases written before."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.domain.decision import Candidate, Decision, Expectation, Lesson, Revisions, Target
from atp_grpc.domain.money import TokenPrices
from atp_grpc.domain.outcome import Attempt, AttemptError, NewObservation, Observation, Report, Usage, field_names
from atp_grpc.domain.request import FeatureVector, Weights
from atp_grpc.store import codec
from tests.conformance.store.samples import ANSWERED, attempts, decisions, lessons, reports, texts

# Written by the first release. They may be joined by others; they never change.
STORED_LESSON = (
    '{"tenant":"acme","decision_id":"d-1","decided_nanos":1700000000000000000,"expires_nanos":1700000000000000001,'
    '"model":"large","deployment":"large@north","schema_id":"flags.v1","features":"AACAPwAAAEA=","propensity":0.25,'
    '"predicted_mean":0.5,"predicted_linear":0.75,"input_tokens":12.5,"prices":[1,2,null,4],'
    '"revisions":["default",1,2,3]}'
)
STORED_DECISION = (
    f'{{"lesson":{STORED_LESSON},"candidates":[["large","large@north","north",0.9,1000,1.5,0.01,0.7,0.25]],'
    '"chosen":0,"seed":18446744073709551615,"weights":[0.1,0.0],"engine":"native"}'
)
STORED_OBSERVATION = (
    f'{{"lesson":{STORED_LESSON},"recorded":{{"attempts":[["large","",null,10,0,20,null,1000,1.5],'
    '["small","small@north","timeout",null,null,null,null,null,null]],"labels.\\u00e9":"\\u0000"},'
    '"standing":{"quality":1.0}}'
)
LESSON = Lesson(
    tenant="acme",
    decision_id="d-1",
    decided_nanos=1_700_000_000_000_000_000,
    expires_nanos=1_700_000_000_000_000_001,
    model="large",
    deployment="large@north",
    features=FeatureVector("flags.v1", b"\x00\x00\x80?\x00\x00\x00@"),
    propensity=0.25,
    predicted_mean=0.5,
    predicted_linear=0.75,
    input_tokens=12.5,
    prices=TokenPrices(1, 2, None, 4),
    revisions=Revisions("default", 1, 2, 3),
)
DECISION = Decision(
    lesson=LESSON,
    candidates=(
        Candidate(
            Target("large", "large@north", "north"), Expectation(0.9, 1000, 1.5, 0.01), utility=0.7, propensity=0.25
        ),
    ),
    chosen=0,
    seed=2**64 - 1,
    weights=Weights(0.1, 0.0),
    reason_codes=(),
    engine="native",
)
RECORDED = Report(
    attempts=(
        Attempt("large", usage=Usage(10, 0, 20, None), cost_nano_usd=1000, latency_seconds=1.5),
        Attempt("small", "small@north", AttemptError.TIMEOUT),
    ),
    labels={"é": "\x00"},
)


def report_json(report: Report) -> str:
    return codec.joined((field.key, field.value) for field in codec.encode_fields(report))


def test_a_decision_of_the_first_release_is_read_and_written_alike() -> None:
    assert codec.decode_decision(STORED_DECISION) == DECISION
    assert codec.encode_decision(DECISION) == STORED_DECISION


def test_an_observation_of_the_first_release_is_read_and_written_alike() -> None:
    decoded = codec.decode_observation(STORED_OBSERVATION, replica="r", sequence=5, observed_nanos=6)

    assert decoded == Observation("r", 5, LESSON, RECORDED, Report(quality=1.0), 6)
    encoded = codec.encode_observation(
        NewObservation(LESSON, RECORDED, 6), report_json(RECORDED), report_json(Report(quality=1.0))
    )
    assert encoded == STORED_OBSERVATION


@given(decisions)
def test_every_decision_comes_back(decision: Decision) -> None:
    body = codec.encode_decision(decision)

    assert codec.decode_decision(body) == decision
    assert body.isascii()


@given(lessons, reports, reports)
def test_every_observation_comes_back(lesson: Lesson, recorded: Report, standing: Report) -> None:
    body = codec.encode_observation(NewObservation(lesson, recorded, 1), report_json(recorded), report_json(standing))

    assert codec.decode_observation(body, replica="r", sequence=9, observed_nanos=1) == Observation(
        "r", 9, lesson, recorded, standing, 1
    )
    assert body.isascii()


@given(reports)
def test_every_report_comes_back_from_its_fields(report: Report) -> None:
    fields = codec.encode_fields(report)

    assert codec.decode_fields({field.key: field.value for field in fields}) == report
    assert tuple(field.name for field in fields) == field_names(report)


@given(reports, reports)
def test_fields_are_equal_exactly_when_their_values_are(left: Report, right: Report) -> None:
    values = [{field.name: field.value for field in codec.encode_fields(report)} for report in (left, right)]

    for name in values[0].keys() & values[1].keys():
        plain = [json.loads(side[name]) for side in values]
        assert (values[0][name] == values[1][name]) == (plain[0] == plain[1])


@given(attempts)
def test_any_change_to_an_attempt_is_another_value(attempt: Attempt) -> None:
    [before] = codec.encode_fields(Report(attempts=(attempt,)))

    for changed in (
        dataclasses.replace(attempt, model=attempt.model + "!"),
        dataclasses.replace(attempt, deployment=attempt.deployment + "!"),
        dataclasses.replace(attempt, error=AttemptError.CUT if attempt.error is None else None),
        dataclasses.replace(attempt, cost_nano_usd=0 if attempt.cost_nano_usd is None else None),
        dataclasses.replace(attempt, latency_seconds=0.0 if attempt.latency_seconds is None else None),
        *(
            dataclasses.replace(
                attempt, usage=dataclasses.replace(attempt.usage, **{name: 0 if count is None else None})
            )
            for name, count in dataclasses.asdict(attempt.usage).items()
        ),
    ):
        [after] = codec.encode_fields(Report(attempts=(changed,)))
        assert after.value != before.value


@given(texts, texts)
def test_escaping_is_ascii_reversible_and_keeps_texts_apart(one: str, other: str) -> None:
    assert codec.unescaped(codec.escaped(one)) == one
    assert codec.escaped(one).isascii()
    assert "\x00" not in codec.escaped(one)
    assert (codec.escaped(one) == codec.escaped(other)) == (one == other)


@given(st.from_regex(r"[A-Za-z0-9@._:-]+", fullmatch=True))
def test_an_ordinary_name_is_stored_as_it_is(name: str) -> None:
    assert codec.escaped(name) == name


@pytest.mark.parametrize("whole", [0, 1])
def test_whole_numbers_are_written_as_fractions(whole: int) -> None:
    report = Report(quality=whole, attempts=(dataclasses.replace(ANSWERED, latency_seconds=whole),))

    quality, made = codec.encode_fields(report)

    assert quality.value == f"{whole}.0"
    assert made.value.endswith(f",{whole}.0]]")
