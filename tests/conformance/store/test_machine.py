"""A random life of a store, beside a model of a few dictionaries: the two never disagree.

The model compares plain Python values; it shares no code with the stores.
"""

from __future__ import annotations

import asyncio
import dataclasses
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from atp_grpc.domain.clock import ManualClock
from atp_grpc.domain.decision import Decision
from atp_grpc.domain.outcome import Attempt, Conflict, NewObservation, Observation, Recorded, Report
from atp_grpc.store.contract import Store
from atp_grpc.store.decision_codec import record_of
from atp_grpc.store.memory import MemoryStore
from atp_grpc.store.sqlite import open_sqlite_store
from tests.conformance.store.samples import ANSWERED, NOW, TIMED_OUT, decision, lesson

Result = TypeVar("Result")
Key = tuple[str, str]

ALL_KEYS = [(tenant, name) for tenant in ("acme", "umbra") for name in ("one", "two", '"\x00')]
keys = st.sampled_from(ALL_KEYS)
moments = st.integers(min_value=NOW, max_value=NOW + 12)
small_reports = st.builds(
    Report,
    quality=st.sampled_from([None, 0, 0.5, 1]),
    attempts=st.sampled_from([(), (ANSWERED,), (TIMED_OUT, ANSWERED)]),
    labels=st.dictionaries(st.sampled_from(["a", "quality", "\x00é"]), st.sampled_from(["1", "2"]), max_size=2),
)
batches = st.lists(st.tuples(keys, small_reports, moments), max_size=5)


def fields_of(report: Report) -> dict[str, Any]:
    named: dict[str, Any] = {} if report.quality is None else {"quality": report.quality}
    if report.attempts:
        named["attempts"] = report.attempts
    return named | {f"labels.{key}": report.labels[key] for key in sorted(report.labels)}


def report_of(fields: dict[str, Any]) -> Report:
    quality: float | None = fields.get("quality")
    attempts: tuple[Attempt, ...] = fields.get("attempts", ())
    return Report(quality, attempts, {name[7:]: value for name, value in fields.items() if name.startswith("labels.")})


class MemoryMachine(RuleBasedStateMachine):
    reopens = False

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.fields: dict[Key, dict[str, Any]] = {}
        self.latest: dict[Key, int] = {}
        self.batches: list[set[int]] = []
        self.observations: list[Observation] = []
        self.sequence = 0
        self.decisions: dict[Key, Decision] = {}
        self.facts: dict[str, str] = {}
        self.store = self.run(self.open())

    async def open(self) -> Store:
        return MemoryStore("r")

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return self.loop.run(work)

    def teardown(self) -> None:
        self.run(self.store.close())
        self.loop.close()
        self.folder.cleanup()

    @rule(batch=batches)
    def record(self, batch: list[tuple[Key, Report, int]]) -> None:
        reports = [
            NewObservation(lesson(decision_id, tenant=tenant), report, moment)
            for (tenant, decision_id), report, moment in batch
        ]

        before = self.sequence
        answers = self.run(self.store.record(reports))

        assert answers == [self.expected(key, new) for (key, _, _), new in zip(batch, reports, strict=True)]
        self.batches.append(set(range(before + 1, self.sequence + 1)))

    def expected(self, key: Key, new: NewObservation) -> Recorded | Conflict:
        stands = self.fields.get(key, {})
        told = fields_of(new.report)
        for name, value in told.items():
            if name in stands and stands[name] != value:
                return Conflict(name)
        fresh = {name: value for name, value in told.items() if name not in stands}
        unchanged = tuple(name for name in told if name in stands)
        if not fresh:
            return Recorded(None, (), unchanged)
        self.sequence += 1
        before = report_of(stands)
        observation = Observation("r", self.sequence, new.lesson, report_of(fresh), before, new.observed_nanos)
        self.observations.append(observation)
        self.fields[key] = stands | fresh
        self.latest[key] = self.sequence
        return Recorded(observation, tuple(fresh), unchanged)

    @rule(key=keys, seed=st.integers(min_value=0, max_value=3))
    def save_decision(self, key: Key, seed: int) -> None:
        # A decision has one moment, however often it is saved.
        moment = NOW + 2 * ALL_KEYS.index(key)
        made = dataclasses.replace(decision(key[1], tenant=key[0], decided_nanos=moment), seed=seed)
        self.run(self.store.save_decisions([record_of(made)]))
        self.decisions.setdefault(key, made)

    @rule(key=st.sampled_from(["a", "b"]), value=st.text(max_size=3))
    def write_fact(self, key: str, value: str) -> None:
        self.run(self.store.write_fact(key, value))
        self.facts[key] = value

    @rule(fields_before=moments, decisions_before=moments, learned=st.integers(min_value=0, max_value=20))
    def prune(self, fields_before: int, decisions_before: int, learned: int) -> None:
        self.run(
            self.store.prune(
                fields_before_nanos=fields_before, decisions_before_nanos=decisions_before, learned_through=learned
            )
        )

        left = self.run(self.store.observations_after(0, 1_000_000))
        young = [seen for seen in self.observations if seen.observed_nanos >= fields_before or seen.sequence > learned]
        # What is young stays; what is old goes, unless it came in one batch with something young.
        waiting = {number for batch in self.batches for number in batch if batch & {one.sequence for one in young}}
        assert [seen for seen in left if seen in young] == young
        assert all(seen.sequence in waiting for seen in left if seen not in young)
        assert [seen for seen in self.observations if seen in left] == left
        self.observations = left
        numbers = {seen.sequence for seen in left}
        self.fields = {key: stands for key, stands in self.fields.items() if self.latest[key] in numbers}
        self.decisions = {
            key: made for key, made in self.decisions.items() if made.lesson.decided_nanos >= decisions_before
        }

    @precondition(lambda self: self.reopens)
    @rule()
    def reopen(self) -> None:
        self.run(self.store.close())
        self.store = self.run(self.open())

    @rule(after=st.integers(min_value=0, max_value=8), limit=st.integers(min_value=0, max_value=4))
    def read_a_page(self, after: int, limit: int) -> None:
        page = self.run(self.store.observations_after(after, limit))

        assert page == [seen for seen in self.observations if seen.sequence > after][:limit]

    @rule(key=keys)
    def read_a_decision(self, key: Key) -> None:
        assert self.run(self.store.find_decision(*key)) == self.decisions.get(key)
        assert self.run(self.store.outcome_of(*key)) == report_of(self.fields.get(key, {}))

    @rule(key=st.sampled_from(["a", "b"]))
    def read_a_fact(self, key: str) -> None:
        assert self.run(self.store.read_fact(key)) == self.facts.get(key)

    @invariant()
    def the_last_sequence_never_falls_back(self) -> None:
        assert self.run(self.store.last_sequence()) == self.sequence


class SqliteMachine(MemoryMachine):
    reopens = True

    async def open(self) -> Store:
        return await open_sqlite_store(Path(self.folder.name) / "atp.db", replica="r", clock=ManualClock())


MemoryMachine.TestCase.settings = settings(max_examples=50, stateful_step_count=30, deadline=None)
SqliteMachine.TestCase.settings = settings(
    max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestMemoryStore = MemoryMachine.TestCase
TestSqliteStore = SqliteMachine.TestCase
