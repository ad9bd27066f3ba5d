"""A word about a model holds as long as its lease, and a watch that ends is begun anew without a rush."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import pytest

from atp_grpc.domain.clock import ManualClock
from atp_grpc.pb.atp.adapter.v1.adapter_service_pb2 import WatchResponse
from atp_grpc.providers.contract import FaultKind, ProviderFault
from atp_grpc.providers.remote.watching import LAST_PAUSE_SECONDS, Watch
from atp_grpc.providers.standing import ServingState, Standing

AWAY = Standing(ServingState.AWAY)


def word(state: str = "READY", *, lease: float = 60.0, window: int | None = None) -> bytes:
    response = WatchResponse(state=f"SERVING_STATE_{state}", suggested_window=window)
    response.lease.FromNanoseconds(round(lease * 1e9))
    return response.SerializeToString()


class Scene:
    """A watch on streams that a test scripts; it stands still where the last stream has ended."""

    def __init__(self, *streams: list[bytes]) -> None:
        self.streams = list(streams)
        self.clock = ManualClock()
        self.heard: list[Standing] = []
        self.pauses: list[float] = []
        self.ended = asyncio.Event()
        self.is_away = asyncio.Event()
        self.watch = Watch(self.begin, clock=self.clock, chance=random.Random(1), pause=self.pause, on_change=self.hear)
        self.task = asyncio.ensure_future(self.watch.follow())

    async def begin(self) -> AsyncIterator[bytes]:
        for message in self.streams.pop(0):
            yield message
        raise ProviderFault(FaultKind.UNAVAILABLE)

    def hear(self, standing: Standing) -> None:
        self.heard.append(standing)
        if standing == AWAY:
            self.is_away.set()

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        if not self.streams:
            self.ended.set()
            await asyncio.Event().wait()

    async def played(self) -> Scene:
        await self.ended.wait()
        return self

    async def close(self) -> None:
        self.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await self.task


async def test_a_word_holds_until_its_lease_runs_out() -> None:
    scene = await Scene([word("BUSY", lease=10.0, window=3)]).played()

    scene.clock.advance(9.9)
    assert scene.watch.standing == Standing(ServingState.BUSY, 3)
    scene.clock.advance(0.2)
    assert scene.watch.standing == AWAY
    await scene.close()


async def test_who_was_never_heard_of_is_away() -> None:
    scene = await Scene([]).played()

    assert scene.watch.standing == AWAY
    assert not scene.watch.standing.state.takes_calls
    await scene.close()


async def test_the_end_of_a_lease_is_told_to_whoever_listens() -> None:
    scene = Scene([word(lease=0.001)])
    await scene.is_away.wait()

    assert scene.heard == [Standing(ServingState.READY), AWAY]
    await scene.close()


@pytest.mark.parametrize(
    "message", [b"\xff", b"", word(lease=0.0), word(lease=3601.0), word("UNSPECIFIED"), word(window=-1)]
)
async def test_a_word_that_makes_no_sense_takes_the_last_one_back(message: bytes) -> None:
    scene = await Scene([word(), message]).played()

    assert scene.watch.standing == AWAY
    assert scene.heard == [Standing(ServingState.READY), AWAY]
    await scene.close()


async def test_a_broken_connection_does_not_take_a_word_back() -> None:
    scene = await Scene([word("DRAINING")], []).played()

    assert scene.watch.standing == Standing(ServingState.DRAINING)
    await scene.close()


async def test_pauses_grow_to_a_cap_and_begin_anew_after_a_word() -> None:
    scene = await Scene(*[[] for _ in range(200)], [word()]).played()

    assert max(scene.pauses) <= LAST_PAUSE_SECONDS
    assert max(scene.pauses[:2]) <= 0.4
    assert max(scene.pauses[20:200]) > LAST_PAUSE_SECONDS / 2
    assert scene.pauses[-1] <= 0.2
    await scene.close()
