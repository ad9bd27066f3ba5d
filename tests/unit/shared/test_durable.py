"""Durable claims: what survives the process, and what a keeper that fails may never lead to: a second execution."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from atp_grpc.domain.claim import ClaimKey, Full, Standing
from atp_grpc.domain.clock import ManualClock
from atp_grpc.domain.errors import RequestIdForgottenError, RequestIdReusedError, StoreUnavailableError
from atp_grpc.shared.contract import Claim, Replay
from atp_grpc.shared.durable import HELD_SECONDS, DurableClaims
from atp_grpc.store.contract import StoreFailure
from atp_grpc.store.memory_claims import MemoryClaims
from atp_grpc.store.sqlite import SqliteStore, open_sqlite_store

KEY = ClaimKey("acme", "atp.v1.AskService", "r-1")


class Ailing(MemoryClaims):
    """A keeper that fails when it is told to, before or after it did its work, and can be made to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.fails_before: set[str] = set()
        self.fails_after: set[str] = set()
        self.gate = asyncio.Event()
        self.gate.set()

    def fail(self, where: set[str], what: str) -> None:
        if what in where:
            raise StoreFailure("the disk is full")

    async def keep(
        self, key: ClaimKey, digest: bytes, *, holder: int, now_nanos: int, expires_nanos: int, most_ids: int
    ) -> Standing | Full | None:
        self.fail(self.fails_before, "keep")
        kept = await super().keep(
            key, digest, holder=holder, now_nanos=now_nanos, expires_nanos=expires_nanos, most_ids=most_ids
        )
        await self.gate.wait()
        self.fail(self.fails_after, "keep")
        return kept

    async def answer(
        self,
        key: ClaimKey,
        response: bytes,
        *,
        holder: int,
        tombstone: str,
        now_nanos: int,
        expires_nanos: int,
        most_bytes: int,
    ) -> None:
        self.fail(self.fails_before, "answer")
        await super().answer(
            key,
            response,
            holder=holder,
            tombstone=tombstone,
            now_nanos=now_nanos,
            expires_nanos=expires_nanos,
            most_bytes=most_bytes,
        )


def claims_over(keeper: object, clock: ManualClock, faults: list[Exception]) -> DurableClaims:
    return DurableClaims(
        clock,
        keeper,  # type: ignore[arg-type]
        ids_per_tenant=100,
        bytes_per_tenant=1_000,
        chance=random.Random(1),
        on_fault=faults.append,
    )


async def held(claims: DurableClaims, digest: bytes = b"body") -> Claim:
    claim = await claims.claim(KEY, digest, ttl_seconds=60)
    assert not isinstance(claim, Replay)
    return claim


async def reopened(path: Path, clock: ManualClock) -> tuple[SqliteStore, DurableClaims]:
    store = await open_sqlite_store(path, replica="one", clock=clock)
    return store, claims_over(store.claims, clock, [])


async def test_an_answer_is_replayed_by_the_next_process(tmp_path: Path) -> None:
    clock = ManualClock()
    store, claims = await reopened(tmp_path / "atp.db", clock)
    await (await held(claims)).succeed(b"answer", tombstone="d-1")
    await store.close()

    store, claims = await reopened(tmp_path / "atp.db", clock)

    assert await claims.claim(KEY, b"body", ttl_seconds=60) == Replay(b"answer")
    with pytest.raises(RequestIdReusedError):
        await claims.claim(KEY, b"another body", ttl_seconds=60)
    await store.close()


async def test_what_a_process_held_when_it_ended_is_never_executed_again(tmp_path: Path) -> None:
    clock = ManualClock()
    store, claims = await reopened(tmp_path / "atp.db", clock)
    await held(claims)
    await store.close()

    store, claims = await reopened(tmp_path / "atp.db", clock)
    for _ in range(2):
        with pytest.raises(RequestIdForgottenError):
            await claims.claim(KEY, b"body", ttl_seconds=60)
    clock.advance(HELD_SECONDS)

    await held(claims)
    await store.close()


async def test_an_abandoned_id_is_free_for_the_next_process(tmp_path: Path) -> None:
    clock = ManualClock()
    store, claims = await reopened(tmp_path / "atp.db", clock)
    (await held(claims)).abandon()
    await store.close()

    store, claims = await reopened(tmp_path / "atp.db", clock)

    await held(claims)
    await store.close()


async def test_what_has_expired_is_pruned(tmp_path: Path) -> None:
    clock = ManualClock()
    store, claims = await reopened(tmp_path / "atp.db", clock)
    for number in range(40):
        claim = await claims.claim(KEY._replace(request_id=f"r-{number}"), b"body", ttl_seconds=60)
        assert not isinstance(claim, Replay)
        await claim.succeed(b"answer", tombstone="")
    clock.advance(60)
    await store.prune(fields_before_nanos=0, decisions_before_nanos=0, learned_through=0)

    rows = await store._reader.run(lambda connection: connection.execute("SELECT * FROM claims").fetchall())

    assert rows == []
    await store.close()


async def test_claims_that_come_together_share_a_commit(tmp_path: Path) -> None:
    store, claims = await reopened(tmp_path / "atp.db", ManualClock())
    commits = 0
    write = store._group._write

    async def counted(work):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        nonlocal commits
        commits += 1
        return await write(work)

    store._group._write = counted

    keys = [KEY._replace(request_id=f"r-{number}") for number in range(50)]
    granted = await asyncio.gather(*(claims.claim(key, b"body", ttl_seconds=60) for key in keys))

    assert not any(isinstance(one, Replay) for one in granted)
    assert commits <= 2
    await store.close()


async def test_a_claim_that_cannot_be_kept_is_refused_and_executes_nothing() -> None:
    keeper, faults = Ailing(), list[Exception]()
    claims = claims_over(keeper, ManualClock(), faults)
    keeper.fails_before = {"keep"}

    with pytest.raises(StoreUnavailableError):
        await claims.claim(KEY, b"body", ttl_seconds=60)

    assert [type(fault) for fault in faults] == [StoreFailure]
    keeper.fails_before = set()
    await held(claims)


async def test_a_claim_that_was_kept_though_the_keeper_failed_is_let_go_of() -> None:
    keeper = Ailing()
    claims = claims_over(keeper, ManualClock(), [])
    keeper.fails_after = {"keep"}
    with pytest.raises(StoreUnavailableError):
        await claims.claim(KEY, b"body", ttl_seconds=60)
    keeper.fails_after = set()

    await held(claims)


async def test_a_failed_look_up_never_frees_what_another_process_held() -> None:
    keeper, clock = Ailing(), ManualClock()
    await held(claims_over(keeper, clock, []))
    claims = DurableClaims(
        clock, keeper, ids_per_tenant=9, bytes_per_tenant=9, chance=random.Random(2), on_fault=lambda _: None
    )
    keeper.fails_after = {"keep"}
    with pytest.raises(StoreUnavailableError):
        await claims.claim(KEY, b"body", ttl_seconds=60)
    keeper.fails_after = set()

    with pytest.raises(RequestIdForgottenError):
        await claims.claim(KEY, b"body", ttl_seconds=60)


async def test_an_answer_that_cannot_be_kept_reaches_those_who_wait_and_the_id_is_never_executed_again() -> None:
    keeper, faults = Ailing(), list[Exception]()
    claims = claims_over(keeper, ManualClock(), faults)
    claim = await held(claims)
    waiting = asyncio.ensure_future(claims.claim(KEY, b"body", ttl_seconds=60))
    await asyncio.sleep(0)
    keeper.fails_before = {"answer"}

    await claim.succeed(b"answer", tombstone="d-1")
    claim.abandon()

    assert await waiting == Replay(b"answer")
    assert len(faults) == 1
    with pytest.raises(RequestIdForgottenError):
        await claims.claim(KEY, b"body", ttl_seconds=60)


async def test_calls_that_come_while_an_id_is_looked_up_wait_and_never_share_a_claim() -> None:
    keeper = Ailing()
    claims = claims_over(keeper, ManualClock(), [])
    keeper.gate.clear()
    first, second = (asyncio.ensure_future(claims.claim(KEY, b"body", ttl_seconds=60)) for _ in range(2))
    await asyncio.sleep(0)
    with pytest.raises(RequestIdReusedError):
        await claims.claim(KEY, b"another body", ttl_seconds=60)
    keeper.gate.set()

    claim = await first
    await asyncio.sleep(0)
    assert not second.done()
    assert not isinstance(claim, Replay)
    await claim.succeed(b"answer", tombstone="")
    assert await second == Replay(b"answer")


async def test_a_look_up_that_is_cancelled_lets_the_next_call_look_for_itself() -> None:
    keeper = Ailing()
    claims = claims_over(keeper, ManualClock(), [])
    keeper.gate.clear()
    first, second = (asyncio.ensure_future(claims.claim(KEY, b"body", ttl_seconds=60)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    keeper.gate.set()

    claim = await second

    assert first.cancelled()
    assert not isinstance(claim, Replay)
    assert claims._held[KEY].is_kept
