"""Deployments and a fleet for the tests."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from atp_grpc.domain.clock import ManualClock
from atp_grpc.domain.endpoint import Dialect, Endpoint, Timeouts
from atp_grpc.domain.model import Deployment
from atp_grpc.providers.breaker import BreakerRules
from atp_grpc.providers.contract import FaultKind, ProviderFault
from atp_grpc.providers.fleet import BreakerChange, Fleet, Held, HeldWhy, Permit

__all__ = ["Scene", "deployment"]

FIRST_TOKEN_SECONDS = 30.0


def deployment(
    name: str = "alpha",
    *,
    model: str = "m",
    most: int | None = None,
    keys: tuple[str, ...] = ("env:KEY",),
    host: str = "",
    is_callable: bool = True,
) -> Deployment:
    endpoint = Endpoint(
        Dialect.OPENAI,
        f"https://{host or name}.test/v1",
        model,
        keys,
        timeouts=Timeouts(first_token=FIRST_TOKEN_SECONDS),
        max_in_flight=most,
    )
    return Deployment(name, model, "provider", (), endpoint=endpoint if is_callable else None)


class Scene:
    """A fleet, its clock, and what it told about breakers."""

    def __init__(self, *deployments: Deployment, seed: int = 1) -> None:
        self.clock = ManualClock()
        self.changes: list[BreakerChange] = []
        self.deployments: Sequence[Deployment] = deployments
        self.fleet = Fleet(clock=self.clock, chance=Random(seed), rules=BreakerRules(), on_change=self.changes.append)
        self.fleet.keep(deployments)

    def admit(self, tenant: str = "acme", among: Sequence[Deployment] | None = None) -> Permit:
        answer = self.fleet.admit(self.deployments if among is None else among, tenant)
        assert isinstance(answer, Permit), answer
        return answer

    def held(self, tenant: str = "acme", among: Sequence[Deployment] | None = None) -> Held:
        answer = self.fleet.admit(self.deployments if among is None else among, tenant)
        assert isinstance(answer, Held), answer
        return answer

    def why(self, tenant: str = "acme") -> HeldWhy:
        return self.held(tenant).why

    def fail(self, kind: FaultKind, times: int = 1, *, tenant: str = "acme", after: float | None = None) -> None:
        for _ in range(times):
            self.admit(tenant).failed(ProviderFault(kind, retry_after_seconds=after))

    def in_flight(self) -> dict[str, int]:
        return {load.deployment: load.in_flight for load in self.fleet.loads()}

    def closed(self) -> frozenset[str]:
        return frozenset(self.fleet.closed_models(self.deployments))
