"""The story of trials: one is started, hears every new observation, comes to a verdict, and the verdict is carried out.

Services enter here to start, read and stop; the app enters with each observation that the journal has learned, and runs
`run` beside the calls. What was heard is written down now and then with how far it reaches, and heard again from there
after a crash, so evidence is neither lost nor counted twice. Every step may be repeated. It never judges a policy.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from atp_grpc.domain.clock import Clock
from atp_grpc.domain.errors import (
    AtpError,
    PolicyInvalidError,
    ResourceNotFoundError,
    StoreUnavailableError,
    TrialUnderWayError,
)
from atp_grpc.domain.event import EventKind
from atp_grpc.domain.outcome import Observation
from atp_grpc.domain.policy import RoutingPolicy
from atp_grpc.learning.events import EventLog
from atp_grpc.learning.journal import RETRY_SECONDS
from atp_grpc.learning.trial.admission import admitted, digest_without_share
from atp_grpc.learning.trial.hearing import heard_of
from atp_grpc.learning.trial.run import StopCause, TrialRun, TrialState, run_of
from atp_grpc.learning.trial.terms import TrialTerms, Verdict
from atp_grpc.routing.policy_book import PolicyBook
from atp_grpc.store.contract import Store, StoreFailure

MOST_ENDED: Final = 100
_RUNNING, _ENDED = "trial.running", "trial.ended"
_REPLAY_PAGE: Final = 200


class Trials:
    """The trials of a process; at most one of them runs."""

    def __init__(
        self,
        *,
        store: Store,
        book: PolicyBook,
        events: EventLog,
        clock: Clock,
        on_fault: Callable[[Exception], None],
    ) -> None:
        """`on_fault` hears when a verdict could not be carried out for now."""
        self._store = store
        self._book = book
        self._events = events
        self._clock = clock
        self._on_fault = on_fault
        self._ended: tuple[TrialRun, ...] = ()
        self._running: TrialRun | None = None
        self._through = 0
        self._written_through: int | None = None
        self._changing = asyncio.Lock()
        self._decided = asyncio.Event()

    @property
    def entries(self) -> Mapping[str, TrialRun]:
        """Every trial that is kept, the oldest first."""
        runs = (*self._ended, *(() if self._running is None else (self._running,)))
        return {run.trial_id: run for run in runs}

    def find(self, trial_id: str) -> TrialRun:
        """A trial; with an empty id the one that runs, or else the latest.

        Raises:
            ResourceNotFoundError: there is none.
        """
        entries = self.entries
        if not trial_id and entries:
            return list(entries.values())[-1]
        try:
            return entries[trial_id]
        except KeyError:
            raise ResourceNotFoundError("trial", trial_id) from None

    async def restore(self) -> None:
        """Goes on where the process before ended: hears what came since it last wrote down what it had heard.

        Raises:
            StoreFailure: what is kept cannot be read.
        """
        try:
            self._ended = tuple(map(run_of, json.loads(await self._store.read_fact(_ENDED) or "[]")))
            kept = json.loads(await self._store.read_fact(_RUNNING) or "{}")
            run = run_of(kept["run"]) if kept else None
        except (KeyError, TypeError, ValueError) as damage:
            raise StoreFailure("what it remembers of trials is damaged") from damage
        if run is None or any(one.trial_id == run.trial_id for one in self._ended):
            return
        self._through = kept["through"]
        self._begin(run)
        while page := await self._store.observations_after(self._through, _REPLAY_PAGE):
            for observation in page:
                self.take_in(observation)
        if run.trial.verdict is Verdict.GO_ON:
            await self._resume(run)
        else:
            self._decided.set()

    def take_in(self, observation: Observation) -> None:
        """Hears a new observation; those of one process come in the order of their sequences."""
        run = self._running
        if run is None or observation.sequence <= self._through:
            return
        self._through = observation.sequence
        heard = heard_of(observation, run.sides)
        if heard is not None and run.trial.learn(heard) is not Verdict.GO_ON:
            self._decided.set()

    async def checkpoint(self) -> int | None:
        """Writes down what was heard; returns the observation through which it was, None when nothing has to be.

        Raises:
            StoreFailure: it could not be written.
        """
        async with self._changing:
            if self._running is None:
                return None
            if self._written_through != self._through:
                await self._write(self._running)
            return self._written_through

    async def start(self, terms: TrialTerms, *, validate_only: bool = False) -> TrialRun:
        """Starts a trial: the challenger has its share when this returns.

        Raises:
            ResourceNotFoundError, PolicyReadOnlyError: there is no such policy, or it comes from the configuration.
            ChallengerUnfitError: it is the default policy, or has a share of its own.
            TrialUnderWayError, TrialCoolingDownError: not now.
            PolicyInvalidError: the share is more than the other policies leave.
            StoreUnavailableError: it could not be kept.
        """
        async with self._changing:
            if self._running is not None:
                raise TrialUnderWayError(self._running.trial_id)
            run = admitted(terms, self._policies, self._ended, self._clock.now_nanos())
            etag = self._book.find(terms.challenger).policy.etag
            await self._book.share_out(terms.challenger, terms.share, etag=etag, validate_only=True)
            if validate_only:
                return run
            try:
                self._through = await self._store.last_sequence()
                self._begin(run)
                await self._write(run)
                await self._book.share_out(terms.challenger, terms.share, etag=etag)
                await self._events.tell(
                    EventKind.TRIAL_STARTED, trial=run.trial_id, policy=terms.challenger, figures=run.figures
                )
            except (AtpError, StoreFailure) as fault:
                await self._undo(run)
                if isinstance(fault, StoreFailure):
                    raise StoreUnavailableError(RETRY_SECONDS) from None
                raise
            return run

    async def stop(self, trial_id: str, *, validate_only: bool = False) -> TrialRun:
        """Ends a trial without a verdict; one that has ended is as it ended.

        Raises:
            ResourceNotFoundError: there is none of that name.
            StoreUnavailableError: it goes on.
        """
        async with self._changing:
            run = self.find(trial_id)
            if run is self._running and not validate_only:
                try:
                    await self._withdraw(run, TrialState.STOPPED, StopCause.OPERATOR)
                except StoreFailure:
                    raise StoreUnavailableError(RETRY_SECONDS) from None
            return run

    async def run(self) -> None:
        """Carries verdicts out, until cancelled."""
        while True:
            await self._decided.wait()
            self._decided.clear()
            try:
                async with self._changing:
                    await self._carry_out()
            except (StoreFailure, StoreUnavailableError) as fault:
                self._on_fault(fault)
                self._decided.set()
                await asyncio.sleep(RETRY_SECONDS)

    @property
    def _policies(self) -> Mapping[str, RoutingPolicy]:
        return {name: entry.policy for name, entry in self._book.entries.items()}

    def _begin(self, run: TrialRun) -> None:
        self._running, self._written_through = run, None
        self._book.on_trial[run.terms.challenger] = run.trial_id

    async def _resume(self, run: TrialRun) -> None:
        """Sees that both sides are still those of the trial; a start that was cut short is finished."""
        (champion, its_version), (challenger, version), _ = run.sides
        policies = self._policies
        ours = policies.get(challenger)
        if ours is not None and ours.version == version - 1 and digest_without_share(ours.terms) == run.digest:
            try:
                ours = (await self._book.share_out(challenger, run.terms.share)).policy
            except PolicyInvalidError:
                ours = None
        if ours is None or ours.version != version or policies[champion].version != its_version:
            await self._withdraw(run, TrialState.STOPPED, StopCause.POLICY_CHANGED)
            return
        await self._events.tell(
            EventKind.TRIAL_STARTED, trial=run.trial_id, policy=challenger, figures={"share": run.terms.share}
        )

    async def _carry_out(self) -> None:
        run = self._running
        if run is None:
            return
        verdict, name = run.trial.verdict, run.terms.challenger
        await self._events.tell(
            EventKind.TRIAL_VERDICT, trial=run.trial_id, policy=name, cause=verdict.value, figures=run.figures
        )
        if verdict is Verdict.ROLL_BACK:
            await self._withdraw(run, TrialState.ROLLED_BACK)
        elif verdict is Verdict.FUTILE:
            await self._withdraw(run, TrialState.STOPPED, StopCause.FUTILE)
        else:
            others = [policy.terms.traffic_share for key, policy in self._policies.items() if key != name]
            try:
                await self._book.share_out(name, 1.0 - sum(others))
            except PolicyInvalidError:
                await self._withdraw(run, TrialState.STOPPED, StopCause.PROMOTION_REFUSED)
            else:
                await self._end(run, TrialState.PROMOTED)

    async def _withdraw(self, run: TrialRun, state: TrialState, cause: StopCause | None = None) -> None:
        if run.terms.challenger in self._book.entries:
            await self._book.share_out(run.terms.challenger, 0.0)
        await self._end(run, state, cause)

    async def _end(self, run: TrialRun, state: TrialState, cause: StopCause | None = None) -> None:
        await self._events.tell(
            EventKind(state.value),
            trial=run.trial_id,
            policy=run.terms.challenger,
            cause="" if cause is None else cause.value,
            figures=run.figures,
        )
        ended = replace(run, state=state, cause=cause, ended_nanos=self._clock.now_nanos())
        kept = (*self._ended, ended)[-MOST_ENDED:]
        await self._store.write_fact(_ENDED, json.dumps([one.table for one in kept]))
        run.state, run.cause, run.ended_nanos = ended.state, ended.cause, ended.ended_nanos
        self._ended, self._running = (*kept[:-1], run), None
        self._book.on_trial.pop(run.terms.challenger, None)

    async def _undo(self, run: TrialRun) -> None:
        """Leaves nothing of a trial that could not be started, as far as the store lets it."""
        self._running = None
        self._book.on_trial.pop(run.terms.challenger, None)
        try:
            await self._book.share_out(run.terms.challenger, 0.0)
            await self._store.write_fact(_RUNNING, "{}")
        except (AtpError, StoreFailure) as fault:
            self._on_fault(fault)

    async def _write(self, run: TrialRun) -> None:
        through = self._through
        await self._store.write_fact(_RUNNING, json.dumps({"run": run.table, "through": through}))
        self._written_through = through
