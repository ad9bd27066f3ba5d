"""What makes two values of a field the same: the judgement that all stores share."""

from __future__ import annotations

from hypothesis import given

from atp_grpc.domain.outcome import (
    Attempt,
    AttemptError,
    Conflict,
    NewObservation,
    Observation,
    Recorded,
    Report,
    field_names,
)
from atp_grpc.store.standing import after, settle
from tests.conformance.store.samples import NOW, attempts, lesson, reports


def met(report: Report, stands: Report) -> Recorded | Conflict:
    new = NewObservation(lesson(), report, NOW)
    [answer] = settle([new], {("acme", "decision-1"): stands}, replica="r", last_sequence=0)
    return answer


@given(reports, reports)
def test_a_report_conflicts_or_is_split_into_what_is_new_and_what_stands(report: Report, stands: Report) -> None:
    answer = met(report, stands)

    if isinstance(answer, Conflict):
        assert answer.field in field_names(report)
        assert answer.field in field_names(stands)
        return
    assert sorted(answer.recorded_fields + answer.unchanged_fields) == sorted(field_names(report))
    assert set(answer.unchanged_fields) <= set(field_names(stands))
    if answer.observation is not None:
        assert field_names(answer.observation.recorded) == answer.recorded_fields
        assert not set(answer.recorded_fields) & set(field_names(stands))
        assert set(field_names(after(answer.observation))) == set(field_names(report)) | set(field_names(stands))


@given(reports)
def test_the_same_report_again_is_never_a_conflict_and_never_new(report: Report) -> None:
    assert met(report, report) == Recorded(None, (), field_names(report))


@given(attempts)
def test_any_change_to_an_attempt_is_another_value(attempt: Attempt) -> None:
    for changed in (
        attempt._replace(model=attempt.model + "!"),
        attempt._replace(deployment=attempt.deployment + "!"),
        attempt._replace(error=AttemptError.CUT if attempt.error is None else None),
        attempt._replace(cost_nano_usd=0 if attempt.cost_nano_usd is None else None),
        attempt._replace(latency_seconds=0.0 if attempt.latency_seconds is None else None),
        *(
            attempt._replace(usage=attempt.usage._replace(**{name: 0 if count is None else None}))
            for name, count in attempt.usage._asdict().items()
        ),
    ):
        assert met(Report(attempts=(changed,)), Report(attempts=(attempt,))) == Conflict("attempts")


def test_what_stands_grows_by_what_was_recorded() -> None:
    first = Observation("r", 1, lesson(), Report(labels={"b": "2"}), Report(quality=0.5, labels={"a": "1"}), NOW)

    assert after(first) == Report(quality=0.5, labels={"a": "1", "b": "2"})
