"""A store that lasts as long as its process: for development without a disk, for replay and for tests.

`app` picks it by name; everyone else knows the contract. It keeps every promise except surviving the process, and never
writes a file.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from atp_grpc.domain.decision import Decision
from atp_grpc.domain.outcome import Conflict, NewObservation, Observation, Recorded, Report
from atp_grpc.store.contract import DecisionRecord, StoreFailure
from atp_grpc.store.decision_codec import DamagedDecisionError, decode_decision
from atp_grpc.store.memory_claims import MemoryClaims
from atp_grpc.store.memory_ledger import MemoryLedger
from atp_grpc.store.standing import NOTHING, DecisionKey, decision_of, settle


class MemoryStore(MemoryLedger):
    """The store contract, and the ledger's, in dictionaries. No method ever waits, so concurrent calls cannot mix."""

    def __init__(self, replica: str) -> None:
        super().__init__()
        self.replica = replica
        self.claims = MemoryClaims()
        """Ids that were claimed; as the contract says."""
        self._decisions: dict[DecisionKey, DecisionRecord] = {}
        self._outcomes: dict[DecisionKey, Report] = {}
        self._latest: dict[DecisionKey, int] = {}
        self._observations: list[Observation] = []
        self._last_sequence = 0
        self._checkpoints: dict[str, bytes] = {}
        self._facts: dict[str, str] = {}

    @property
    def kind(self) -> str:
        """`memory`."""
        return "memory"

    async def record(self, reports: Sequence[NewObservation]) -> list[Recorded | Conflict]:
        """As the contract says; durable means until the process ends."""
        self._check_open()
        # Judged on a copy: whatever goes wrong in the middle leaves nothing of the batch behind.
        touched = {key: self._outcomes[key] for key in map(decision_of, reports) if key in self._outcomes}
        answers = settle(reports, touched, replica=self.replica, last_sequence=self._last_sequence)
        self._outcomes.update(touched)
        for answer in answers:
            if isinstance(answer, Conflict) or answer.observation is None:
                continue
            lesson, sequence = answer.observation.lesson, answer.observation.sequence
            self._latest[lesson.tenant, lesson.decision_id] = sequence
            self._observations.append(answer.observation)
            self._last_sequence = sequence
        return answers

    async def observations_after(self, sequence: int, limit: int) -> list[Observation]:
        """As the contract says."""
        self._check_open()
        start = bisect_right(self._observations, sequence, key=lambda observation: observation.sequence)
        return self._observations[start : start + max(limit, 0)]

    async def last_sequence(self) -> int:
        """As the contract says."""
        self._check_open()
        return self._last_sequence

    async def save_decisions(self, records: Sequence[DecisionRecord]) -> None:
        """As the contract says."""
        self._check_open()
        for record in records:
            self._decisions.setdefault((record.tenant, record.decision_id), record)

    async def find_decision(self, tenant: str, decision_id: str) -> Decision | None:
        """As the contract says."""
        self._check_open()
        record = self._decisions.get((tenant, decision_id))
        try:
            return None if record is None else decode_decision(record.body)
        except DamagedDecisionError as damage:
            raise StoreFailure("a kept decision is damaged") from damage

    async def outcome_of(self, tenant: str, decision_id: str) -> Report:
        """As the contract says."""
        self._check_open()
        return self._outcomes.get((tenant, decision_id), NOTHING)

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

    async def prune(self, *, fields_before_nanos: int, decisions_before_nanos: int, learned_through: int) -> None:
        """As the contract says, to the nanosecond."""
        self._check_open()
        for key in [key for key, made in self._decisions.items() if made.decided_nanos < decisions_before_nanos]:
            del self._decisions[key]
        kept = []
        for observation in self._observations:
            if observation.observed_nanos >= fields_before_nanos or observation.sequence > learned_through:
                kept.append(observation)
                continue
            key = (observation.lesson.tenant, observation.lesson.decision_id)
            if self._latest.get(key) == observation.sequence:
                del self._latest[key], self._outcomes[key]
        self._observations = kept

    async def ping(self) -> None:
        """As the contract says."""
        self._check_open()

    async def close(self) -> None:
        """As the contract says; what was kept is gone."""
        self._is_closed = True
