"""Whom to call: among the deployments of a model, one that may be called and is little loaded.

The story of Ask asks for a permit before each attempt and ends it afterwards; operators look at breakers and force
them; the router asks which models cannot be tried. A refusal is an answer with a time, nobody waits here. The fleet
never calls a provider, starts no task and keeps nothing of a prompt.

The lighter of two drawn at random is nearly as good as the lightest of all, and does not send everybody to the same one
(Mitzenmacher, *The power of two choices in randomized load balancing*, IEEE TPDS 12, 2001).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from functools import partial
from random import Random
from typing import Final, NamedTuple

from atp_grpc.domain.clock import Clock
from atp_grpc.domain.decision import Closure, RefusalCause
from atp_grpc.domain.endpoint import Endpoint
from atp_grpc.domain.model import Deployment
from atp_grpc.providers.breaker import DEFAULT_BREAKER_RULES, BreakerMode, BreakerPhase, BreakerRules, BreakerState
from atp_grpc.providers.condition import DeploymentHealth, Load, health_of
from atp_grpc.providers.keyring import Key, Keyring
from atp_grpc.providers.permit import Held, HeldWhy, Line, Permit, address_of
from atp_grpc.providers.standing import Standing

__all__ = ["BreakerChange", "DeploymentHealth", "Fleet", "Held", "HeldWhy", "Load", "Permit", "UnknownDeploymentError"]

_NO_MODELS: Final[Mapping[str, Closure]] = {}
_CAUSES: Final = {
    HeldWhy.BREAKER_OPEN: RefusalCause.BREAKER_OPEN,
    HeldWhy.KEYS_RESTING: RefusalCause.KEYS_RESTING,
    HeldWhy.NOT_SERVING: RefusalCause.NOT_SERVING,
}
_NOT_CALLABLE: Final = Held(HeldWhy.NO_ENDPOINT, math.inf)


class UnknownDeploymentError(LookupError):
    """No deployment of that name can be called."""


class BreakerChange(NamedTuple):
    """A breaker went from one phase to another, or an operator took it over or let it go."""

    before: BreakerPhase
    now: BreakerState


class Fleet:
    """The deployments that can be called, by name. Belongs to one event loop; each replica finds out for itself."""

    def __init__(
        self,
        *,
        clock: Clock,
        chance: Random,
        rules: BreakerRules = DEFAULT_BREAKER_RULES,
        on_change: Callable[[BreakerChange], None] | None = None,
    ) -> None:
        """`on_change` hears of every change of a breaker, while a permit is given or ended: it must not raise."""
        self._clock = clock
        self._chance = chance
        self._rules = rules
        self._tell = on_change
        self._lines: dict[str, Line] = {}
        self._kept: Container[str] | None = None
        self._troubled: set[str] = set()
        self._keyring = Keyring()
        self._heeds_breakers = True
        self._own_lag: Callable[[], float] = _never_late

    def heed_lag(self, own_lag: Callable[[], float]) -> None:
        """`own_lag` tells by how many seconds this process itself was late in the last few: that makes no call slow."""
        self._own_lag = own_lag

    def keep(self, deployments: Iterable[Deployment]) -> None:
        """The catalogue has changed: what is known of other deployments is forgotten, once their last call has ended.

        What has stayed keeps its state, with the endpoint it has now.
        """
        kept = {deployment.name: deployment for deployment in deployments if deployment.endpoint is not None}
        self._kept = kept
        now = self._clock.monotonic()
        for deployment in kept.values():
            self._line(deployment, now)
        for name, line in list(self._lines.items()):
            line.is_dropped = name not in kept
            if line.is_dropped and not line.limiter.in_flight:
                self._forget(line)
        self._keyring.keep({key for line in self._lines.values() for key in line.keys})

    def admit(self, candidates: Sequence[Deployment], tenant: str) -> Permit | Held:
        """A permit for one of the candidates, or why there is none and when to come again.

        Of those that may be called, two are drawn and the one with the smaller share of its limit in use is taken.
        """
        now = self._clock.monotonic()
        lines = self._lines
        free: list[tuple[Line, Key]] = []
        soonest: Held | None = None
        for deployment in candidates:
            line = lines.get(deployment.name)
            if line is None or line.deployment is not deployment:
                line = self._line(deployment, now)
                if line is None:
                    continue
            key = line.key_for(tenant, now)
            if isinstance(key, Key):
                free.append((line, key))
            elif soonest is None or key.retry_after_seconds < soonest.retry_after_seconds:
                soonest = key
        if not free:
            return soonest or _NOT_CALLABLE
        line, key = free[0] if len(free) == 1 else self._lighter(free)
        return Permit(line, tenant, key, now, self._clock, self._drop, self._own_lag)

    def heard(self, endpoint: Endpoint, standing: Standing) -> None:
        """An endpoint says how it is doing: its deployments take as many calls as it suggests, none while it is paused.

        Believed until it says something else; of an endpoint that no deployment has, nothing is remembered.
        """
        address = address_of(endpoint)
        for line in self._lines.values():
            if address_of(line.endpoint) == address:
                line.hear(standing)
                self._note(line)

    def renew_key(self, reference: str) -> None:
        """The key behind a reference has changed: it is as good as new."""
        self._keyring.renew(reference)

    def seconds_until(self, deployment: Deployment, tenant: str) -> float:
        """In how many seconds the tenant may call it, as far as is known: 0 for now, infinite where waiting is vain."""
        now = self._clock.monotonic()
        line = self._line(deployment, now)
        if line is None:
            return math.inf
        if not line.may_be_tried(now):
            return line.closure(now).retry_after_seconds
        return line.seconds_until_a_place(tenant, now)

    def closed_models(self, deployments: Iterable[Deployment]) -> Mapping[str, Closure]:
        """Models none of whose deployments may be tried now: breakers are open, keys rest, endpoints are paused.

        Cause and time are those of the one that may be tried soonest. A momentary lack of places closes nothing.
        Deployments without an endpoint count neither way.
        """
        if not self._troubled and not self._keyring.resting:
            return _NO_MODELS
        now = self._clock.monotonic()
        self._keyring.wake(now)
        shut = {name for name, line in self._lines.items() if not line.may_be_tried(now)}
        if not shut:
            return _NO_MODELS
        suspects = {self._lines[name].deployment.model for name in shut}
        listed = [one for one in deployments if one.model in suspects and one.endpoint is not None]
        tried = {one.model for one in listed if one.name not in shut}
        soonest: dict[str, Closure] = {}
        for one in listed:
            if one.model not in tried:
                why, seconds = self._lines[one.name].closure(now)
                if one.model not in soonest or seconds < soonest[one.model].retry_after_seconds:
                    soonest[one.model] = Closure(_CAUSES[why], seconds)
        return soonest

    def breakers(self) -> Sequence[BreakerState]:
        """The breakers of all deployments, by name."""
        now = self._clock.monotonic()
        return tuple(line.breaker.state(name, now) for name, line in sorted(self._lines.items()))

    def loads(self) -> Sequence[Load]:
        """Calls under way and limits of all deployments, by name."""
        return tuple(
            Load(name, line.limiter.in_flight, line.limiter.limit) for name, line in sorted(self._lines.items())
        )

    def health(self) -> Sequence[DeploymentHealth]:
        """How all deployments do, by name."""
        now = self._clock.monotonic()
        return tuple(health_of(line, now) for _, line in sorted(self._lines.items()))

    def heed_breakers(self, *, on: bool) -> None:
        """Off lets calls pass at every breaker that nobody has forced, those of later deployments too.

        On again, every breaker that lets calls pass decides again, from the beginning.
        """
        self._heeds_breakers = on
        before, after = (BreakerMode.CLOSED, BreakerMode.AUTO) if on else (BreakerMode.AUTO, BreakerMode.CLOSED)
        now = self._clock.monotonic()
        for line in self._lines.values():
            if line.breaker.mode is before:
                line.breaker.force(after, now)

    def force(self, deployment_name: str, mode: BreakerMode) -> None:
        """An operator takes a breaker over, or with AUTO lets it decide again, from the beginning.

        Raises:
            UnknownDeploymentError: none of that name can be called.
        """
        line = self._lines.get(deployment_name)
        if line is None:
            raise UnknownDeploymentError(deployment_name)
        line.breaker.force(mode, self._clock.monotonic())

    def _lighter(self, free: list[tuple[Line, Key]]) -> tuple[Line, Key]:
        # Two different ones in random order, so that of two that are equal each is as likely. (Several times as fast as
        # `Random.sample`.)
        draw, count = self._chance.random, len(free)
        first, second = int(draw() * count), int(draw() * (count - 1))
        one, other = free[first], free[second + (second >= first)]
        if one[0].is_busy != other[0].is_busy:
            return other if one[0].is_busy else one
        mine, theirs = one[0].limiter, other[0].limiter
        return one if mine.in_flight * theirs.limit <= theirs.in_flight * mine.limit else other

    def _line(self, deployment: Deployment, now: float) -> Line | None:
        """The line of a deployment as it is described now; None when it cannot be called from here."""
        endpoint = deployment.endpoint
        if endpoint is None:
            return None
        line = self._lines.get(deployment.name)
        if line is None:
            return self._open_line(deployment, endpoint, now)
        if line.endpoint != endpoint:
            line.describe(deployment, endpoint, self._keyring.keys_of(endpoint))
            self._note(line)
        else:
            line.deployment = deployment
        return line

    def _open_line(self, deployment: Deployment, endpoint: Endpoint, now: float) -> Line:
        keys = self._keyring.keys_of(endpoint)
        changed = partial(self._changed, deployment.name)
        line = Line(deployment, endpoint, keys, rules=self._rules, now=now, on_change=changed)
        # An Ask that was decided under an older catalogue may still call what this one has dropped.
        line.is_dropped = self._kept is not None and deployment.name not in self._kept
        self._lines[deployment.name] = line
        if not self._heeds_breakers:
            line.breaker.force(BreakerMode.CLOSED, now)
        return line

    def _drop(self, line: Line) -> None:
        """The last call of a deployment that the catalogue has dropped has ended."""
        if self._lines.get(line.deployment.name) is line:
            self._forget(line)

    def _forget(self, line: Line) -> None:
        del self._lines[line.deployment.name]
        self._troubled.discard(line.deployment.name)

    def _note(self, line: Line) -> None:
        """Remembers whether anything but its keys may keep a line from being tried."""
        if line.breaker.is_closed and line.takes_calls:
            self._troubled.discard(line.deployment.name)
        else:
            self._troubled.add(line.deployment.name)

    def _changed(self, name: str, before: BreakerPhase) -> None:
        line = self._lines[name]
        self._note(line)
        if self._tell is not None:
            self._tell(BreakerChange(before, line.breaker.state(name, self._clock.monotonic())))


def _never_late() -> float:
    return 0.0
