"""What is injected now, at every target: operators set and stop it, targets look here.

One object for each process, made by `app`. It is inert until rules are set, and they cannot be set where the
configuration does not allow it. It never decides by itself to inject anything, and never outlives its process.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from random import Random

from atp_grpc.chaos.rules import ChaosFault, ChaosRule, ChaosTarget
from atp_grpc.chaos.site import Counted, Site
from atp_grpc.domain.errors import ChaosForbiddenError

ALLOWING_SETTING = "chaos.allowed"


class InjectedFault(Exception):
    """A fault that was injected where a target has no error of its own for it."""


class Chaos:
    """The faults of one process. Each target is None while no rule stands for it."""

    def __init__(
        self,
        *,
        is_allowed: bool,
        draw_seed: Callable[[], int],
        on_injected: Callable[[ChaosRule, bool], None],
    ) -> None:
        """`draw_seed` is asked where an operator names no seed; `on_injected` hears of each fault, as from a site."""
        self.is_allowed = is_allowed
        self.provider: Site | None = None
        self.edge: Site | None = None
        self.store: Site | None = None
        self.background: Site | None = None
        self.injected: Counter[tuple[ChaosTarget, ChaosFault]] = Counter()
        """Faults injected since the process started; never falls."""
        self._draw_seed = draw_seed
        self._on_injected = on_injected

    def set(self, target: ChaosTarget, rules: Sequence[ChaosRule], seed: int | None = None) -> None:
        """Replaces the rules of one target; none stops it. Counts of rules begin anew.

        Raises:
            ChaosForbiddenError: rules are given, and the configuration does not allow them.
        """
        if rules and not self.is_allowed:
            raise ChaosForbiddenError(ALLOWING_SETTING)
        chance = Random(self._draw_seed() if seed is None else seed)  # noqa: S311 - chance that can be repeated
        site = Site(rules, chance, self._count) if rules else None
        setattr(self, target.value, site)

    def stop(self) -> None:
        """Stops everything."""
        for target in ChaosTarget:
            self.set(target, ())

    def counted(self) -> tuple[Counted, ...]:
        """The rules in force, target by target."""
        sites = (self.provider, self.edge, self.store, self.background)
        return tuple(counted for site in sites if site is not None for counted in site.counted)

    async def sleep(self, seconds: float) -> None:
        """Sleeps, and then the background may be struck: for tasks that take a function to sleep with.

        Raises:
            InjectedFault: it is.
        """
        await asyncio.sleep(seconds)
        if self.background is not None:
            await _strike_background(self.background)

    def _count(self, rule: ChaosRule, is_first: bool) -> None:  # noqa: FBT001 - as the site tells it
        self.injected[rule.target, rule.fault] += 1
        self._on_injected(rule, is_first)


def beset(chaos: Chaos, work: Callable[[], Awaitable[object]]) -> Callable[[], Coroutine[object, object, None]]:
    """Work of a task beside the calls, which the background's rules may strike each time before it is done.

    A fault ends the task as any fault that nobody foresaw does.
    """

    async def done() -> None:
        if chaos.background is not None:
            await _strike_background(chaos.background)
        await work()

    return done


async def _strike_background(site: Site) -> None:
    if (strike := site.strike()) is None:
        return
    await asyncio.sleep(strike.delay_seconds)
    if strike.fault is not None:
        raise InjectedFault
