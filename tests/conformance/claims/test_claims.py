"""What claims promise: an id is executed once, replayed while it is remembered, and refused rather than repeated."""

from __future__ import annotations

import pytest

from atp_grpc.domain.clock import ManualClock
from atp_grpc.domain.errors import RequestIdForgottenError, RequestIdReusedError, RequestIdsExhaustedError
from atp_grpc.shared.contract import Claims
from atp_grpc.shared.local import IN_FLIGHT_RETRY_SECONDS, LocalClaims
from atp_grpc.store.memory_claims import MemoryClaims
from tests.conformance.claims.calls import BODY, claimed, durable, key, replayed, serve
from tests.conformance.claims.conftest import BYTES_PER_TENANT, IDS_PER_TENANT


async def test_an_answered_id_is_replayed_byte_for_byte(claims: Claims) -> None:
    await serve(claims, key(), b"\x00answer\xff")

    assert await replayed(claims, key()) == b"\x00answer\xff"
    assert await replayed(claims, key()) == b"\x00answer\xff"


async def test_an_empty_answer_is_an_answer(claims: Claims) -> None:
    await serve(claims, key(), b"")

    assert await replayed(claims, key()) == b""


async def test_tenant_method_and_id_each_make_another_key(claims: Claims) -> None:
    await serve(claims, key("one"), b"1")

    await serve(claims, key("one", tenant="umbra"), b"2")
    await serve(claims, key("one", method="/atp.v1.RouteService/Plan"), b"3")
    await serve(claims, key("two"), b"4")

    assert await replayed(claims, key("one")) == b"1"
    assert await replayed(claims, key("one", tenant="umbra")) == b"2"


async def test_another_body_under_a_served_id_is_refused(claims: Claims) -> None:
    await serve(claims, key("id-7"))

    with pytest.raises(RequestIdReusedError) as refused:
        await claims.claim(key("id-7"), b"digest of another body", ttl_seconds=600)

    assert refused.value.metadata == {"request_id": "id-7"}
    assert await replayed(claims, key("id-7")) == b"answer"


async def test_another_body_under_an_id_being_served_is_refused_at_once(claims: Claims) -> None:
    await claimed(claims, key())

    with pytest.raises(RequestIdReusedError):
        await claims.claim(key(), b"digest of another body", ttl_seconds=600)


async def test_an_abandoned_id_is_free_for_any_body(claims: Claims) -> None:
    (await claimed(claims, key())).abandon()

    again = await claimed(claims, key(), digest=b"digest of another body")

    await again.succeed(b"second", tombstone="")
    assert await replayed(claims, key(), digest=b"digest of another body") == b"second"


async def test_abandon_after_succeed_changes_nothing(claims: Claims) -> None:
    claim = await claimed(claims, key())
    await claim.succeed(b"answer", tombstone="decision-1")

    claim.abandon()

    assert await replayed(claims, key()) == b"answer"


async def test_a_claim_that_was_abandoned_cannot_succeed(claims: Claims) -> None:
    claim = await claimed(claims, key())
    claim.abandon()
    claim.abandon()
    newer = await claimed(claims, key())

    with pytest.raises(RuntimeError, match="a claim ends once"):
        await claim.succeed(b"late", tombstone="")

    await newer.succeed(b"answer", tombstone="")
    assert await replayed(claims, key()) == b"answer"


async def test_an_id_is_remembered_for_its_time_to_live_from_the_answer_on(claims: Claims, clock: ManualClock) -> None:
    claim = await claimed(claims, key(), ttl_seconds=10)
    clock.advance(100)
    await claim.succeed(b"answer", tombstone="")

    clock.advance(9.5)
    assert await replayed(claims, key()) == b"answer"
    clock.advance(0.5)

    await serve(claims, key(), b"new answer")
    assert await replayed(claims, key()) == b"new answer"


async def test_a_replay_does_not_prolong_a_life(claims: Claims, clock: ManualClock) -> None:
    await serve(claims, key(), ttl_seconds=10)
    clock.advance(9)
    await replayed(claims, key())
    clock.advance(1)

    await claimed(claims, key())


async def test_a_call_under_way_never_expires(claims: Claims, clock: ManualClock) -> None:
    await claimed(claims, key(), ttl_seconds=1)
    clock.advance(1_000_000)

    with pytest.raises(RequestIdReusedError):
        await claims.claim(key(), b"digest of another body", ttl_seconds=1)


async def test_times_to_live_of_methods_do_not_mix(claims: Claims, clock: ManualClock) -> None:
    await serve(claims, key("long"), b"long", ttl_seconds=86_400)
    await serve(claims, key("short"), b"short", ttl_seconds=600)
    clock.advance(600)

    await claimed(claims, key("short"))
    assert await replayed(claims, key("long")) == b"long"


async def test_the_least_recently_used_answer_becomes_a_tombstone(claims: Claims) -> None:
    half = bytes(BYTES_PER_TENANT // 2)
    await serve(claims, key("one"), half, tombstone="decision-1")
    await serve(claims, key("two"), half, tombstone="decision-2")
    await replayed(claims, key("one"))

    await serve(claims, key("three"), b"!", tombstone="decision-3")

    with pytest.raises(RequestIdForgottenError) as forgotten:
        await claims.claim(key("two"), BODY, ttl_seconds=600)
    assert forgotten.value.metadata == {"request_id": "two", "decision_id": "decision-2"}
    assert await replayed(claims, key("one")) == half
    assert await replayed(claims, key("three")) == b"!"


async def test_answers_that_just_fit_are_all_kept(claims: Claims) -> None:
    quarter = bytes(BYTES_PER_TENANT // 4)
    for number in range(4):
        await serve(claims, key(f"id-{number}"), quarter)

    for number in range(4):
        assert await replayed(claims, key(f"id-{number}")) == quarter


async def test_an_answer_larger_than_all_room_is_remembered_as_a_tombstone(claims: Claims) -> None:
    await serve(claims, key(), bytes(BYTES_PER_TENANT + 1))

    with pytest.raises(RequestIdForgottenError):
        await claims.claim(key(), BODY, ttl_seconds=600)


async def test_a_tombstone_still_refuses_another_body(claims: Claims) -> None:
    await serve(claims, key(), bytes(BYTES_PER_TENANT + 1))

    with pytest.raises(RequestIdReusedError):
        await claims.claim(key(), b"digest of another body", ttl_seconds=600)


async def test_an_expired_tombstone_frees_its_id(claims: Claims, clock: ManualClock) -> None:
    await serve(claims, key(), bytes(BYTES_PER_TENANT + 1), ttl_seconds=5)
    clock.advance(5)

    await claimed(claims, key())


async def test_room_of_expired_answers_is_used_again(claims: Claims, clock: ManualClock) -> None:
    for _ in range(3):
        await serve(claims, key("large"), bytes(BYTES_PER_TENANT), ttl_seconds=5)
        assert await replayed(claims, key("large")) == bytes(BYTES_PER_TENANT)
        clock.advance(5)


async def test_what_has_expired_makes_room_before_anything_alive(claims: Claims, clock: ManualClock) -> None:
    half = bytes(BYTES_PER_TENANT // 2)
    await serve(claims, key("alive"), half, ttl_seconds=100)
    await serve(claims, key("expiring"), half, ttl_seconds=1)
    claim = await claimed(claims, key("late"))
    clock.advance(1)

    await claim.succeed(half, tombstone="")

    assert await replayed(claims, key("alive")) == half
    assert await replayed(claims, key("late")) == half


async def test_full_memory_refuses_new_ids_until_the_oldest_expires(claims: Claims, clock: ManualClock) -> None:
    for number in range(IDS_PER_TENANT):
        await serve(claims, key(f"id-{number}"), ttl_seconds=100 - number)
    clock.advance(60)

    with pytest.raises(RequestIdsExhaustedError) as refused:
        await claims.claim(key("new"), BODY, ttl_seconds=600)
    assert refused.value.retry_after_seconds == 40 - (IDS_PER_TENANT - 1)
    assert await replayed(claims, key("id-0")) == b"answer"

    clock.advance(refused.value.retry_after_seconds)
    await serve(claims, key("new"), b"new")


async def test_full_memory_of_calls_under_way_says_to_come_back_soon(claims: Claims) -> None:
    held = [await claimed(claims, key(f"id-{number}")) for number in range(IDS_PER_TENANT)]

    with pytest.raises(RequestIdsExhaustedError) as refused:
        await claims.claim(key("new"), BODY, ttl_seconds=600)
    assert refused.value.retry_after_seconds == IN_FLIGHT_RETRY_SECONDS

    held[0].abandon()
    await claimed(claims, key("new"))


async def test_a_tenant_that_fills_its_memory_takes_none_from_another(claims: Claims) -> None:
    await serve(claims, key("kept", tenant="umbra"), bytes(BYTES_PER_TENANT))
    for number in range(IDS_PER_TENANT):
        await serve(claims, key(f"id-{number}"), bytes(BYTES_PER_TENANT))
    with pytest.raises(RequestIdsExhaustedError):
        await claims.claim(key("new"), BODY, ttl_seconds=600)

    assert await replayed(claims, key("kept", tenant="umbra")) == bytes(BYTES_PER_TENANT)
    await serve(claims, key("new", tenant="umbra"), b"")


async def test_ids_that_expired_unseen_leave_no_memory_behind(clock: ManualClock) -> None:
    claims = LocalClaims(clock, ids_per_tenant=1_000, bytes_per_tenant=10_000)
    for number in range(1_000):
        await serve(claims, key(f"old-{number}"), ttl_seconds=1)
    clock.advance(1)

    for number in range(400):
        await serve(claims, key(f"new-{number}"), ttl_seconds=1)

    tenant = claims._tenants["acme"]
    assert len(tenant.entries) == len(tenant.bodies) == len(tenant.expiries) == 400
    assert tenant.body_bytes == 400 * len(b"answer")


async def test_stale_expiries_never_make_a_refusal_dishonest(clock: ManualClock) -> None:
    claims = LocalClaims(clock, ids_per_tenant=20, bytes_per_tenant=1_000)
    for number in range(20):
        await serve(claims, key(f"id-{number}"), ttl_seconds=1)
    clock.advance(1)
    # Looked up in reverse, each id is renewed before the sweep reaches it.
    for number in reversed(range(20)):
        await serve(claims, key(f"id-{number}"), ttl_seconds=7)

    with pytest.raises(RequestIdsExhaustedError) as refused:
        await claims.claim(key("new"), BODY, ttl_seconds=1)

    assert refused.value.retry_after_seconds == 7


@pytest.mark.parametrize(("ids", "room"), [(0, 1), (-1, 1), (1, -1)])
def test_limits_that_leave_no_room_are_refused(clock: ManualClock, ids: int, room: int) -> None:
    with pytest.raises(ValueError, match="room for at least one id"):
        LocalClaims(clock, ids_per_tenant=ids, bytes_per_tenant=room)
    with pytest.raises(ValueError, match="room for at least one id"):
        durable(clock, MemoryClaims(), ids_per_tenant=ids, bytes_per_tenant=room)


async def test_an_id_that_was_done_without_an_answer_is_never_done_again(claims: Claims) -> None:
    claim = await claimed(claims, key())
    claim.forget()
    claim.abandon()

    for _ in range(2):
        with pytest.raises(RequestIdForgottenError):
            await claims.claim(key(), BODY, ttl_seconds=600)
