"""What is on disk before what: the id before the story begins, the answer before anybody is given the end."""

from __future__ import annotations

import asyncio
import math

from atp_grpc.domain.ask import Final
from atp_grpc.domain.claim import ClaimKey
from atp_grpc.store.memory_claims import MemoryClaims
from tests.unit.services.ask_stories import PLAIN, Script, until
from tests.unit.services.test_ask_joining import KEY, Desk


class Slow(MemoryClaims):
    """A keeper whose disk takes its time for answers."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.gate = False, asyncio.Event()

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
        self.asked = True
        await self.gate.wait()
        await super().answer(
            key,
            response,
            holder=holder,
            tombstone=tombstone,
            now_nanos=now_nanos,
            expires_nanos=expires_nanos,
            most_bytes=most_bytes,
        )


async def test_the_answer_is_kept_before_anybody_is_given_the_end() -> None:
    keeper, got = Slow(), list[object]()
    desk = Desk(Script(), keeper=keeper)

    async def read() -> None:
        async for event in desk.runs.events(KEY, b"body", math.inf, desk.script.tell):
            got.append(event)

    reader = asyncio.ensure_future(read())
    await until(lambda: keeper.asked and len(got) == len(PLAIN) - 1)
    for _ in range(20):
        await asyncio.sleep(0)
    assert not any(isinstance(event, Final) for event in got)
    keeper.gate.set()
    await reader

    assert got == list(PLAIN)


async def test_the_id_is_kept_before_the_story_begins() -> None:
    keeper, kept = MemoryClaims(), list[bool]()
    desk = Desk(Script(), keeper=keeper)
    desk.script.on_begin = lambda: kept.append(KEY in keeper._tenants["acme"])

    assert await desk.read() == list(PLAIN)
    assert kept == [True]
