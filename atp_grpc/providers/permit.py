"""One attempt's place at a deployment, and what the deployment is to the fleet: a line with its own breaker and limits.

The story of Ask holds a permit from before the call until its end and says how that was. It gives everything back
exactly once. Nothing here calls anybody or waits.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Final, NamedTuple

from atp_grpc.domain.clock import Clock
from atp_grpc.domain.endpoint import Endpoint
from atp_grpc.domain.model import Deployment
from atp_grpc.providers.breaker import Breaker, BreakerPhase, BreakerRules
from atp_grpc.providers.bulkhead import Bulkhead
from atp_grpc.providers.contract import Allowance, Blame, FaultKind, ProviderFault
from atp_grpc.providers.keyring import Key, ready_key
from atp_grpc.providers.limiter import Limiter
from atp_grpc.providers.standing import ServingState, Standing

SLOW_SHARE: Final = 0.5
"""A first token later than this share of its time limit makes a call slow."""

LEAST_RETRY_SECONDS, MOST_RETRY_SECONDS = 0.1, 5.0
"""When to come again for a place, at the earliest and at the latest."""

NOT_SERVING_RETRY_SECONDS: Final = 1.0
"""When to come again to an endpoint that takes no calls for now; it does not say how long."""

_FIRST_CALL_SECONDS: Final = 1.0
_CALL_MEMORY: Final = 0.1
_NOT_YET: Final = -1.0
_UNSAID: Final = Standing(ServingState.READY)

_FOR_LOAD: Final = frozenset({FaultKind.RATE_LIMITED, FaultKind.OVERLOADED, FaultKind.TIMEOUT})


class HeldWhy(enum.StrEnum):
    """Why a deployment may not be called now."""

    BREAKER_OPEN = "breaker_open"
    LIMIT_REACHED = "limit_reached"
    TENANT_SHARE_USED = "tenant_share_used"
    """Places are free, but this tenant holds its share of them and others want some."""
    KEYS_RESTING = "keys_resting"
    NOT_SERVING = "not_serving"
    """The endpoint says that it takes no calls, or has not been heard of."""
    NO_ENDPOINT = "no_endpoint"
    """It cannot be called from here at all."""


class Held(NamedTuple):
    """No candidate may be called now. The reason and the time are those of the one that is free soonest.

    The time is infinite when waiting alone does not help.
    """

    why: HeldWhy
    retry_after_seconds: float


def address_of(endpoint: Endpoint) -> tuple[str, str, str]:
    """What makes an endpoint the same one to its caller: language, address and model."""
    return endpoint.dialect, endpoint.base_url, endpoint.model


class Line:
    """What the fleet knows of one deployment."""

    __slots__ = (
        "breaker",
        "bulkhead",
        "call_seconds",
        "deployment",
        "endpoint",
        "failures",
        "first_token_seconds",
        "is_dropped",
        "keys",
        "limiter",
        "slow_seconds",
        "standing",
        "successes",
    )

    def __init__(
        self,
        deployment: Deployment,
        endpoint: Endpoint,
        keys: tuple[Key, ...],
        *,
        rules: BreakerRules,
        now: float,
        on_change: Callable[[BreakerPhase], None],
    ) -> None:
        """The keys are those of the endpoint, which is the deployment's."""
        self.breaker = Breaker(rules, now, on_change)
        self.limiter = Limiter(endpoint.max_in_flight, now)
        self.bulkhead = Bulkhead()
        self.call_seconds = _FIRST_CALL_SECONDS
        self.first_token_seconds: float | None = None
        self.successes = 0
        self.failures: dict[FaultKind, int] = {}
        self.standing = _UNSAID
        self.endpoint = endpoint
        self.is_dropped = False
        self.describe(deployment, endpoint, keys)

    def describe(self, deployment: Deployment, endpoint: Endpoint, keys: tuple[Key, ...]) -> None:
        """The deployment as the catalogue has it now."""
        is_same_place = address_of(self.endpoint) == address_of(endpoint)
        self.deployment, self.endpoint, self.keys = deployment, endpoint, keys
        self.slow_seconds = endpoint.timeouts.first_token * SLOW_SHARE
        self.hear(self.standing if is_same_place else _UNSAID)

    def hear(self, standing: Standing) -> None:
        """How its endpoint says it is doing."""
        self.standing = standing
        bounds = (self.endpoint.max_in_flight, standing.suggested_window, None if standing.state.takes_calls else 0)
        self.limiter.bound(min((bound for bound in bounds if bound is not None), default=None))

    def waited(self, seconds: float) -> None:
        """A first token of a streamed answer took that long."""
        mean = self.first_token_seconds
        self.first_token_seconds = seconds if mean is None else mean + _CALL_MEMORY * (seconds - mean)

    @property
    def takes_calls(self) -> bool:
        """Whether its endpoint lets itself be called, by its own word."""
        return self.standing.state.takes_calls

    @property
    def is_busy(self) -> bool:
        """Whether its endpoint would rather see others called."""
        return self.standing.state is ServingState.BUSY

    def key_for(self, tenant: str, now: float) -> Key | Held:
        """The key that the tenant's next call is made with, or why it may not call now."""
        breaker, limiter = self.breaker, self.limiter
        if not breaker.is_closed and (wait := breaker.wait_seconds(now)) > 0.0:
            return Held(HeldWhy.BREAKER_OPEN, wait)
        free = limiter.limit - limiter.in_flight
        if free <= 0 or not self.bulkhead.may_take(tenant, free, now):
            return self._no_place(tenant, free, now)
        key = ready_key(self.keys, now)
        if key is not None:
            return key
        return self._keyless(now)

    def may_be_tried(self, now: float) -> bool:
        """Whether breaker, endpoint and keys let a call through, be there a place or not."""
        return self.takes_calls and self.breaker.wait_seconds(now) <= 0.0 and ready_key(self.keys, now) is not None

    def seconds_until_a_place(self, tenant: str, now: float) -> float:
        """In how many seconds the tenant may expect a place, 0 for now. Who only asks wants none."""
        free = self.limiter.limit - self.limiter.in_flight
        if free > 0 and self.bulkhead.may_take(tenant, free, now):
            return 0.0
        return self._seconds_until_one_ends()

    def closure(self, now: float) -> Held:
        """What keeps a line that may not be tried away for longest."""
        held = [Held(HeldWhy.BREAKER_OPEN, self.breaker.wait_seconds(now))]
        if not self.takes_calls:
            held.append(Held(HeldWhy.NOT_SERVING, NOT_SERVING_RETRY_SECONDS))
        if ready_key(self.keys, now) is None:
            held.append(self._keyless(now))
        return max(held, key=lambda one: one.retry_after_seconds)

    def _keyless(self, now: float) -> Held:
        return Held(HeldWhy.KEYS_RESTING, min(key.rests_until for key in self.keys) - now)

    def _no_place(self, tenant: str, free: int, now: float) -> Held:
        """The refusal, with the time after which the next call is expected to end (Little's law)."""
        if not self.takes_calls:
            return Held(HeldWhy.NOT_SERVING, NOT_SERVING_RETRY_SECONDS)
        self.bulkhead.refuse(tenant, now)
        why = HeldWhy.LIMIT_REACHED if free <= 0 else HeldWhy.TENANT_SHARE_USED
        return Held(why, self._seconds_until_one_ends())

    def _seconds_until_one_ends(self) -> float:
        expected = self.call_seconds / max(1, self.limiter.in_flight)
        return min(MOST_RETRY_SECONDS, max(LEAST_RETRY_SECONDS, expected))


class Permit:
    """The right to make one call to one deployment with one key.

    Exactly one of `succeeded`, `failed` and `abandoned` ends it; whatever is said afterwards changes nothing.
    """

    __slots__ = (
        "_admitted",
        "_beside",
        "_clock",
        "_epoch",
        "_is_open",
        "_key",
        "_line",
        "_on_dropped",
        "_own_lag",
        "_taken",
        "_tenant",
        "_waited",
        "deployment",
        "endpoint",
        "key_reference",
    )

    def __init__(
        self,
        line: Line,
        tenant: str,
        key: Key,
        now: float,
        clock: Clock,
        on_dropped: Callable[[Line], None],
        own_lag: Callable[[], float],
    ) -> None:
        """Takes a place on a line that is not held for the tenant, with a key of it that does not rest."""
        self.deployment = line.deployment
        self.endpoint = line.endpoint
        self.key_reference = key.reference
        self._line = line
        self._tenant = tenant
        self._key = key
        self._admitted = now
        self._clock = clock
        self._on_dropped = on_dropped
        self._own_lag = own_lag
        self._waited = _NOT_YET
        self._is_open = True
        self._epoch = line.breaker.begin()
        self._beside = line.limiter.take()
        line.bulkhead.take(tenant)
        key.take(now)
        self._taken = key.taken

    def first_token(self) -> None:
        """The first token of a streamed answer is here. Not for an answer that comes whole: it tells no such time."""
        if self._is_open and self._waited == _NOT_YET:
            line, now = self._line, self._clock.monotonic()
            waited = now - self._admitted
            if waited > line.slow_seconds:
                # While this server stood still it may have lain here for all to see.
                waited = max(0.0, waited - self._own_lag())
            self._waited = waited
            line.limiter.first_token(self._admitted, self._beside, now)
            line.waited(waited)

    def allowed(self, allowance: Allowance) -> None:
        """The provider said what is left for the key, in its answer to this call."""
        self._key.allowed(allowance, self._taken, self._clock.monotonic())

    def succeeded(self) -> None:
        """The answer is complete."""
        if not self._is_open:
            return
        line, now = self._line, self._clock.monotonic()
        line.breaker.succeeded(self._epoch, now, is_slow=self._waited > line.slow_seconds)
        line.call_seconds += _CALL_MEMORY * (now - self._admitted - line.call_seconds)
        line.successes += 1
        self._key.succeeded()
        self._end(line)

    def failed(self, fault: ProviderFault) -> None:
        """The call failed."""
        if not self._is_open:
            return
        line, now = self._line, self._clock.monotonic()
        line.failures[fault.kind] = line.failures.get(fault.kind, 0) + 1
        if fault.kind in _FOR_LOAD:
            line.limiter.refused(self._admitted, now)
        if fault.blame is Blame.PROVIDER:
            line.breaker.failed(self._epoch, now, fault.kind, retry_after_seconds=fault.retry_after_seconds or 0.0)
        else:
            line.breaker.said_nothing(self._epoch)
        if fault.blame is Blame.KEY:
            self._key.faulted(fault, self._admitted, now)
        self._end(line)

    def abandoned(self) -> None:
        """The caller left, or the call lost a race: that says nothing about the deployment."""
        if self._is_open:
            self._line.breaker.said_nothing(self._epoch)
            self._end(self._line)

    def _end(self, line: Line) -> None:
        self._is_open = False
        line.limiter.give_back()
        line.bulkhead.give_back(self._tenant)
        self._key.give_back()
        if line.is_dropped and not line.limiter.in_flight:
            self._on_dropped(line)
