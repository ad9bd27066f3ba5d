"""Keeps watch on one model of an adapter: follows what it says of itself, for as long as each word holds.

The provider starts one for each endpoint and asks it for the standing. A word holds until its lease runs out; then the
model is away until it is heard of again. A watch that ends is begun anew, with capped exponential backoff and full
jitter. It never raises, and never says that an adapter is well because calls to it are.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterable, Awaitable, Callable
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from atp_grpc.domain.clock import Clock
from atp_grpc.pb.atp.adapter.v1 import adapter_service_pb2
from atp_grpc.providers.contract import ProviderFault
from atp_grpc.providers.standing import ServingState, Standing

FIRST_PAUSE_SECONDS = 0.2
LAST_PAUSE_SECONDS = 10.0
LONGEST_LEASE_SECONDS = 3600.0
_AWAY = Standing(ServingState.AWAY)
STATES: dict[ServingState, Any] = {
    state: adapter_service_pb2.ServingState.Value(f"SERVING_STATE_{state.name}")
    for state in ServingState
    if state is not ServingState.AWAY
}
"""The number of each state on the wire; nobody can say that it is away."""
_STATE_OF = {number: state for state, number in STATES.items()}


class UnreadableState(Exception):
    """A message of a watch breaks a rule that stands beside its fields."""


class Watch:
    """What is known of one model at one adapter."""

    def __init__(
        self,
        begin: Callable[[], AsyncIterable[bytes]],
        *,
        clock: Clock,
        chance: random.Random,
        pause: Callable[[float], Awaitable[None]],
        on_change: Callable[[Standing], None] = lambda _: None,
    ) -> None:
        """`begin` opens the stream, `pause` waits for some seconds, `on_change` hears each word and the end of one."""
        self._begin = begin
        self._clock = clock
        self._chance = chance
        self._pause = pause
        self._on_change = on_change
        self._said = _AWAY
        self._holds_until = 0.0
        self._lease: asyncio.TimerHandle | None = None

    @property
    def standing(self) -> Standing:
        """The last word, or AWAY when it no longer holds."""
        return self._said if self._clock.monotonic() < self._holds_until else _AWAY

    async def follow(self) -> None:
        """Listens until cancelled."""
        longest = FIRST_PAUSE_SECONDS
        try:
            while True:
                if await self._listen():
                    longest = FIRST_PAUSE_SECONDS
                await self._pause(self._chance.uniform(0, longest))
                longest = min(2 * longest, LAST_PAUSE_SECONDS)
        finally:
            self._keep_lease(None)

    async def _listen(self) -> bool:
        """Hears one stream out; whether anything was said that makes sense."""
        has_heard = False
        try:
            async for message in self._begin():
                self._hear(message)
                has_heard = True
        except (grpc.aio.AioRpcError, ProviderFault):
            # What was said last holds until its lease runs out.
            pass
        except (DecodeError, UnreadableState):
            self._forget()
            return False
        return has_heard

    def _hear(self, message: bytes) -> None:
        response = adapter_service_pb2.WatchResponse.FromString(message)
        state = _STATE_OF.get(response.state)
        lease = response.lease.seconds + response.lease.nanos / 1e9
        if state is None or not 0 < lease <= LONGEST_LEASE_SECONDS or response.suggested_window < 0:
            raise UnreadableState
        self._said = Standing(state, response.suggested_window if response.HasField("suggested_window") else None)
        self._holds_until = self._clock.monotonic() + lease
        self._keep_lease(lease)
        self._on_change(self._said)

    def _keep_lease(self, seconds: float | None) -> None:
        if self._lease is not None:
            self._lease.cancel()
        self._lease = None if seconds is None else asyncio.get_running_loop().call_later(seconds, self._forget)

    def _forget(self) -> None:
        self._holds_until = 0.0
        self._keep_lease(None)
        self._on_change(_AWAY)
