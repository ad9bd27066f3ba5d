"""What each fault does to a deployment, its keys and its places: a table, and the stories behind it."""

from __future__ import annotations

import pytest

from atp_grpc.providers.breaker import BreakerPhase
from atp_grpc.providers.contract import VERDICTS, Blame, FaultKind, ProviderFault
from atp_grpc.providers.fleet import HeldWhy
from tests.unit.providers.fleet.examples import FIRST_TOKEN_SECONDS, Scene, deployment


def of(blame: Blame) -> list[FaultKind]:
    return [kind for kind, verdict in VERDICTS.items() if verdict.blame is blame]


@pytest.mark.parametrize("kind", of(Blame.PROVIDER))
def test_five_faults_of_the_provider_open_the_breaker_even_after_a_first_token(kind: FaultKind) -> None:
    scene = Scene(deployment())

    for _ in range(5):
        permit = scene.admit()
        permit.first_token()
        permit.failed(ProviderFault(kind))

    assert scene.held().why is HeldWhy.BREAKER_OPEN
    assert scene.held().retry_after_seconds == 60.0
    assert [(change.before, change.now.phase, change.now.cause) for change in scene.changes] == [
        (BreakerPhase.CLOSED, BreakerPhase.OPEN, kind)
    ]


@pytest.mark.parametrize("kind", of(Blame.CALLER))
def test_a_tenant_whose_requests_are_wrong_ejects_nobody(kind: FaultKind) -> None:
    scene = Scene(deployment(most=10))

    scene.fail(kind, 1_000, tenant="bad")

    scene.admit("good").succeeded()
    state = scene.fleet.breakers()[0]
    assert (state.phase, state.failures_in_row, state.failed) == (BreakerPhase.CLOSED, 0, 0)
    assert scene.fleet.loads()[0].limit == 10


@pytest.mark.parametrize(
    ("kind", "rests"), [(FaultKind.RATE_LIMITED, 1.0), (FaultKind.QUOTA_SPENT, 600.0), (FaultKind.KEY_REFUSED, 3600.0)]
)
def test_a_fault_of_a_key_rests_the_key_and_never_opens_the_breaker(kind: FaultKind, rests: float) -> None:
    scene = Scene(deployment(keys=tuple(f"env:KEY_{number}" for number in range(20))))

    scene.fail(kind, 20)

    assert scene.held().why is HeldWhy.KEYS_RESTING
    assert scene.held().retry_after_seconds == rests
    assert scene.fleet.breakers()[0].phase is BreakerPhase.CLOSED
    scene.clock.advance(rests)
    scene.admit().succeeded()


def test_one_deployments_outage_opens_its_own_breaker_only() -> None:
    down, up = deployment("down"), deployment("up")
    scene = Scene(down, up)

    for _ in range(5):
        scene.admit(among=[down]).failed(ProviderFault(FaultKind.UNAVAILABLE))

    assert {scene.admit().deployment.name for _ in range(50)} == {"up"}


def test_answers_whose_first_token_is_late_open_the_breaker_though_they_finish() -> None:
    scene = Scene(deployment())

    permits = [scene.admit() for _ in range(20)]
    scene.clock.advance(FIRST_TOKEN_SECONDS * 0.6)
    for permit in permits:
        permit.first_token()
        permit.succeeded()

    assert scene.why() is HeldWhy.BREAKER_OPEN


@pytest.mark.parametrize(("lag", "slow"), [(0.0, 1), (0.1, 1), (0.5, 0), (9.0, 0)])
def test_a_call_is_not_slow_for_as_long_as_this_process_was_late(lag: float, slow: int) -> None:
    scene = Scene(deployment("a"))
    scene.fleet.heed_lag(lambda: lag * FIRST_TOKEN_SECONDS)
    permit = scene.admit()
    scene.clock.advance(0.7 * FIRST_TOKEN_SECONDS)
    permit.first_token()
    permit.succeeded()
    assert scene.fleet.breakers()[0].slow == slow


def test_a_long_answer_with_an_early_first_token_is_not_slow() -> None:
    scene = Scene(deployment())

    permits = [scene.admit() for _ in range(50)]
    for permit in permits:
        permit.first_token()
    scene.clock.advance(300.0)
    for permit in permits:
        permit.succeeded()

    assert scene.fleet.breakers()[0].slow == 0


def test_half_open_lets_a_bounded_number_of_probes_through_and_recovers() -> None:
    scene = Scene(deployment())
    scene.fail(FaultKind.CUT, 5)
    scene.clock.advance(60.0)

    for probes in (1, 2):
        permits = [scene.admit() for _ in range(probes)]
        assert scene.why() is HeldWhy.BREAKER_OPEN
        for permit in permits:
            permit.succeeded()

    assert [change.now.phase for change in scene.changes] == [
        BreakerPhase.OPEN,
        BreakerPhase.HALF_OPEN,
        BreakerPhase.CLOSED,
    ]
    assert scene.in_flight() == {"alpha": 0}


@pytest.mark.parametrize("kind", [None, *of(Blame.CALLER), *of(Blame.KEY)])
def test_a_probe_that_ends_without_saying_anything_does_not_block_the_next(kind: FaultKind | None) -> None:
    scene = Scene(deployment(keys=("env:A", "env:B")))
    scene.fail(FaultKind.CUT, 5)
    scene.clock.advance(60.0)

    probe = scene.admit()
    if kind is None:
        probe.abandoned()
    else:
        probe.failed(ProviderFault(kind))

    scene.admit().succeeded()


@pytest.mark.parametrize("kind", [FaultKind.RATE_LIMITED, FaultKind.OVERLOADED, FaultKind.TIMEOUT])
def test_refusals_for_load_lower_the_limit(kind: FaultKind) -> None:
    scene = Scene(deployment(most=100))

    scene.fail(kind)

    assert scene.fleet.loads()[0].limit == 70
