"""A store that lasts as long as its process: for development without a disk, for replay and for tests.

`app` picks it by name; everyone else knows the contract. It keeps every promise except surviving the process, and never
writes a file.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from operator import itemgetter

from atp_grpc.domain.decision import Decision
from atp_grpc.domain.history import HistoryPage, HistoryQuery, Logged, Place
from atp_grpc.domain.outcome import Conflict, NewObservation, Observation, Recorded, Report
from atp_grpc.store.contract import MOST_LISTED, MOST_LOOKED_AT, DecisionRecord, StoreFailure
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
        self._log: list[tuple[Place, DecisionRecord]] = []
        self._decisions_kept = 0
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
            if self._decisions.setdefault((record.tenant, record.decision_id), record) is record:
                self._decisions_kept += 1
                self._log.append((Place(self._decisions_kept, 0), record))

    async def find_decision(self, tenant: str, decision_id: str) -> Decision | None:
        """As the contract says."""
        self._check_open()
        record = self._decisions.get((tenant, decision_id))
        return None if record is None else _decoded(record)

    async def history(self, query: HistoryQuery, *, after: Place | None, limit: int) -> HistoryPage:
        """As the contract says."""
        self._check_open()
        entries: list[Logged] = []
        wanted = min(limit, MOST_LISTED)
        ahead = self._ahead(query, after)
        for looked_at, (place, record) in enumerate(ahead, start=1):
            if _is_asked(record, query):
                if len(entries) == wanted:
                    return HistoryPage(tuple(entries), entries[-1].place)
                standing = self._outcomes.get((record.tenant, record.decision_id), NOTHING)
                entries.append(Logged(place, _decoded(record), standing))
            if looked_at == MOST_LOOKED_AT and looked_at < len(ahead):
                return HistoryPage(tuple(entries), place)
        return HistoryPage(tuple(entries), None)

    def _ahead(self, query: HistoryQuery, after: Place | None) -> list[tuple[Place, DecisionRecord]]:
        """As much of the log as a page may look at, and one more, from a place on, in the order that is asked for."""
        log, room = self._log, MOST_LOOKED_AT + 1
        if query.newest_first:
            end = len(log) if after is None else bisect_left(log, after, key=itemgetter(0))
            return log[max(end - room, 0) : end][::-1]
        start = 0 if after is None else bisect_right(log, after, key=itemgetter(0))
        return log[start : start + room]

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
        self._log = [(place, made) for place, made in self._log if made.decided_nanos >= decisions_before_nanos]
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


def _is_asked(record: DecisionRecord, query: HistoryQuery) -> bool:
    tenant, since, before = query.tenant, query.since_nanos, query.before_nanos
    return (
        (tenant is None or record.tenant == tenant)
        and (since is None or record.decided_nanos >= since)
        and (before is None or record.decided_nanos < before)
    )


def _decoded(record: DecisionRecord) -> Decision:
    try:
        return decode_decision(record.body)
    except DamagedDecisionError as damage:
        raise StoreFailure("a kept decision is damaged") from damage
