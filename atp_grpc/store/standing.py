"""How reports meet what already stands for their decisions: each field is set once.

Stores enter here with the fields they found and write what comes back, so they cannot differ in what they refuse.
Pure: nothing here reads a table, a clock or a file.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping, Sequence
from dataclasses import dataclass

from atp_grpc.domain.outcome import Conflict, NewObservation, Observation, Recorded, Report
from atp_grpc.store.codec import EncodedField, decode_fields, encode_fields

NOTHING = Report()

DecisionKey = tuple[str, str]
"""Tenant and decision id."""
FieldsByDecision = MutableMapping[DecisionKey, dict[str, str]]
"""Per decision the fields that stand: key to canonical value."""


@dataclass(frozen=True, slots=True)
class Settled:
    """A report that met what stands: the answer to it, the fields to write, and those that stood before it."""

    answer: Recorded | Conflict
    new: tuple[EncodedField, ...] = ()
    before: tuple[tuple[str, str], ...] = ()


def decision_of(report: NewObservation) -> DecisionKey:
    """The decision that a report is about."""
    return report.lesson.tenant, report.lesson.decision_id


def settle(
    reports: Sequence[NewObservation], standing: FieldsByDecision, *, replica: str, last_sequence: int
) -> Iterator[Settled]:
    """Judges reports in order; `standing` grows with each, so that reports of one batch see each other.

    New observations are numbered from `last_sequence` + 1.
    """
    sequence = last_sequence
    for report in reports:
        fields = encode_fields(report.report)
        stands = standing.setdefault(decision_of(report), {})
        conflict = next((field for field in fields if stands.get(field.key, field.value) != field.value), None)
        if conflict is not None:
            yield Settled(Conflict(conflict.name))
            continue
        new = tuple(field for field in fields if field.key not in stands) if stands else fields
        if not new:
            yield Settled(Recorded(None, (), tuple(field.name for field in fields)))
            continue
        sequence += 1
        before = tuple(stands.items())
        observation = Observation(
            replica=replica,
            sequence=sequence,
            lesson=report.lesson,
            recorded=report.report if new is fields else decode_fields({field.key: field.value for field in new}),
            standing=decode_fields(stands) if stands else NOTHING,
            observed_nanos=report.observed_nanos,
        )
        unchanged = () if new is fields else tuple(field.name for field in fields if field.key in stands)
        stands.update({field.key: field.value for field in new})
        yield Settled(Recorded(observation, tuple(field.name for field in new), unchanged), new, before)
