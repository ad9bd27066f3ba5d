"""A fleet under any order of events: never one call too many, and in the end everything is back."""

from __future__ import annotations

from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from atp_grpc.domain.model import Deployment
from atp_grpc.providers.breaker import BreakerMode
from atp_grpc.providers.contract import Allowance, FaultKind, ProviderFault
from atp_grpc.providers.fleet import Held, Permit
from atp_grpc.providers.keyring import Key
from atp_grpc.providers.standing import ServingState, Standing
from tests.unit.providers.fleet.examples import Scene, deployment

MOST = {"alpha": 3, "beta": 5, "gamma": 1}
TENANTS = ["acme", "umbrella", "initech"]


def offered(name: str) -> Deployment:
    return deployment(name, most=MOST[name], keys=("env:A", "env:B"), host="shared")


class OneFleet(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.scene = Scene(*(offered(name) for name in MOST))
        self.permits: list[tuple[str, Permit]] = []

    @rule(tenant=st.sampled_from(TENANTS), times=st.integers(1, 6))
    def admit(self, tenant: str, times: int) -> None:
        for _ in range(times):
            before = self.scene.in_flight()
            answer = self.scene.fleet.admit(self.scene.deployments, tenant)
            if isinstance(answer, Held):
                assert answer.retry_after_seconds > 0.0
                assert self.scene.in_flight() == before
                continue
            self.permits.append((tenant, answer))
            [load] = [one for one in self.scene.fleet.loads() if one.deployment == answer.deployment.name]
            assert load.in_flight <= load.limit <= MOST[answer.deployment.name]

    @precondition(lambda self: self.permits)
    @rule(data=st.data(), kind=st.one_of(st.none(), st.sampled_from(FaultKind)), twice=st.booleans())
    def end(self, data: st.DataObject, kind: FaultKind | None, twice: bool) -> None:
        _, permit = self.permits.pop(data.draw(st.integers(0, len(self.permits) - 1)))
        for _ in range(1 + twice):
            if kind is None:
                permit.first_token()
                permit.succeeded()
            elif kind is FaultKind.CONTENT_REFUSED:
                permit.abandoned()
            else:
                permit.failed(ProviderFault(kind, retry_after_seconds=data.draw(st.sampled_from([None, 3.0]))))

    @precondition(lambda self: self.permits)
    @rule(data=st.data(), left=st.integers(0, 3))
    def allow(self, data: st.DataObject, left: int) -> None:
        _, permit = data.draw(st.sampled_from(self.permits))
        permit.allowed(Allowance(requests_left=left, reset_seconds=20.0))

    @rule(seconds=st.sampled_from([0.1, 1.0, 60.0, 4000.0]))
    def wait(self, seconds: float) -> None:
        self.scene.clock.advance(seconds)

    @rule(name=st.sampled_from(list(MOST)), mode=st.sampled_from(BreakerMode))
    def force(self, name: str, mode: BreakerMode) -> None:
        if name in self.scene.in_flight():
            self.scene.fleet.force(name, mode)

    @rule(names=st.sets(st.sampled_from(list(MOST))))
    def keep(self, names: set[str]) -> None:
        self.scene.deployments = [offered(name) for name in sorted(names)]
        self.scene.fleet.keep(self.scene.deployments)

    @rule(state=st.sampled_from(ServingState), window=st.one_of(st.none(), st.integers(0, 6)))
    def hear(self, state: ServingState, window: int | None) -> None:
        for one in self.scene.deployments:
            assert one.endpoint is not None
            self.scene.fleet.heard(one.endpoint, Standing(state, window))

    @invariant()
    def what_is_held_is_what_was_taken(self) -> None:
        taken = Counter(permit.deployment.name for _, permit in self.permits)
        loads = self.scene.in_flight()
        assert taken <= Counter(loads)
        assert all(loads[name] == taken[name] for name in loads)

    @invariant()
    def a_model_is_closed_when_nobody_may_be_tried(self) -> None:
        now = self.scene.clock.monotonic()
        lines = [self.scene.fleet._lines[one.name] for one in self.scene.deployments]
        is_closed = bool(lines) and not any(line.may_be_tried(now) for line in lines)
        assert self.scene.closed() == (frozenset({"m"}) if is_closed else frozenset())

    def teardown(self) -> None:
        lines = list(self.scene.fleet._lines.values())
        keys: set[Key] = {permit._key for _, permit in self.permits}
        for _, permit in self.permits:
            permit.abandoned()
        assert not any(self.scene.in_flight().values())
        assert not any(key.in_flight for key in keys)
        assert not any(line.bulkhead._held for line in lines)


TestOneFleet = OneFleet.TestCase
TestOneFleet.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
