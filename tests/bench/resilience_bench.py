"""What an Ask pays for being careful: a permit (breaker, limit, tenant's share, key), its end, and the retry budget.

In a loop of its own, so with warm caches. Sixteen calls are under way all the time, at two deployments.
`python -m tests.bench.resilience_bench` prints the table of worlds of `docs/resilience.md`.
"""

from __future__ import annotations

import statistics
import time
from collections import deque
from collections.abc import Callable
from random import Random
from typing import Final

from atp_grpc.domain.clock import SystemClock
from atp_grpc.domain.endpoint import Dialect, Endpoint
from atp_grpc.domain.model import Deployment
from atp_grpc.providers.contract import FaultKind, ProviderFault
from atp_grpc.providers.fleet import Fleet, Permit
from atp_grpc.providers.retrying import RetryBudgets, Wait, next_try
from tests.unit.providers.limiter import test_worlds as worlds
from tests.unit.providers.limiter.world import World

ROUNDS, CALLS, WARM_CALLS, UNDER_WAY = 5, 20_000, 2_000, 16

ASK_MICROS: Final = 600.0
"""CPU of a whole Ask that is the goal."""

TENANTS: Final = ("acme", "umbrella")
DEPLOYMENTS: Final = tuple(
    Deployment(
        name,
        "model",
        "provider",
        (),
        endpoint=Endpoint(Dialect.OPENAI, f"https://{name}.example/v1", "model", ("env:ONE", "env:TWO")),
    )
    for name in ("east", "west")
)


def rows() -> list[dict[str, object]]:
    """`resilience`: an Ask whose first attempt succeeds. `resilience.failover`: the first of two attempts fails."""
    return [_row("resilience", _micros(_succeeds)), _row("resilience.failover", _micros(_fails_over))]


def main() -> None:
    """Prints, in Markdown, how a limit follows a deployment that becomes slow and fast again."""
    print("| slots | phase | mean limit / slots: median, worst | highest limit / slots | least throughput / capacity |")
    print("| --- | --- | --- | --- | --- |")
    for slots in (6, 10, 20, 30, 50):
        rate = 1.5 * slots / worlds.FAST_SECONDS
        runs = [
            World(slots, worlds.step, rate, spread=spread, seed=seed).run(worlds.END)
            for spread in (0.0, 0.5, 0.9)
            for seed in range(10)
        ]
        for name, since, until, seconds in worlds.PHASES:
            limits = [world.limits(since, until) for world in runs]
            means = [statistics.mean(one) / slots for one in limits]
            highest = max(map(max, limits)) / slots
            used = min(world.per_second(since, until) * seconds / slots for world in runs)
            row = (
                f"| {slots} | {name} | {statistics.median(means):.1f}, {max(means):.1f} | {highest:.1f} | {used:.2f} |"
            )
            print(row)


class _Scene:
    def __init__(self) -> None:
        self.chance = Random(1)
        self.fleet = Fleet(clock=SystemClock(), chance=self.chance)
        self.fleet.keep(DEPLOYMENTS)
        self.budgets = RetryBudgets()
        self.under_way = deque(self.admit(TENANTS[0]) for _ in range(UNDER_WAY))

    def admit(self, tenant: str) -> Permit:
        permit = self.fleet.admit(DEPLOYMENTS, tenant)
        if not isinstance(permit, Permit):
            raise TypeError(permit)
        return permit


def _succeeds(scene: _Scene, tenant: str) -> None:
    scene.fleet.closed_models(DEPLOYMENTS)
    scene.under_way.append(scene.admit(tenant))
    permit = scene.under_way.popleft()
    permit.first_token()
    permit.succeeded()
    scene.budgets.succeeded(tenant)


def _fails_over(scene: _Scene, tenant: str) -> None:
    fault = ProviderFault(FaultKind.CONTEXT_LENGTH)
    scene.admit(tenant).failed(fault)
    draw = scene.chance.random()
    answer = next_try(fault, attempts_made=1, seconds_left=60.0, has_elsewhere=True, draw=draw)
    if isinstance(answer, Wait):
        scene.budgets.spend(tenant, answer.where)
    _succeeds(scene, tenant)


def _micros(ask: Callable[[_Scene, str], None]) -> float:
    """The best of some rounds, CPU of this thread."""
    scene = _Scene()

    def drive(calls: int) -> float:
        started = time.thread_time()
        for call in range(calls):
            ask(scene, TENANTS[call % 2])
        return (time.thread_time() - started) / calls * 1e6

    drive(WARM_CALLS)
    return min(drive(CALLS) for _ in range(ROUNDS))


def _row(name: str, micros: float) -> dict[str, object]:
    return {
        "name": name,
        "value": micros,
        "unit": "us CPU per Ask",
        "baseline": "goal of a whole Ask",
        "baseline_value": ASK_MICROS,
        "ratio": micros / ASK_MICROS,
        "n": ROUNDS * CALLS,
        "command": "make bench ONLY=resilience",
    }


if __name__ == "__main__":
    main()
