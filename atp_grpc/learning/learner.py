"""The learner of one pool: restores what was learned, learns each observation once, and writes checkpoints.

The journal enters here after every commit, in the order of the sequences; the app enters at start and for
checkpoints, and whoever brings a prior before the first outcome. It never acknowledges anything and never decides.
"""

from __future__ import annotations

from collections.abc import Callable

from atp_grpc.domain.clock import Clock
from atp_grpc.domain.outcome import Observation
from atp_grpc.engine.contract import (
    CheckpointMismatchError,
    CorruptCheckpointError,
    Engine,
    InvalidOutcomeError,
)
from atp_grpc.learning.rewards import first_sequence_to_learn, outcomes_of
from atp_grpc.store.contract import Store

_REPLAY_PAGE = 1000


class PriorRefusedError(ValueError):
    """A prior that may not be taken in: something was learned already, or some of it was learned here."""


class Learner:
    """Feeds one engine from one store. `revision` counts the outcomes the engine has learned."""

    def __init__(
        self,
        *,
        engine: Engine,
        store: Store,
        clock: Clock,
        pool: str,
        replica: str,
        on_refused: Callable[[Observation, str], None],
    ) -> None:
        """`on_refused` hears of an observation that cannot be learned, and the kind of refusal; it stays stored."""
        self._engine = engine
        self._store = store
        self._clock = clock
        self._pool = pool
        self._replica = replica
        self._on_refused = on_refused
        self._learned_through = 0
        self._checkpointed_revision = -1
        self._revision = 0

    @property
    def revision(self) -> int:
        """How many outcomes the engine has learned."""
        return self._revision

    @property
    def learned_through(self) -> int:
        """The highest observation sequence that is learned (not necessarily in a checkpoint yet)."""
        return self._learned_through

    async def restore(self, *, discard_damaged: bool = False) -> int:
        """Takes up the last checkpoint and learns every later observation in order. Returns how many were replayed.

        Args:
            discard_damaged: whether to learn anew from the stored observations when the checkpoint is damaged. What was
                learned from observations that are no longer stored is then gone, so it is the operator's decision.

        Raises:
            CorruptCheckpointError: the stored checkpoint is damaged, and is not to be discarded.
        """
        data = await self._store.load_checkpoint(self._pool)
        if data is not None:
            try:
                self._engine.restore(data)
            except CorruptCheckpointError:
                if not discard_damaged:
                    raise
            except CheckpointMismatchError:
                # Another schema, half-life or contract: the observations are all there, so learn them anew.
                pass
        summary = self._engine.summary(self._clock.now_nanos())
        self._revision = summary.learned
        after = first_sequence_to_learn(summary.high_water.get(self._replica, 0))
        replayed = 0
        while page := await self._store.observations_after(after, _REPLAY_PAGE):
            for observation in page:
                replayed += self.learn(observation)
            after = page[-1].sequence
        self._learned_through = await self._store.last_sequence()
        return replayed

    def adopt(self, data: bytes) -> None:
        """Begins with what was learned elsewhere, scaled to the weight it deserves, before the first outcome.

        It is written down with the next checkpoint; observations that are learned anew do not bring it back.

        Args:
            data: a checkpoint of this pool.

        Raises:
            PriorRefusedError: something was learned already; or the prior counts observations of this replica, whose
                next ones would then pass for known.
            CorruptCheckpointError, CheckpointMismatchError: it is no state of this pool's engine.

        Nothing is changed by any of them.
        """
        if self._revision:
            raise PriorRefusedError(f"a prior comes before the first outcome, and {self._revision} are learned")
        before = self._engine.checkpoint()
        self._engine.restore(data)
        summary = self._engine.summary(self._clock.now_nanos())
        if self._replica in summary.high_water:
            self._engine.restore(before)
            raise PriorRefusedError(f"the prior counts observations of this replica, {self._replica}")
        self._revision = summary.learned

    def learn(self, observation: Observation) -> int:
        """Learns one observation. Returns how many outcomes were new to the engine."""
        new = 0
        for outcome in outcomes_of(observation):
            try:
                new += self._engine.learn(outcome)
            except InvalidOutcomeError as refusal:
                self._on_refused(observation, type(refusal).__name__)
        self._revision += new
        self._learned_through = max(self._learned_through, observation.sequence)
        return new

    async def checkpoint(self) -> int:
        """Writes the learned state, unless nothing was learned since the last time.

        Returns the observation sequence through which a restart would find everything in the checkpoint.
        """
        through, revision = self._learned_through, self._revision
        if revision != self._checkpointed_revision:
            await self._store.save_checkpoint(self._pool, self._engine.checkpoint())
            self._checkpointed_revision = revision
        return through
