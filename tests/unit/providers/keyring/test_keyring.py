"""Keys: which is used, when one rests, and when it is woken."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.domain.endpoint import Dialect, Endpoint
from atp_grpc.providers.contract import Allowance, FaultKind, ProviderFault
from atp_grpc.providers.keyring import MOST_ASKED_SECONDS, Key, Keyring, ready_key


def endpoint(*keys: str, url: str = "https://one.test/v1") -> Endpoint:
    return Endpoint(Dialect.OPENAI, url, "m", keys)


def fault(kind: FaultKind, after: float | None = None) -> ProviderFault:
    return ProviderFault(kind, retry_after_seconds=after)


def key() -> Key:
    return Keyring().keys_of(endpoint("env:A"))[0]


def test_the_least_loaded_key_that_does_not_rest_is_used() -> None:
    one, two, three = keys = Keyring().keys_of(endpoint("env:A", "env:B", "env:C"))
    one.take(0.0)
    assert ready_key(keys, 0.0) is two

    two.faulted(fault(FaultKind.RATE_LIMITED, 5.0), 0.0, 0.0)
    assert ready_key(keys, 0.0) is three
    three.take(0.0)
    three.take(0.0)
    assert ready_key(keys, 0.0) is one
    assert ready_key(keys, 5.0) is two


def test_nobody_is_used_while_all_rest() -> None:
    keys = Keyring().keys_of(endpoint("env:A"))

    keys[0].faulted(fault(FaultKind.QUOTA_SPENT), 0.0, 0.0)

    assert ready_key(keys, 599.0) is None


def test_a_key_is_the_same_for_deployments_of_one_host_and_another_elsewhere() -> None:
    ring = Keyring()

    [here] = ring.keys_of(endpoint("env:A"))
    [beside] = ring.keys_of(endpoint("env:A", url="https://one.test/v2"))
    [elsewhere] = ring.keys_of(endpoint("env:A", url="https://two.test/v1"))
    [none_needed] = ring.keys_of(endpoint())

    assert here is beside
    assert here is not elsewhere
    assert none_needed.reference == ""


def test_retry_after_is_honoured_and_a_shorter_one_does_not_end_the_rest() -> None:
    one = key()

    one.faulted(fault(FaultKind.RATE_LIMITED, 20.0), 0.0, 0.0)
    one.faulted(fault(FaultKind.RATE_LIMITED, 2.0), 0.0, 1.0)
    assert one.rests_until == 20.0

    one.faulted(fault(FaultKind.RATE_LIMITED, 1e12), 0.0, 1.0)
    assert one.rests_until == 1.0 + MOST_ASKED_SECONDS


def test_without_a_time_the_rest_doubles_up_to_a_minute_and_a_success_forgets_that() -> None:
    one, now, rests = key(), 0.0, []
    for _ in range(8):
        one.faulted(fault(FaultKind.RATE_LIMITED), now, now)
        rests.append(one.rests_until - now)
        now = one.rests_until
    assert rests == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]

    one.succeeded()
    one.faulted(fault(FaultKind.RATE_LIMITED), now, now)

    assert one.rests_until == now + 1.0


def test_calls_that_were_under_way_together_double_nothing() -> None:
    one = key()

    for _ in range(50):
        one.faulted(fault(FaultKind.RATE_LIMITED), 0.0, 0.5)

    assert one.rests_until == 1.5


def test_a_changed_key_is_as_good_as_new_at_every_host() -> None:
    ring = Keyring()
    keys = [*ring.keys_of(endpoint("env:A")), *ring.keys_of(endpoint("env:A", url="https://two.test"))]
    other = ring.keys_of(endpoint("env:B"))[0]
    for one in (*keys, other):
        one.faulted(fault(FaultKind.KEY_REFUSED), 0.0, 0.0)

    ring.renew("env:A")

    assert [one.rests_until <= 0.0 for one in (*keys, other)] == [True, True, False]
    assert ring.resting == {other}


def test_when_nothing_is_left_it_rests_until_the_provider_says() -> None:
    one, two = key(), key()
    one.take(0.0)
    two.take(0.0)

    one.allowed(Allowance(requests_left=0, reset_seconds=7.0), one.taken, 0.0)
    two.allowed(Allowance(tokens_left=0, reset_seconds=7.0), two.taken, 0.0)

    assert one.rests_until == two.rests_until == 7.0


def test_what_is_left_counts_for_nothing_without_a_time_or_after_it() -> None:
    one = key()
    one.allowed(Allowance(requests_left=0), 0, 0.0)
    assert one.rests_until <= 0.0

    one.allowed(Allowance(requests_left=1, reset_seconds=5.0), 0, 0.0)
    one.take(5.0)

    assert one.rests_until <= 5.0


@given(st.integers(0, 20), st.integers(0, 20), st.integers(0, 20))
def test_no_more_calls_are_made_than_the_provider_said_are_left(left: int, since: int, asked: int) -> None:
    """Whether or not it had counted those that had begun since the call it answered."""
    one = key()
    one.take(0.0)
    answered = one.taken
    for _ in range(since):
        one.take(0.0)

    one.allowed(Allowance(requests_left=left, reset_seconds=60.0), answered, 0.0)
    made = 0
    while made < asked and ready_key([one], 1.0):
        one.take(1.0)
        made += 1

    assert made == min(asked, max(0, left - since))


def test_forgotten_keys_begin_anew_and_rest_no_more() -> None:
    ring = Keyring()
    kept, gone = ring.keys_of(endpoint("env:A", "env:B"))
    gone.faulted(fault(FaultKind.KEY_REFUSED), 0.0, 0.0)

    ring.keep({kept})

    assert ring.resting == set()
    assert ring.keys_of(endpoint("env:A", "env:B"))[0] is kept
    assert ring.keys_of(endpoint("env:A", "env:B"))[1] is not gone
