"""How reports meet what already stands for their decisions: each field is set once.

Stores enter here with what they found and write what comes back, so they cannot differ in what they refuse. Pure:
nothing here reads a table, a clock or a file.
"""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence

from atp_grpc.domain.outcome import Conflict, NewObservation, Observation, Recorded, Report, field_names

NOTHING = Report()

DecisionKey = tuple[str, str]
"""Tenant and decision id."""
StandingReports = MutableMapping[DecisionKey, Report]
"""What stands, by decision; a decision that nothing was reported on need not be there."""


def decision_of(report: NewObservation) -> DecisionKey:
    """The decision that a report is about."""
    lesson = report.lesson
    return lesson.tenant, lesson.decision_id


def settle(
    reports: Sequence[NewObservation], standing: StandingReports, *, replica: str, last_sequence: int
) -> list[Recorded | Conflict]:
    """Judges reports in order; `standing` grows with each, so that reports of one batch see each other.

    New observations are numbered from `last_sequence` + 1.
    """
    sequence = last_sequence
    answers: list[Recorded | Conflict] = []
    for new in reports:
        key = decision_of(new)
        stands = standing.get(key, NOTHING)
        recorded, unchanged = (new.report, ()) if stands is NOTHING else _met(new.report, stands)
        if isinstance(recorded, Conflict):
            answers.append(recorded)
            continue
        names = field_names(recorded)
        if not names:
            answers.append(Recorded(None, (), unchanged))
            continue
        sequence += 1
        observation = Observation(replica, sequence, new.lesson, recorded, stands, new.observed_nanos)
        standing[key] = recorded if stands is NOTHING else after(observation)
        answers.append(Recorded(observation, names, unchanged))
    return answers


def after(observation: Observation) -> Report:
    """What stands once an observation was made: what stood before it, and what it recorded."""
    return together(observation.standing, observation.recorded)


def together(standing: Report, recorded: Report) -> Report:
    """What stands once something new was recorded beside what stood before."""
    return Report(
        quality=standing.quality if recorded.quality is None else recorded.quality,
        attempts=recorded.attempts or standing.attempts,
        labels={**standing.labels, **recorded.labels},
    )


def _met(report: Report, stands: Report) -> tuple[Report | Conflict, tuple[str, ...]]:
    """The part of a report that is new beside what stands, with the names of the rest; or the first conflict."""
    quality, attempts = report.quality, report.attempts
    if quality is not None and stands.quality is not None:
        if quality != stands.quality:
            return Conflict("quality"), ()
        quality = None
    if attempts and stands.attempts:
        if attempts != stands.attempts:
            return Conflict("attempts"), ()
        attempts = ()
    labels = {}
    for key in sorted(report.labels):
        if key not in stands.labels:
            labels[key] = report.labels[key]
        elif report.labels[key] != stands.labels[key]:
            return Conflict(f"labels.{key}"), ()
    new = Report(quality, attempts, labels)
    fresh = field_names(new)
    return new, tuple([name for name in field_names(report) if name not in fresh])
