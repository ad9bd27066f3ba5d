"""Deployments that come, go and change, and endpoints that say how they are doing."""

from __future__ import annotations

from dataclasses import replace

from atp_grpc.domain.endpoint import Dialect, Endpoint
from atp_grpc.providers.breaker import BreakerMode
from atp_grpc.providers.contract import FaultKind, ProviderFault
from atp_grpc.providers.fleet import HeldWhy
from atp_grpc.providers.standing import ServingState, Standing
from tests.unit.providers.fleet.examples import Scene, deployment

CUT = ProviderFault(FaultKind.CUT)


def test_what_the_catalogue_drops_is_forgotten_and_begins_anew() -> None:
    alpha, beta = deployment("alpha"), deployment("beta")
    scene = Scene(alpha, beta)
    scene.fail(FaultKind.RATE_LIMITED, 2, after=100.0)
    for name in ("alpha", "beta"):
        scene.fleet.force(name, BreakerMode.OPEN)

    scene.fleet.keep([beta])
    assert [state.deployment for state in scene.fleet.breakers()] == ["beta"]
    scene.fleet.keep([alpha, beta])

    scene.admit(among=[alpha])
    assert scene.held(among=[beta]).why is HeldWhy.BREAKER_OPEN


def test_a_dropped_deployment_keeps_its_limit_until_its_last_call_has_ended() -> None:
    alpha = deployment(most=1)
    scene = Scene(alpha)
    permit = scene.admit()

    scene.fleet.keep([])
    scene.fleet.keep([alpha])
    assert scene.why() is HeldWhy.LIMIT_REACHED

    scene.fleet.keep([])
    permit.succeeded()
    assert scene.fleet.loads() == ()


def test_a_changed_endpoint_takes_effect_at_once_and_the_breaker_stays() -> None:
    alpha = deployment(most=5)
    scene = Scene(alpha)
    scene.fail(FaultKind.CUT, 4)
    assert alpha.endpoint is not None
    narrow = replace(alpha, endpoint=replace(alpha.endpoint, max_in_flight=1, keys=("env:NEW",)))

    scene.fleet.keep([narrow])
    permit = scene.admit(among=[narrow])

    assert permit.key_reference == "env:NEW"
    assert scene.held(among=[narrow]).why is HeldWhy.LIMIT_REACHED
    permit.failed(CUT)
    assert scene.held(among=[narrow]).why is HeldWhy.BREAKER_OPEN


def test_an_endpoint_that_pauses_is_not_called_and_one_that_is_busy_only_alone() -> None:
    calm, busy = deployment("calm"), deployment("busy")
    scene = Scene(calm, busy)
    assert calm.endpoint is not None
    assert busy.endpoint is not None
    scene.fleet.heard(busy.endpoint, Standing(ServingState.BUSY))
    assert {scene.admit().deployment.name for _ in range(30)} == {"calm"}

    scene.fleet.heard(calm.endpoint, Standing(ServingState.PAUSED))
    assert scene.admit().deployment.name == "busy"
    scene.fleet.heard(busy.endpoint, Standing(ServingState.AWAY))
    assert scene.held() == (HeldWhy.NOT_SERVING, 1.0)
    assert scene.closed() == {"m"}

    scene.fleet.heard(calm.endpoint, Standing(ServingState.READY))
    assert scene.closed() == frozenset()
    scene.admit()


def test_an_endpoint_suggests_a_window_within_the_operators() -> None:
    alpha = deployment(most=4)
    scene = Scene(alpha)
    assert alpha.endpoint is not None

    for suggested, limit in ((2, 2), (9, 4), (None, 4)):
        scene.fleet.heard(alpha.endpoint, Standing(ServingState.READY, suggested))
        assert scene.fleet.loads()[0].limit == limit


def test_what_an_endpoint_said_holds_through_a_reload_but_not_for_another_address() -> None:
    alpha = deployment()
    scene = Scene(alpha)
    assert alpha.endpoint is not None
    scene.fleet.heard(alpha.endpoint, Standing(ServingState.PAUSED))

    same = replace(alpha, endpoint=replace(alpha.endpoint, max_in_flight=9))
    scene.fleet.keep([same])
    assert scene.held(among=[same]).why is HeldWhy.NOT_SERVING

    moved = replace(alpha, endpoint=replace(alpha.endpoint, base_url="https://moved.test/v1"))
    scene.fleet.keep([moved])
    scene.admit(among=[moved])


def test_a_word_of_an_endpoint_that_nobody_has_is_no_matter() -> None:
    scene = Scene(deployment())

    scene.fleet.heard(Endpoint(Dialect.REMOTE, "elsewhere:1"), Standing(ServingState.AWAY))

    scene.admit()


def test_an_older_catalogue_brings_no_dropped_deployment_back_for_longer_than_its_call() -> None:
    scene = Scene(deployment())
    scene.fleet.keep(())

    permit = scene.admit()
    assert scene.in_flight() == {"alpha": 1}
    permit.succeeded()
    assert scene.in_flight() == {}
