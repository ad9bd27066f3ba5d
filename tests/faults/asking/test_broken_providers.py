"""An implementation that breaks the contract of providers: one call fails, without its words; the next is well."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

from atp_grpc.domain.ask import FinishReason
from atp_grpc.domain.endpoint import Dialect
from atp_grpc.providers.contract import Event, Finished, Generation, TextDelta
from tests.faults.asking.world import Place, asked, world
from tests.faults.battery import report


class Misbehaving:
    """A provider's implementation that breaks its contract, once; then it is the real one again."""

    def __init__(self, real: Any, how: Callable[[], AsyncGenerator[Event, None]]) -> None:
        self._real = real
        self._how = how
        self._left = 1

    def generate(self, generation: Generation) -> Any:
        if not self._left:
            return self._real.generate(generation)
        self._left -= 1
        return self._how()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class Odd(BaseException):
    """No Exception at all."""


async def raises_odd() -> AsyncGenerator[Event, None]:
    yield TextDelta("Hel")
    raise Odd


async def raises_at_once() -> AsyncGenerator[Event, None]:
    raise Odd
    yield TextDelta("")


async def raises_plain() -> AsyncGenerator[Event, None]:
    yield TextDelta("Hel")
    raise RuntimeError("secret words of a provider")


async def gives_none() -> AsyncGenerator[Event, None]:
    yield None  # type: ignore[misc]


async def raises_after_the_end() -> AsyncGenerator[Event, None]:
    yield TextDelta("Hello")
    yield Finished(FinishReason.STOP)
    raise RuntimeError("secret words of a provider")


async def cancels() -> AsyncGenerator[Event, None]:
    yield TextDelta("Hel")
    raise asyncio.CancelledError


async def refuses_to_close() -> AsyncGenerator[Event, None]:
    try:
        yield TextDelta("Hello")
        yield Finished(FinishReason.STOP)
    finally:
        raise RuntimeError("secret words of a provider")


def no_generator() -> Any:
    return None


WAYS = (
    raises_odd,
    raises_at_once,
    raises_plain,
    gives_none,
    raises_after_the_end,
    cancels,
    refuses_to_close,
    no_generator,
)


async def test_a_provider_that_breaks_its_contract_fails_one_call_and_says_nothing(tmp_path: Path) -> None:
    seen, wrong = dict[str, set[str]](), list[str]()
    async with world(tmp_path, (Place("one-a"),)) as at:
        at.fleet.heed_breakers(on=False)
        providers = at.server.app.rooms.upstream.providers
        real = providers[Dialect.OPENAI]
        for way, streamed in itertools.product(WAYS, (True, False)):
            providers[Dialect.OPENAI] = Misbehaving(real, way)
            told = await asked(at, streamed=streamed, deadline_seconds=5)
            seen.setdefault(way.__name__, set()).add(told.status)
            if told.error is not None and "secret" in str(told.error):
                wrong.append(f"{way.__name__}: {told.error}")
            after = await asked(at, streamed=streamed, deadline_seconds=5)
            if after.status != "OK":
                wrong.append(f"after {way.__name__}: {after.status}")
            await at.at_rest()

    may = {"OK", "INTERNAL", "ANSWER_CUT", "PROVIDERS_UNAVAILABLE", "CANCELLED"}
    wrong += [f"{name}: {statuses}" for name, statuses in seen.items() if not statuses <= may]
    figure = {"wrong": wrong, **{name: sorted(statuses) for name, statuses in seen.items()}}
    report("E10", n=2 * len(WAYS), figure=figure, bar={"wrong": []}, passed=not wrong)
    assert not wrong, figure
    assert seen["raises_odd"] == seen["raises_at_once"] == {"INTERNAL"}
    assert seen["raises_plain"] == {"ANSWER_CUT", "OK"}, "shown, or begun anew"
