"""What claims promise to calls that come while the id is held: one executes, the others share its answer."""

from __future__ import annotations

import asyncio

import pytest

from atp_grpc.domain.clock import ManualClock
from atp_grpc.domain.errors import RequestIdForgottenError
from atp_grpc.shared.contract import Claim, Claims, Replay
from atp_grpc.shared.local import LocalClaims
from tests.conformance.claims.calls import BODY, claimed, key, replayed
from tests.conformance.claims.conftest import BYTES_PER_TENANT

Waiting = asyncio.Task[Claim | Replay]


async def waiting(claims: Claims, number: int) -> list[Waiting]:
    """That many calls with an id that is held, all of them waiting."""
    tasks = [asyncio.ensure_future(claims.claim(key(), BODY, ttl_seconds=600)) for _ in range(number)]
    await settle()
    assert not any(task.done() for task in tasks)
    return tasks


async def settle() -> None:
    """Lets every task run until it waits again."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_free_id_is_claimed_here_without_giving_up_the_loop(clock: ManualClock) -> None:
    claims = LocalClaims(clock, ids_per_tenant=1, bytes_per_tenant=1)
    coroutine = claims.claim(key(), BODY, ttl_seconds=600)

    # A coroutine that never waits ends in its first step.
    with pytest.raises(StopIteration):
        coroutine.send(None)


async def test_everyone_who_waits_gets_the_answer(claims: Claims) -> None:
    holder = await claimed(claims, key())
    tasks = await waiting(claims, 5)

    await holder.succeed(b"answer", tombstone="decision-1")

    assert await asyncio.gather(*tasks) == [Replay(b"answer")] * 5


async def test_an_answer_too_large_to_keep_still_reaches_those_who_wait(claims: Claims) -> None:
    holder = await claimed(claims, key())
    tasks = await waiting(claims, 2)

    await holder.succeed(bytes(BYTES_PER_TENANT + 1), tombstone="decision-1")

    assert await asyncio.gather(*tasks) == [Replay(bytes(BYTES_PER_TENANT + 1))] * 2
    with pytest.raises(RequestIdForgottenError):
        await claims.claim(key(), BODY, ttl_seconds=600)


async def test_when_the_holder_abandons_the_first_in_line_executes_and_the_others_wait_on(claims: Claims) -> None:
    holder = await claimed(claims, key())
    first, second, third = await waiting(claims, 3)

    holder.abandon()
    await settle()

    assert first.done()
    assert not second.done()
    assert not third.done()
    heir = first.result()
    assert not isinstance(heir, Replay)
    await heir.succeed(b"answer of the heir", tombstone="")
    assert await asyncio.gather(*[second, third]) == [Replay(b"answer of the heir")] * 2


async def test_a_line_of_failures_ends_with_a_free_id(claims: Claims) -> None:
    holder = await claimed(claims, key())
    tasks = await waiting(claims, 3)

    holder.abandon()
    for task in tasks:
        heir = await task
        assert not isinstance(heir, Replay)
        heir.abandon()

    await claimed(claims, key(), digest=b"digest of another body")


async def test_a_waiter_that_is_cancelled_disturbs_nobody(claims: Claims) -> None:
    holder = await claimed(claims, key())
    first, second, third = await waiting(claims, 3)

    second.cancel()
    await settle()
    assert second.cancelled()
    await holder.succeed(b"answer", tombstone="")

    assert await asyncio.gather(*[first, third]) == [Replay(b"answer")] * 2


async def test_a_waiter_cancelled_in_the_moment_of_the_answer_disturbs_nobody(claims: Claims) -> None:
    holder = await claimed(claims, key())
    first, second = await waiting(claims, 2)

    first.cancel()
    await holder.succeed(b"answer", tombstone="")

    assert await second == Replay(b"answer")
    await asyncio.gather(first, return_exceptions=True)
    assert first.cancelled()


async def test_waiters_that_left_are_not_kept_in_line(clock: ManualClock) -> None:
    claims = LocalClaims(clock, ids_per_tenant=1, bytes_per_tenant=1)
    await claimed(claims, key())
    for task in (tasks := await waiting(claims, 50)):
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

    [entry] = claims._tenants["acme"].entries.values()
    assert len(entry.line) == 0


async def test_a_cancelled_waiter_never_inherits(claims: Claims) -> None:
    holder = await claimed(claims, key())
    first, second = await waiting(claims, 2)
    first.cancel()

    holder.abandon()
    await settle()

    assert first.cancelled()
    assert not isinstance(second.result(), Replay)


async def test_an_heir_cancelled_before_it_wakes_passes_the_id_on(claims: Claims) -> None:
    holder = await claimed(claims, key())
    first, second = await waiting(claims, 2)

    holder.abandon()
    first.cancel()
    await settle()

    assert first.cancelled()
    heir = second.result()
    assert not isinstance(heir, Replay)
    await heir.succeed(b"answer", tombstone="")
    assert await replayed(claims, key()) == b"answer"


async def test_a_line_that_was_cancelled_to_the_last_leaves_a_free_id(claims: Claims) -> None:
    holder = await claimed(claims, key())
    tasks = await waiting(claims, 3)
    holder.abandon()
    for task in tasks:
        task.cancel()
    await settle()

    await claimed(claims, key())


async def test_a_waiter_cancelled_after_the_answer_came_changes_nothing(claims: Claims) -> None:
    holder = await claimed(claims, key())
    first, second = await waiting(claims, 2)
    await holder.succeed(b"answer", tombstone="")
    first.cancel()

    assert await second == Replay(b"answer")
    assert await replayed(claims, key()) == b"answer"


async def test_a_deadline_while_waiting_leaves_the_holder_alone(claims: Claims) -> None:
    holder = await claimed(claims, key())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await claims.claim(key(), BODY, ttl_seconds=600)

    await holder.succeed(b"answer", tombstone="")

    assert await replayed(claims, key()) == b"answer"


async def test_waiters_of_one_id_do_not_hear_of_another(claims: Claims) -> None:
    await claimed(claims, key())
    (task,) = await waiting(claims, 1)
    other = await claimed(claims, key("id-2"))

    await other.succeed(b"other", tombstone="")
    await settle()

    assert not task.done()
    task.cancel()


async def test_everyone_who_waits_is_refused_when_there_will_be_no_answer(claims: Claims) -> None:
    holder = await claimed(claims, key())
    tasks = await waiting(claims, 3)
    tasks[0].cancel()

    holder.forget()

    cancelled, *refused = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(cancelled, asyncio.CancelledError)
    assert [type(one) for one in refused] == [RequestIdForgottenError] * 2
