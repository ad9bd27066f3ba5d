"""The learner of one pool: restores what was learned, learns each observation once, and writes checkpoints.

The journal enters here after every commit, in the order of the sequences; the app enters at start and for
checkpoints, and whoever brings a prior, at any time. It never acknowledges anything and never decides.
"""

from __future__ import annotations

from collections.abc import Callable

from atp_grpc.domain.clock import Clock
from atp_grpc.domain.outcome import Observation
from atp_grpc.engine.checkpoint import decode
from atp_grpc.engine.contract import (
    CheckpointMismatchError,
    CorruptCheckpointError,
    Engine,
    InvalidOutcomeError,
)
from atp_grpc.engine.merging import merge
from atp_grpc.learning.prior import PriorFault, PriorHeader, decode_prior, digest_of, fitted, mark_of
from atp_grpc.learning.priors import AppliedPrior, Priors
from atp_grpc.learning.rewards import first_sequence_to_learn, outcomes_of
from atp_grpc.learning.watching import Watch
from atp_grpc.store.contract import Store

_REPLAY_PAGE = 200
"""Observations learned in one go: a policy that is made under load must not hold up the calls beside it."""


class PriorRefusedError(ValueError):
    """A state that may not be taken in, because some of it is in what was learned already."""


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
        watch: Watch,
        on_prior: Callable[[], None],
    ) -> None:
        """Takes the engine with its watch, and what it learns from.

        `on_refused` hears of an observation that cannot be learned, and the kind of refusal; it stays stored.
        `on_prior` hears when `latest_prior` is another one.
        """
        self._engine = engine
        self._store = store
        self._clock = clock
        self._pool = pool
        self._replica = replica
        self._on_refused = on_refused
        self._watch = watch
        self._on_prior = on_prior
        self._latest_prior: PriorHeader | None = None
        self._priors = Priors(store, pool)
        self._watch_key = f"change.{pool}"
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

    @property
    def latest_prior(self) -> PriorHeader | None:
        """What the prior that was imported last says of itself."""
        return self._latest_prior

    @property
    def watch(self) -> Watch:
        """What looks for arms that have changed."""
        return self._watch

    async def restore(self, *, discard_damaged: bool = False) -> int:
        """Takes up the last checkpoint and learns every later observation in order. Returns how many were replayed.

        A prior that was imported and is not in the checkpoint is taken in again, if it fits the engine as it is now.

        Args:
            discard_damaged: whether to learn anew from the stored observations when the checkpoint is damaged. What was
                learned from observations that are no longer stored is then gone, so it is the operator's decision.
                A prior that is damaged is then left out.

        Raises:
            CorruptCheckpointError: the stored checkpoint, or a prior that is needed, is damaged and is not to be
                discarded.
        """
        data = await self._store.load_checkpoint(self._pool)
        # An empty one was dropped with the policy that had it.
        if data:
            try:
                self._engine.restore(data)
            except CorruptCheckpointError:
                if not discard_damaged:
                    raise
            except CheckpointMismatchError:
                # Another schema, half-life or contract: the observations are all there, so learn them anew.
                pass
        await self._take_in_kept_priors(discard_damaged=discard_damaged)
        summary = self._engine.summary(self._clock.now_nanos())
        self._revision = summary.learned
        self._watch.restore(await self._store.read_fact(self._watch_key) or "", self._revision)
        after = first_sequence_to_learn(summary.high_water.get(self._replica, 0))
        replayed = 0
        while page := await self._store.observations_after(after, _REPLAY_PAGE):
            for observation in page:
                replayed += self.learn(observation)
            after = page[-1].sequence
        self._learned_through = await self._store.last_sequence()
        return replayed

    async def import_prior(self, data: bytes, *, validate_only: bool = False) -> AppliedPrior | None:
        """Adds a prior to what is known, at once and for good: it outlasts a restart and learning everything anew.

        Args:
            data: the bytes of a prior (`learning/prior`).
            validate_only: whether to only say what would be refused; then nothing is returned.

        Raises:
            PriorFault: it is no prior, or damaged.
            CheckpointMismatchError: another schema, dimension, half-life or contract of engines.
            PriorRefusedError: this very prior is taken in already.
            EngineError: the sums of both are too large.
            StoreFailure: it could not be kept. Then, as with any of these, nothing is changed.
        """
        state = fitted(decode_prior(data), digest_of(data), self._engine.parameters)
        self._with(state)
        if validate_only:
            return None
        # Kept first: a crash in between leaves a prior that the next start finds kept and not taken in.
        applied = await self._priors.keep(data, self._clock.now_nanos())
        self.adopt(state)
        self._latest_prior = applied.header
        self._on_prior()
        return applied

    async def priors(self) -> list[AppliedPrior]:
        """The priors that were imported, in that order."""
        return await self._priors.applied()

    def adopt(self, data: bytes) -> None:
        """Adds what was learned elsewhere, scaled to the weight it deserves, to what is known.

        It is written down with the next checkpoint. Observations that are learned anew do not bring it back; a prior
        that is imported comes back.

        Args:
            data: a checkpoint of this pool.

        Raises:
            PriorRefusedError: it holds outcomes that are known already, by the replica they are marked with.
            CorruptCheckpointError, CheckpointMismatchError: it is no state of this pool's engine.
            EngineError: the sums of both are too large.

        Nothing is changed by any of them.
        """
        self._engine.restore(self._with(data))
        self._revision = self._engine.summary(self._clock.now_nanos()).learned

    def _with(self, data: bytes) -> bytes:
        """What is known, and the state in the bytes added to it."""
        state = decode(data)
        state.require(self._engine.parameters)
        known = self._engine.summary(self._clock.now_nanos()).high_water
        for replica in state.high_water:
            if replica in known or replica == self._replica:
                raise PriorRefusedError(f"outcomes of {replica} are known already")
        return merge([self._engine.checkpoint(), data]) if self._revision else data

    async def _take_in_kept_priors(self, *, discard_damaged: bool) -> None:
        for applied in await self._priors.applied():
            self._latest_prior = applied.header
            summary = self._engine.summary(self._clock.now_nanos())
            self._revision = summary.learned
            if mark_of(applied.digest) in summary.high_water:
                continue
            try:
                prior = await self._priors.read(applied.digest)
                self.adopt(fitted(prior, applied.digest, self._engine.parameters))
            except PriorFault:
                if not discard_damaged:
                    raise CorruptCheckpointError(f"the prior {applied.digest} is damaged in the store") from None
            except CheckpointMismatchError:
                # Another schema or half-life than when it was imported: it waits until it fits again.
                pass

    def succeed(self, other: Learner) -> bool:
        """Takes up all that another learner of this pool knows. False when the engine cannot hold it; nothing happened.

        An engine cannot hold what was learned under another schema, dimension or half-life.
        """
        try:
            self._engine.restore(other._engine.checkpoint())
        except CheckpointMismatchError:
            return False
        self._revision, self._learned_through = other.revision, other.learned_through
        self._watch.restore(other.watch.state(other.revision), self._revision)
        self._latest_prior = other.latest_prior
        return True

    def learn(self, observation: Observation) -> int:
        """Learns one observation, also of another policy's decision. Returns how many outcomes were new to the engine.

        One of another schema teaches nothing here; that is reported when it is of a decision of this policy.
        """
        new, lesson = 0, observation.lesson
        if lesson.features.schema_id == self._engine.parameters.schema_id:
            outcomes = outcomes_of(observation, self._pool)
        else:
            outcomes = []
            if lesson.revisions.policy == self._pool:
                self._on_refused(observation, "another schema")
        for outcome in outcomes:
            try:
                is_new = self._engine.learn(outcome)
            except InvalidOutcomeError as refusal:
                self._on_refused(observation, type(refusal).__name__)
                continue
            if is_new:
                new += 1
                self._watch.learn(outcome)
        self._revision += new
        self._learned_through = max(self._learned_through, observation.sequence)
        return new

    async def checkpoint(self) -> int:
        """Writes the learned state, unless nothing was learned since the last time.

        Returns the observation sequence through which a restart would find everything in the checkpoint.
        """
        through, revision = self._learned_through, self._revision
        if revision != self._checkpointed_revision:
            watched = self._watch.state(revision)
            await self._store.save_checkpoint(self._pool, self._engine.checkpoint())
            await self._store.write_fact(self._watch_key, watched)
            self._checkpointed_revision = revision
        return through
