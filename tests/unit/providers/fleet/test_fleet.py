"""Who is admitted where, and that everything is given back."""

from __future__ import annotations

import math
from collections import Counter

import pytest

from atp_grpc.domain.decision import RefusalCause
from atp_grpc.providers.breaker import BreakerMode, BreakerPhase
from atp_grpc.providers.contract import Allowance, FaultKind, ProviderFault
from atp_grpc.providers.fleet import HeldWhy, Permit, UnknownDeploymentError
from atp_grpc.providers.standing import ServingState, Standing
from tests.unit.providers.fleet.examples import Scene, deployment

CUT = ProviderFault(FaultKind.CUT)
ENDERS = {
    "succeeded": Permit.succeeded,
    "failed": lambda permit: permit.failed(CUT),
    "abandoned": Permit.abandoned,
}


@pytest.mark.parametrize("first", ENDERS)
@pytest.mark.parametrize("second", ENDERS)
def test_a_permit_ends_once_and_what_is_said_later_changes_nothing(first: str, second: str) -> None:
    scene = Scene(deployment())
    bystander, permit = scene.admit(), scene.admit()
    ENDERS[first](permit)
    before = scene.fleet.breakers()

    for _ in range(9):
        ENDERS[second](permit)
        permit.first_token()

    assert scene.fleet.breakers() == before
    assert scene.in_flight() == {"alpha": 1}
    bystander.succeeded()
    assert scene.in_flight() == {"alpha": 0}


def test_a_permit_names_the_deployment_its_endpoint_and_a_key() -> None:
    alpha = deployment(keys=("env:ONE",))

    permit = Scene(alpha).admit()

    assert (permit.deployment, permit.endpoint, permit.key_reference) == (alpha, alpha.endpoint, "env:ONE")


def test_an_endpoint_without_keys_is_called_with_none() -> None:
    assert Scene(deployment(keys=())).admit().key_reference == ""


def test_no_more_calls_are_under_way_than_the_operator_allows() -> None:
    scene = Scene(deployment(most=3))
    permits = [scene.admit() for _ in range(3)]

    assert scene.why() is HeldWhy.LIMIT_REACHED
    assert 0.1 <= scene.held().retry_after_seconds <= 5.0
    permits[0].abandoned()
    scene.admit()


def test_of_two_deployments_the_one_with_more_room_for_its_size_is_taken() -> None:
    small, large = deployment("small", most=10), deployment("large", most=30)
    scene = Scene(small, large)

    for _ in range(20):
        scene.admit()

    assert scene.in_flight() == {"small": 5, "large": 15}


def test_of_many_deployments_none_is_left_out_or_overrun() -> None:
    scene = Scene(*(deployment(f"d{number}", most=100) for number in range(8)))

    for _ in range(400):
        scene.admit()

    loads = list(scene.in_flight().values())
    assert min(loads) >= 40
    assert max(loads) <= 60


def test_equal_deployments_are_drawn_alike() -> None:
    scene = Scene(deployment("one"), deployment("other"))
    taken: Counter[str] = Counter()
    for _ in range(1_000):
        permit = scene.admit()
        taken[permit.deployment.name] += 1
        permit.succeeded()

    assert 400 <= taken["one"] <= 600


def test_the_refusal_is_that_of_the_candidate_that_is_free_soonest() -> None:
    broken, full = deployment("broken"), deployment("full", most=1)
    scene = Scene(broken, full)
    for _ in range(5):
        scene.admit(among=[broken]).failed(CUT)
    scene.admit(among=[full])

    assert scene.held().why is HeldWhy.LIMIT_REACHED


@pytest.mark.parametrize("among", [(), (deployment(is_callable=False),)])
def test_whom_nobody_can_call_is_refused_for_ever(among: tuple[()]) -> None:
    held = Scene().held(among=among)

    assert (held.why, held.retry_after_seconds) == (HeldWhy.NO_ENDPOINT, math.inf)


def test_a_tenant_alone_may_take_every_place_and_leaves_some_once_others_come() -> None:
    scene = Scene(deployment(most=30))
    greedy = [scene.admit("greedy") for _ in range(30)]
    assert scene.why("late") is HeldWhy.LIMIT_REACHED

    for permit in greedy[:3]:
        permit.succeeded()
    assert scene.why("greedy") is HeldWhy.TENANT_SHARE_USED
    scene.admit("late")

    for permit in greedy[3:]:
        permit.succeeded()
    taken = 0
    while isinstance(scene.fleet.admit(scene.deployments, "greedy"), Permit):
        taken += 1
    assert taken == 20
    scene.admit("late")
    scene.admit("third")


def test_a_refused_tenant_that_does_not_come_again_is_forgotten() -> None:
    scene = Scene(deployment(most=10))
    permits = [scene.admit("greedy") for _ in range(10)]
    assert scene.why("gone") is HeldWhy.LIMIT_REACHED
    permits[0].succeeded()
    assert scene.why("greedy") is HeldWhy.TENANT_SHARE_USED

    scene.clock.advance(10.0)

    scene.admit("greedy")


def test_asking_when_a_place_is_free_makes_nobody_want_one() -> None:
    scene = Scene(deployment(most=4))
    permits = [scene.admit() for _ in range(4)]
    assert scene.fleet.seconds_until(scene.deployments[0], "globex") > 0.0

    permits[0].abandoned()
    assert scene.fleet.seconds_until(scene.deployments[0], "globex") == 0.0
    scene.admit()


def test_a_flooding_tenant_leaves_every_other_one_a_place() -> None:
    scene = Scene(deployment(most=40))
    scene.admit("calm")
    for _ in range(1_000):
        scene.fleet.admit(scene.deployments, "flood")

    for number in range(10):
        scene.admit(f"tenant {number}")


def test_models_are_closed_while_all_their_deployments_are() -> None:
    one, other, alone = deployment("one"), deployment("other"), deployment("alone", model="n")
    scene = Scene(one, other, alone, deployment("listed", is_callable=False))
    assert scene.closed() == frozenset()

    for broken in (one, alone):
        for _ in range(5):
            scene.admit(among=[broken]).failed(CUT)
    assert scene.closed() == {"n"}
    for _ in range(5):
        scene.admit(among=[other]).failed(CUT)
    assert scene.closed() == {"m", "n"}

    scene.clock.advance(60.0)
    assert scene.closed() == frozenset()
    probe = scene.admit(among=[alone])
    assert scene.closed() == {"n"}
    probe.abandoned()
    assert scene.closed() == frozenset()


def test_a_model_is_closed_while_all_its_keys_rest_and_not_for_want_of_places() -> None:
    scene = Scene(deployment(most=1, keys=("env:A", "env:B")))
    scene.fail(FaultKind.RATE_LIMITED, after=5.0)
    assert scene.closed() == frozenset()
    scene.fail(FaultKind.RATE_LIMITED, after=9.0)
    assert scene.closed() == {"m"}

    scene.clock.advance(5.0)
    assert scene.closed() == frozenset()

    scene.admit()
    assert scene.closed() == frozenset()


def test_a_closed_model_says_what_keeps_it_and_when_the_first_of_its_deployments_may_be_tried() -> None:
    one, other = deployment("one", keys=("env:A",)), deployment("other", keys=("env:B",))
    scene = Scene(one, other)
    scene.admit(among=[one]).failed(ProviderFault(FaultKind.QUOTA_SPENT))
    for _ in range(5):
        scene.admit(among=[other]).failed(CUT)
    assert scene.fleet.closed_models(scene.deployments) == {"m": (RefusalCause.BREAKER_OPEN, 60.0)}
    assert [scene.fleet.seconds_until(each, "acme") for each in (one, other)] == [600.0, 60.0]

    scene.clock.advance(45.0)
    assert scene.fleet.closed_models(scene.deployments) == {"m": (RefusalCause.BREAKER_OPEN, 15.0)}
    scene.admit(among=[deployment("third", keys=("env:B",), host="other")]).failed(ProviderFault(FaultKind.KEY_REFUSED))
    # What keeps it longest counts: a probe needs a key.
    assert scene.fleet.closed_models(scene.deployments) == {"m": (RefusalCause.KEYS_RESTING, 555.0)}


def test_a_model_whose_endpoint_pauses_says_so() -> None:
    scene = Scene(deployment())
    endpoint = scene.deployments[0].endpoint
    assert endpoint is not None
    scene.fleet.heard(endpoint, Standing(ServingState.PAUSED))

    assert scene.fleet.closed_models(scene.deployments) == {"m": (RefusalCause.NOT_SERVING, 1.0)}


def test_an_operator_opens_and_closes_breakers() -> None:
    scene = Scene(deployment())

    scene.fleet.force("alpha", BreakerMode.OPEN)
    assert scene.held() == (HeldWhy.BREAKER_OPEN, math.inf)
    assert scene.closed() == {"m"}

    scene.fleet.force("alpha", BreakerMode.CLOSED)
    scene.fail(FaultKind.CUT, 50)
    assert scene.closed() == frozenset()

    scene.fleet.force("alpha", BreakerMode.AUTO)
    scene.fail(FaultKind.CUT, 5)
    assert scene.why() is HeldWhy.BREAKER_OPEN
    assert [change.now.mode for change in scene.changes] == [
        BreakerMode.OPEN,
        BreakerMode.CLOSED,
        BreakerMode.AUTO,
        BreakerMode.AUTO,
    ]


def test_a_breaker_of_nobody_cannot_be_forced() -> None:
    with pytest.raises(UnknownDeploymentError):
        Scene().fleet.force("nobody", BreakerMode.OPEN)


def test_what_headers_say_is_left_is_used_up_and_no_call_wasted() -> None:
    scene = Scene(deployment())
    permit = scene.admit()
    permit.allowed(Allowance(requests_left=2, reset_seconds=30.0))
    permit.succeeded()

    scene.admit().succeeded()
    scene.admit().succeeded()
    assert scene.held() == (HeldWhy.KEYS_RESTING, 30.0)

    scene.clock.advance(30.0)
    scene.admit().succeeded()


def test_a_breaker_that_opens_is_told_once_with_its_cause() -> None:
    scene = Scene(deployment())
    scene.fail(FaultKind.STALLED, 5)

    [change] = scene.changes
    assert change.before is BreakerPhase.CLOSED
    assert change.now.deployment == "alpha"
    assert change.now.cause is FaultKind.STALLED
    assert change.now.retry_after_seconds == 60.0
