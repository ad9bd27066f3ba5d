"""The branches of a process: for each routing policy an engine with its learner and its router.

The rooms open those of the configuration and of the store; `PolicyBook` makes, changes and ends them while requests are
served. A branch is swapped between two decisions, never within one. It judges no policy.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from atp_grpc.app.engines import PickedEngine, pick_engine
from atp_grpc.app.instruments import Instruments
from atp_grpc.app.policy import engine_parameters
from atp_grpc.catalog.live import LiveCatalogue
from atp_grpc.config import EngineSettings
from atp_grpc.domain.clock import Clock
from atp_grpc.domain.outcome import Observation
from atp_grpc.domain.policy import DEFAULT_POLICY, RoutingPolicy
from atp_grpc.learning.learner import Learner
from atp_grpc.learning.priors import Priors
from atp_grpc.learning.settling import settle
from atp_grpc.learning.watching import Watch
from atp_grpc.routing.newcomers import Newcomers
from atp_grpc.routing.pool import Pool
from atp_grpc.routing.rollout import Policies
from atp_grpc.routing.router import Router
from atp_grpc.routing.sessions import Sessions
from atp_grpc.routing.steering import Purse, Steering, targets_of
from atp_grpc.store.contract import Store, StoreFailure
from atp_grpc.tenancy.pacing import Pacers

MakeRouter = Callable[[Steering, PickedEngine, Pool, Learner], Router]


@dataclass(frozen=True, slots=True)
class Branch:
    """What serves one policy."""

    steering: Steering
    picked: PickedEngine
    learner: Learner
    router: Router

    @property
    def policy(self) -> RoutingPolicy:
        """The version that is served."""
        return self.steering.policy


@dataclass(frozen=True, slots=True)
class Helm:
    """What the steerings of all policies share."""

    pacers: Pacers
    sessions: Sessions
    purse: Purse
    tenants: int
    """Most tenants whose exploration is counted, for each policy."""


class Branches:
    """The branches, by policy. Observations teach all of them; `policies` sends requests to their routers."""

    def __init__(
        self,
        *,
        settings: EngineSettings,
        store: Store,
        clock: Clock,
        catalogue: LiveCatalogue,
        instruments: Instruments,
        helm: Helm,
        make_router: MakeRouter,
        next_seed: Callable[[], int],
    ) -> None:
        """`make_router` makes a version's router; `next_seed` draws 64 bits for requests that share chance decides."""
        self._helm = helm
        self._settings = settings
        self._store = store
        self._clock = clock
        self._catalogue = catalogue
        self._instruments = instruments
        self._make_router = make_router
        self._next_seed = next_seed
        self._branches: dict[str, Branch] = {}
        self._joining: dict[str, list[Observation]] = {}
        self._policies: Policies | None = None

    @property
    def default(self) -> Branch:
        """The branch of the default policy, which is opened first."""
        return self._branches[DEFAULT_POLICY]

    @property
    def policies(self) -> Policies:
        """Where requests go."""
        if self._policies is None:
            self._policies = Policies(self.default.router, next_seed=self._next_seed)
        return self._policies

    def quarantined(self) -> bool:
        """Whether the native engine of any policy was set aside."""
        return any(branch.picked.quarantined() for branch in self._branches.values())

    def named(self, name: str) -> Branch:
        """The branch of a policy, which must exist."""
        return self._branches[name]

    async def open(self, policy: RoutingPolicy, *, discard_damaged: bool) -> int:
        """Opens a branch before requests are served, with what was learned. Returns how many outcomes were replayed.

        Raises:
            EngineMissingError, EngineSelfTestError, DamagedTextTableError, CorruptCheckpointError: it cannot be.
        """
        branch = await self._build(policy)
        replayed = await branch.learner.restore(discard_damaged=discard_damaged)
        self._install(branch)
        return replayed

    @asynccontextmanager
    async def preparing(self, policy: RoutingPolicy) -> AsyncIterator[Callable[[], None]]:
        """Makes a version ready; what it gives puts it in force. Left without that, nothing has happened.

        A version with the engine of the one before keeps engine and learner. Another takes over what the old engine
        has learned by then, priors included; when it cannot, it learns what is stored and what is reported meanwhile.

        Raises:
            StoreFailure: the observations cannot be read.
        """
        before = self._branches.get(policy.name)
        if before is not None and before.picked.engine.parameters == engine_parameters(policy):
            newcomers = before.steering.newcomers
            yield lambda: self._install(self._with_router(policy, before.picked, before.learner, newcomers))
            return
        branch = await self._build(policy)
        waiting = self._joining[policy.name] = []
        try:
            if before is None:
                # One that was deleted under this name may have left it behind.
                await self._store.save_checkpoint(policy.name, b"")
                await Priors(self._store, policy.name).forget()
            succeeds = before is not None and branch.learner.succeed(before.learner)
            if not succeeds:
                await branch.learner.restore(discard_damaged=True)

            def put_in_force() -> None:
                if before is not None and succeeds:
                    # Anew, because the old one went on learning: reports, and priors, which do not wait.
                    branch.learner.succeed(before.learner)
                else:
                    for observation in waiting:
                        branch.learner.learn(observation)
                self._install(branch)

            yield put_in_force
        finally:
            del self._joining[policy.name]

    async def withdraw(self, name: str) -> None:
        """Ends a branch and drops its checkpoint."""
        self.policies.drop(name)
        del self._branches[name]
        try:
            await self._store.save_checkpoint(name, b"")
            await Priors(self._store, name).forget()
        except StoreFailure as failure:
            # It is dropped again before another policy gets the name.
            self._instruments.upkeep_failed("checkpoint", failure)

    def predicted_quality(self, policy: RoutingPolicy) -> Mapping[str, float]:
        """Mean quality by model as the policy's engine sees it, or for a new policy the default one's."""
        branch = self._branches.get(policy.name, self.default)
        return {arm.name: arm.quality for arm in branch.picked.engine.summary(self._clock.now_nanos()).arms}

    def learn(self, observation: Observation) -> int:
        """Teaches every policy of the observation's schema. Returns how many outcomes were new to whom most were new.

        Raises what an engine raised first, after everybody was taught.
        """
        for waiting in self._joining.values():
            waiting.append(observation)
        new, faults = 0, list[Exception]()
        for branch in self._branches.values():
            try:
                new = max(new, branch.learner.learn(observation))
            except Exception as fault:  # noqa: BLE001 - one engine's fault must not keep the others from learning
                faults.append(fault)
        settle(observation, [(one.steering, one.learner.watch) for one in self._branches.values()])
        if faults:
            raise faults[0]
        return new

    async def checkpoint(self) -> int:
        """Writes down what each learner learned; returns the observation through which all of them have.

        Raises:
            StoreFailure: it could not be written.
        """
        return min([await branch.learner.checkpoint() for branch in tuple(self._branches.values())])

    async def _build(self, policy: RoutingPolicy) -> Branch:
        # In a thread: a new engine proves itself first, and calls are served meanwhile.
        picked = await asyncio.to_thread(
            pick_engine,
            self._settings.kind,
            engine_parameters(policy),
            native_share=self._settings.native_share,
            on_quarantine=self._instruments.engine_quarantined,
        )
        learner = Learner(
            engine=picked.engine,
            store=self._store,
            clock=self._clock,
            pool=policy.name,
            replica=self._store.replica,
            on_refused=self._instruments.observation_refused,
            watch=Watch(picked.engine, lambda alarm: self._instruments.quality_changed(policy.name, alarm)),
            on_prior=lambda: self._begin_prices(self._branches[policy.name]),
        )
        # Before anything is learned again, which an alarm must not touch either.
        learner.watch.is_on = policy.terms.change_detection
        newcomers = Newcomers(policy.terms.exploration, self._helm.tenants)
        return self._with_router(policy, picked, learner, newcomers)

    def _with_router(
        self, policy: RoutingPolicy, picked: PickedEngine, learner: Learner, newcomers: Newcomers
    ) -> Branch:
        helm = self._helm
        steering = Steering(policy, targets_of(policy), helm.pacers, newcomers, helm.sessions, helm.purse)

        def take_stock() -> None:
            # Before it is in force nobody knows yet what was learned.
            branch = self._branches.get(policy.name)
            if branch is not None and branch.picked is picked:
                self._take_stock(branch)

        pool = Pool(self._catalogue, picked.engine, policy.terms.filters, take_stock)
        pool.at(self._clock.now_nanos())
        return Branch(steering, picked, learner, self._make_router(steering, picked, pool, learner))

    def _install(self, branch: Branch) -> None:
        self._branches[branch.policy.name] = branch
        branch.learner.watch.is_on = branch.policy.terms.change_detection
        branch.steering.newcomers.limit(branch.policy.terms.exploration)
        self._take_stock(branch)
        self._begin_prices(branch)
        self.policies.put(branch.router)

    def _take_stock(self, branch: Branch) -> None:
        """Tells the newcomers of a policy who is in its engine, and how well known they are."""
        arms = branch.picked.engine.summary(self._clock.now_nanos()).arms
        grades = {arm.name: round(arm.observations) for arm in arms}
        branch.steering.newcomers.load(grades, grades)

    def _begin_prices(self, branch: Branch) -> None:
        """Lets new tenants begin with the price of the policy's ceiling that held on the prior's rows."""
        policy, prior = branch.policy, branch.learner.latest_prior
        ceiling = policy.terms.objective.cost_ceiling_nano_usd
        if ceiling is not None and prior is not None:
            price = prior.first_price(
                ceiling,
                cost_weight=policy.terms.objective.cost_weight,
                cost_scale_nano_usd=policy.cost_scale_nano_usd,
            )
            self._helm.pacers.begin(policy.name, price)
