"""What a store promises about reports: fields are set once, sequences have no gaps, observations tell it all."""

from __future__ import annotations

import asyncio

from atp_grpc.domain.outcome import Conflict, NewObservation, Observation, Recorded, Report
from atp_grpc.store.contract import Store
from tests.conformance.store.samples import ANSWERED, NOW, TIMED_OUT, about, lesson


def sequence_of(answer: Recorded | Conflict) -> int:
    assert isinstance(answer, Recorded)
    assert answer.observation is not None
    return answer.observation.sequence


async def test_a_new_report_becomes_the_first_observation(store: Store) -> None:
    report = about(quality=0.5, attempts=(TIMED_OUT, ANSWERED), labels={"b": "2", "a": "1"})

    [answer] = await store.record([report])

    assert answer == Recorded(
        observation=Observation(
            replica="replica-1",
            sequence=1,
            lesson=report.lesson,
            recorded=report.report,
            standing=Report(),
            observed_nanos=NOW,
        ),
        recorded_fields=("quality", "attempts", "labels.a", "labels.b"),
        unchanged_fields=(),
    )
    assert await store.outcome_of("acme", "decision-1") == report.report
    assert await store.last_sequence() == 1


async def test_what_record_answers_is_what_is_read_back(store: Store) -> None:
    answers = await store.record(
        [
            about(quality=1),
            about(attempts=(ANSWERED,), observed_nanos=NOW + 5),
            about("other", labels={"key": "value"}),
        ]
    )

    assert await store.observations_after(0, 10) == [
        answer.observation for answer in answers if type(answer) is Recorded
    ]


async def test_the_same_value_again_is_unchanged_and_no_observation(store: Store) -> None:
    report = about(quality=0.25, attempts=(ANSWERED,), labels={"a": "1"})
    await store.record([report])

    [again] = await store.record([report._replace(observed_nanos=NOW + 1)])

    assert again == Recorded(None, (), ("quality", "attempts", "labels.a"))
    assert await store.last_sequence() == 1
    assert len(await store.observations_after(0, 10)) == 1


async def test_a_whole_number_equals_the_same_number_with_a_fraction(store: Store) -> None:
    await store.record([about(quality=1.0), about("zero", quality=-0.0)])

    answers = await store.record([about(quality=1), about("zero", quality=0)])

    assert answers == [Recorded(None, (), ("quality",))] * 2


async def test_labels_in_another_order_are_the_same_labels(store: Store) -> None:
    await store.record([about(labels={"a": "1", "b": "2"})])

    assert await store.record([about(labels={"b": "2", "a": "1"})]) == [Recorded(None, (), ("labels.a", "labels.b"))]


async def test_another_value_refuses_the_whole_report_and_keeps_the_first(store: Store) -> None:
    await store.record([about(quality=0.5)])

    answers = await store.record([about(quality=0.6, attempts=(ANSWERED,), labels={"a": "1"})])

    assert answers == [Conflict("quality")]
    assert await store.outcome_of("acme", "decision-1") == Report(quality=0.5)
    assert await store.last_sequence() == 1


async def test_each_kind_of_field_can_conflict(store: Store) -> None:
    await store.record([about(quality=0.5, attempts=(ANSWERED,), labels={"a": "1"})])

    answers = await store.record(
        [
            about(quality=0.5, attempts=(ANSWERED, ANSWERED)),
            about(quality=0.5, attempts=(ANSWERED._replace(latency_seconds=None),)),
            about(labels={"a": "2", "b": "1"}),
            about(labels={"b": "1"}),
        ]
    )

    assert answers[:3] == [Conflict("attempts"), Conflict("attempts"), Conflict("labels.a")]
    assert sequence_of(answers[3]) == 2


async def test_a_conflict_refuses_only_its_own_report(store: Store) -> None:
    await store.record([about(quality=0.5)])

    answers = await store.record([about("before", quality=1), about(quality=0.6), about("after", quality=0)])

    assert answers[1] == Conflict("quality")
    assert [sequence_of(answers[0]), sequence_of(answers[2])] == [2, 3]


async def test_reports_of_one_batch_see_each_other(store: Store) -> None:
    first, same, other, more, refused_label = await store.record(
        [
            about(quality=0.5),
            about(quality=0.5),
            about(quality=0.7, labels={"lost": "yes"}),
            about(quality=0.5, labels={"kept": "yes"}),
            about(labels={"kept": "no"}),
        ]
    )

    assert sequence_of(first) == 1
    assert same == Recorded(None, (), ("quality",))
    assert other == Conflict("quality")
    assert isinstance(more, Recorded)
    assert more.recorded_fields == ("labels.kept",)
    assert more.unchanged_fields == ("quality",)
    assert refused_label == Conflict("labels.kept")
    assert await store.outcome_of("acme", "decision-1") == Report(quality=0.5, labels={"kept": "yes"})


async def test_an_observation_holds_only_new_fields_and_what_stood_before_them(store: Store) -> None:
    await store.record([about(quality=0.5, labels={"a": "1"})])

    [answer] = await store.record([about(quality=0.5, attempts=(ANSWERED,), labels={"b": "2"}, observed_nanos=NOW + 7)])

    assert isinstance(answer, Recorded)
    assert answer.recorded_fields == ("attempts", "labels.b")
    assert answer.unchanged_fields == ("quality",)
    observation = answer.observation
    assert observation is not None
    assert observation.recorded == Report(attempts=(ANSWERED,), labels={"b": "2"})
    assert observation.standing == Report(quality=0.5, labels={"a": "1"})
    assert observation.observed_nanos == NOW + 7
    assert await store.observations_after(1, 1) == [observation]


async def test_a_report_of_nothing_is_taken_and_is_no_observation(store: Store) -> None:
    assert await store.record([about()]) == [Recorded(None, (), ())]
    assert await store.record([]) == []
    assert await store.last_sequence() == 0


async def test_tenants_with_one_decision_id_do_not_meet(store: Store) -> None:
    answers = await store.record([about(tenant="acme", quality=0.1), about(tenant="umbra", quality=0.9)])

    assert [sequence_of(answer) for answer in answers] == [1, 2]
    assert await store.outcome_of("acme", "decision-1") == Report(quality=0.1)
    assert await store.outcome_of("umbra", "decision-1") == Report(quality=0.9)
    assert await store.outcome_of("third", "decision-1") == Report()


async def test_tenant_and_decision_are_not_run_together(store: Store) -> None:
    await store.record([about("c", tenant="ab", quality=0.1), about("bc", tenant="a", quality=0.2)])

    assert await store.outcome_of("ab", "c") == Report(quality=0.1)
    assert await store.outcome_of("a", "bc") == Report(quality=0.2)


async def test_strange_texts_survive_and_stay_different(store: Store) -> None:
    strange = [
        "",
        "\x00",
        "\x00b",
        "\\u0000",
        '"',
        "\\",
        "'; DROP TABLE observations; --",
        "é",
        "e\u0301",
        "🦉",
        "%",
        "a.b",
    ]
    labels = dict(zip(strange, reversed(strange), strict=True))
    report = NewObservation(lesson("🦉\x00", tenant='te"nant'), Report(labels=labels), NOW)

    [answer] = await store.record([report])

    assert isinstance(answer, Recorded)
    assert answer.recorded_fields == tuple(f"labels.{key}" for key in sorted(strange))
    assert await store.outcome_of('te"nant', "🦉\x00") == Report(labels=labels)
    assert await store.outcome_of('te"nant', "🦉") == Report()
    [observation] = await store.observations_after(0, 1)
    assert observation == answer.observation
    assert await store.record([report]) == [Recorded(None, (), answer.recorded_fields)]


async def test_a_label_named_like_a_field_is_still_a_label(store: Store) -> None:
    await store.record([about(quality=0.5, labels={"quality": "high", "attempts": "3"})])

    assert await store.outcome_of("acme", "decision-1") == Report(
        quality=0.5, labels={"quality": "high", "attempts": "3"}
    )


async def test_batches_of_many_callers_are_numbered_without_gaps(store: Store) -> None:
    batches = [[about(f"decision-{batch}-{item}", quality=0.5) for item in range(7)] for batch in range(20)]

    answers = await asyncio.gather(*[store.record(batch) for batch in batches])

    sequences = [[sequence_of(answer) for answer in batch] for batch in answers]
    assert sorted(sequence for batch in sequences for sequence in batch) == list(range(1, 141))
    assert all(batch == list(range(batch[0], batch[0] + 7)) for batch in sequences)


async def test_callers_who_race_for_a_field_agree_on_one_value(store: Store) -> None:
    answers = await asyncio.gather(*[store.record([about(quality=value / 10)]) for value in range(10)])

    winners = [value for value, [answer] in enumerate(answers) if isinstance(answer, Recorded)]
    assert len(winners) == 1
    assert (await store.outcome_of("acme", "decision-1")).quality == winners[0] / 10


async def test_a_batch_of_a_thousand_is_answered_in_order(store: Store) -> None:
    answers = await store.record([about(f"decision-{number}", quality=0.5) for number in range(1000)])

    assert [sequence_of(answer) for answer in answers] == list(range(1, 1001))


async def test_observations_are_read_in_pages(store: Store) -> None:
    await store.record([about(f"decision-{number}", quality=0.5) for number in range(5)])

    async def page(after: int, limit: int) -> list[int]:
        return [observation.sequence for observation in await store.observations_after(after, limit)]

    assert await page(0, 2) == [1, 2]
    assert await page(2, 2) == [3, 4]
    assert await page(4, 2) == [5]
    assert await page(5, 2) == []
    assert await page(0, 0) == []
    assert await page(-3, 1) == [1]
