"""A store that lasts as long as its process: for development without a disk, for replay and for tests.

`app` picks it by name; everyone else knows the contract. It keeps every promise except surviving the process, and never
writes a file.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from atp_grpc.domain.decision import Decision
from atp_grpc.domain.outcome import Conflict, NewObservation, Observation, Recorded, Report
from atp_grpc.store.codec import decode_fields
from atp_grpc.store.contract import StoreFailure
from atp_grpc.store.standing import DecisionKey, decision_of, settle


class MemoryStore:
    """The store contract in dictionaries. No method ever waits, so concurrent calls cannot mix."""

    def __init__(self, replica: str) -> None:
        self.replica = replica
        self._decisions: dict[DecisionKey, Decision] = {}
        self._fields: dict[DecisionKey, dict[str, str]] = {}
        self._observed: dict[DecisionKey, dict[str, int]] = {}
        self._observations: list[Observation] = []
        self._last_sequence = 0
        self._checkpoints: dict[str, bytes] = {}
        self._facts: dict[str, str] = {}
        self._is_closed = False

    @property
    def kind(self) -> str:
        """`memory`."""
        return "memory"

    async def record(self, reports: Sequence[NewObservation]) -> list[Recorded | Conflict]:
        """As the contract says; durable means until the process ends."""
        self._check_open()
        # Judged on copies: whatever goes wrong in the middle leaves nothing of the batch behind.
        touched = {key: dict(self._fields.get(key, {})) for key in map(decision_of, reports)}
        settled = list(settle(reports, touched, replica=self.replica, last_sequence=self._last_sequence))
        for report, outcome in zip(reports, settled, strict=True):
            if isinstance(outcome.answer, Conflict) or outcome.answer.observation is None:
                continue
            key = decision_of(report)
            self._fields[key] = touched[key]
            self._observed.setdefault(key, {}).update({field.key: report.observed_nanos for field in outcome.new})
            self._observations.append(outcome.answer.observation)
            self._last_sequence = outcome.answer.observation.sequence
        return [outcome.answer for outcome in settled]

    async def observations_after(self, sequence: int, limit: int) -> list[Observation]:
        """As the contract says."""
        self._check_open()
        start = bisect_right(self._observations, sequence, key=lambda observation: observation.sequence)
        return self._observations[start : start + max(limit, 0)]

    async def last_sequence(self) -> int:
        """As the contract says."""
        self._check_open()
        return self._last_sequence

    async def save_decisions(self, decisions: Sequence[Decision]) -> None:
        """As the contract says."""
        self._check_open()
        for decision in decisions:
            self._decisions.setdefault((decision.tenant, decision.decision_id), decision)

    async def find_decision(self, tenant: str, decision_id: str) -> Decision | None:
        """As the contract says."""
        self._check_open()
        return self._decisions.get((tenant, decision_id))

    async def outcome_of(self, tenant: str, decision_id: str) -> Report:
        """As the contract says."""
        self._check_open()
        return decode_fields(self._fields.get((tenant, decision_id), {}))

    async def save_checkpoint(self, pool: str, data: bytes) -> None:
        """As the contract says."""
        self._check_open()
        self._checkpoints[pool] = bytes(data)

    async def load_checkpoint(self, pool: str) -> bytes | None:
        """As the contract says."""
        self._check_open()
        return self._checkpoints.get(pool)

    async def read_fact(self, key: str) -> str | None:
        """As the contract says."""
        self._check_open()
        return self._facts.get(key)

    async def write_fact(self, key: str, value: str) -> None:
        """As the contract says."""
        self._check_open()
        self._facts[key] = value

    async def prune(self, *, fields_before_nanos: int, decisions_before_nanos: int, learned_through: int) -> int:
        """As the contract says."""
        self._check_open()
        gone = self._prune_fields(fields_before_nanos)
        old = [key for key, made in self._decisions.items() if made.lesson.decided_nanos < decisions_before_nanos]
        for key in old:
            del self._decisions[key]
        kept = [
            observation
            for observation in self._observations
            if observation.observed_nanos >= fields_before_nanos or observation.sequence > learned_through
        ]
        gone += len(old) + len(self._observations) - len(kept)
        self._observations = kept
        return gone

    def _prune_fields(self, before_nanos: int) -> int:
        gone = 0
        for decision, moments in list(self._observed.items()):
            for key in [key for key, moment in moments.items() if moment < before_nanos]:
                del moments[key]
                del self._fields[decision][key]
                gone += 1
            if not moments:
                del self._observed[decision]
                del self._fields[decision]
        return gone

    async def ping(self) -> None:
        """As the contract says."""
        self._check_open()

    async def close(self) -> None:
        """As the contract says; what was kept is gone."""
        self._is_closed = True

    def _check_open(self) -> None:
        if self._is_closed:
            raise StoreFailure("the store is closed")
