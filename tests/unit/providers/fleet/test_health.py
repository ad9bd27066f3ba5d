"""What operators see of the fleet, and how they let calls pass at every breaker."""

from __future__ import annotations

from atp_grpc.providers.breaker import BreakerMode, BreakerPhase
from atp_grpc.providers.contract import FaultKind, ProviderFault
from atp_grpc.providers.fleet import Held
from tests.unit.providers.fleet.examples import Scene, deployment


def test_every_end_of_an_attempt_is_counted_once_and_leaving_counts_nothing() -> None:
    scene = Scene(deployment("alpha", keys=("env:A", "env:B")), deployment("beta", is_callable=False))
    scene.admit().succeeded()
    for kind in (FaultKind.CUT, FaultKind.CUT, FaultKind.RATE_LIMITED):
        permit = scene.admit()
        permit.failed(ProviderFault(kind, retry_after_seconds=5.0))
        permit.failed(ProviderFault(kind))
    scene.admit().abandoned()
    held = scene.admit()
    [health] = scene.fleet.health()
    assert health.deployment.name == "alpha"
    assert (health.total_succeeded, health.total_failed) == (1, {FaultKind.CUT: 2, FaultKind.RATE_LIMITED: 1})
    assert (health.in_flight, health.keys_ready, health.keys_resting) == (1, 1, 1)
    held.abandoned()


def test_the_time_to_the_first_token_is_a_moving_mean_of_streamed_answers() -> None:
    scene = Scene(deployment())
    assert scene.fleet.health()[0].first_token_seconds is None
    for seconds, expected in ((1.0, 1.0), (2.0, 1.1)):
        permit = scene.admit()
        scene.clock.advance(seconds)
        permit.first_token()
        permit.first_token()
        permit.succeeded()
        mean = scene.fleet.health()[0].first_token_seconds
        assert mean is not None
        assert abs(mean - expected) < 1e-9


def test_with_breakers_off_calls_pass_whatever_became_of_those_before() -> None:
    scene = Scene(deployment("alpha"), deployment("beta"))
    alpha = [scene.deployments[0]]
    scene.fleet.force("beta", BreakerMode.OPEN)
    scene.fleet.heed_breakers(on=False)
    for _ in range(10):
        scene.admit(among=alpha).failed(ProviderFault(FaultKind.UNAVAILABLE))
    scene.admit(among=alpha).abandoned()
    assert isinstance(scene.fleet.admit([scene.deployments[1]], "acme"), Held), "an operator holds it open"
    later = deployment("gamma")
    scene.fleet.keep([*scene.deployments, later])
    modes = {state.deployment: state.mode for state in scene.fleet.breakers()}
    assert modes == {"alpha": BreakerMode.CLOSED, "beta": BreakerMode.OPEN, "gamma": BreakerMode.CLOSED}

    scene.fleet.heed_breakers(on=True)
    for _ in range(5):
        scene.admit(among=alpha).failed(ProviderFault(FaultKind.UNAVAILABLE))
    phases = {state.deployment: (state.mode, state.phase) for state in scene.fleet.breakers()}
    assert phases["alpha"] == (BreakerMode.AUTO, BreakerPhase.OPEN)
    assert phases["beta"] == (BreakerMode.OPEN, BreakerPhase.OPEN)
    assert phases["gamma"] == (BreakerMode.AUTO, BreakerPhase.CLOSED)
