"""Laws of an Ask over random scripts of faults, random cancels and budgets of any size.

Whatever happens: one end, no permit, hold or call left over, and the bill the same wherever it is told.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from atp_grpc.domain.ask import AskEvent, CacheUse, Decided, Delta, Final, FinishReason, OnCut, Spent, Switch
from atp_grpc.domain.errors import AtpError
from atp_grpc.domain.outcome import Usage
from atp_grpc.domain.policy import Cascade
from atp_grpc.providers.contract import Certainty, FaultKind, Finished, TextDelta, ToolCallDelta, Used
from tests.unit.asking.scripted import Step, fault
from tests.unit.asking.stage import DEPLOYMENTS, ENDPOINT, Stage, catalogue
from tests.unit.asking.told import asking
from tests.unit.asking.virtual_time import play

tokens = st.none() | st.integers(0, 500)
pieces = (
    st.builds(TextDelta, st.text(max_size=40))
    | st.just(ToolCallDelta(0, "", "", "{}"))
    | st.builds(Used, st.builds(Usage, *[tokens] * 5))
    | st.builds(Certainty, st.floats(-20.0, 0.0), st.integers(1, 5))
)
waits = st.sampled_from([0.001, 1.0, 6.0, 20.0])
ends = (
    st.builds(Finished, st.sampled_from([FinishReason.STOP, FinishReason.LENGTH]))
    | st.sampled_from(list(FaultKind)).map(fault)
    | st.just(fault(FaultKind.RATE_LIMITED, 2.0))
    | st.just(RuntimeError("a provider's own fault"))
)


@st.composite
def scripts(draw: st.DrawFn) -> list[Step]:
    steps: list[Step] = list(draw(st.lists(pieces | waits, max_size=6)))
    return steps if draw(st.integers(0, 9)) == 0 else [*steps, draw(ends)]


class World(NamedTuple):
    scripts: dict[str, list[list[Step]]]
    is_streamed: bool
    on_cut: OnCut
    cache: CacheUse
    cascade: Cascade | None
    budget: int | None
    leaves_after: int | None
    """Events that the caller reads before he leaves; None for all."""
    is_cancelled: bool
    """Whether he leaves by being cancelled in the middle of waiting, not between two events."""
    pauses: bool
    seconds: float
    can_resume: bool


worlds = st.builds(
    World,
    scripts=st.fixed_dictionaries({name: st.lists(scripts(), max_size=2) for name in DEPLOYMENTS}),
    is_streamed=st.booleans(),
    on_cut=st.sampled_from(list(OnCut)),
    cache=st.sampled_from(list(CacheUse)),
    cascade=st.none() | st.builds(Cascade, st.floats(0.0, 1.0), st.integers(1, 2)),
    budget=st.none() | st.integers(700_000, 3_000_000) | st.just(10**12),
    leaves_after=st.none() | st.integers(0, 6),
    is_cancelled=st.booleans(),
    pauses=st.booleans(),
    seconds=st.sampled_from([300.0, 300.0, 8.0, 0.5]),
    can_resume=st.booleans(),
)


class Reader:
    """A caller, who keeps every event and may leave."""

    def __init__(self, stage: Stage, world: World) -> None:
        self.events: list[AskEvent] = []
        self.error: AtpError | None = None
        self.has_left = False
        self._stage = stage
        self._world = world

    async def read(self) -> None:
        world = self._world
        request = asking(is_streamed=world.is_streamed, on_cut=world.on_cut, cache=world.cache, max_output_tokens=300)
        task = asyncio.get_running_loop().create_task(self._read_on(self._stage.answer(request, seconds=world.seconds)))
        if world.is_cancelled and world.leaves_after is not None:
            await asyncio.sleep(0.0005 + 0.7 * world.leaves_after)
            self.has_left = not task.done()
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if not task.cancelled():
            assert task.exception() is None, task.exception()

    async def _read_on(self, answer: AsyncGenerator[AskEvent, None]) -> None:
        world = self._world
        try:
            async with aclosing(answer) as events:
                if world.leaves_after == 0 and not world.is_cancelled:
                    self.has_left = True
                    return
                async for event in events:
                    self.events.append(event)
                    if world.pauses:
                        await asyncio.sleep(3.0)
                    if len(self.events) == world.leaves_after and not world.is_cancelled:
                        self.has_left = not isinstance(event, Final)
                        return
        except AtpError as error:
            self.error = error.kept()


async def live(world: World) -> tuple[Stage, Reader]:
    endpoint = dataclasses.replace(ENDPOINT, can_resume=world.can_resume)
    stage = Stage(view=catalogue(good=endpoint, fair=ENDPOINT, poor=ENDPOINT), cascade=world.cascade)
    for name, played in world.scripts.items():
        stage.provider.script(name, *played)
    if world.budget is not None:
        await stage.give(world.budget)
    reader = Reader(stage, world)
    await reader.read()
    await stage.settle_down()
    await stage.close()
    return stage, reader


@settings(deadline=None, max_examples=250)
@given(world=worlds)
def test_every_ask_ends_once_and_its_bill_is_the_same_everywhere(world: World) -> None:
    stage, reader = play(live(world))
    events, error = reader.events, reader.error
    finals = [event for event in events if isinstance(event, Final)]

    # One end: a Final, a typed error, or a caller who left (an error may meet him on his way out).
    assert len(finals) + (error is not None) == 1 or (reader.has_left and not finals)
    if finals:
        assert events[-1] is finals[0]

    # Nothing is left over.
    assert stage.in_flight == 0
    assert stage.provider.open_calls == 0
    assert stage.heard.unsettled == []
    if world.budget is not None:
        assert stage.held() == 0

    # One report of every decision, and the same bill wherever it is told.
    reported = [attempt for seen in stage.observations for attempt in seen.recorded.attempts]
    cost = sum(attempt.cost_nano_usd or 0 for attempt in reported)
    called = len(stage.provider.calls)
    assert len(stage.observations) <= 1
    if any(isinstance(event, Decided) for event in events):
        assert len(stage.observations) == 1
    assert cost == sum(told[3] for told in stage.heard.attempts)
    # Who leaves when he is told of a switch ends an attempt whose call was not begun.
    assert len(stage.heard.attempts) - called in ((0, 1) if reader.has_left else (0,))
    if world.budget is not None:
        assert stage.spent() == cost
    if finals:
        assert finals[0].cost_nano_usd == cost
        assert sum(billed.attempt.cost_nano_usd or 0 for billed in finals[0].attempts) == cost
    elif error is not None and cost:
        told = [event for event in events if isinstance(event, Spent)]
        assert told[-1].total_cost_nano_usd == cost

    # Bounds, and what may be tried after something was shown.
    assert called <= 3
    check_what_was_shown(world, stage, events)


def check_what_was_shown(world: World, stage: Stage, events: list[AskEvent]) -> None:
    shown = 0
    for event in events:
        if isinstance(event, Delta):
            shown += 1
            assert event.total_characters >= 0
        elif isinstance(event, Switch):
            if shown:
                assert world.is_streamed
                assert world.on_cut in (OnCut.RESTART, OnCut.RESUME)
                assert event.restarts or (world.on_cut is OnCut.RESUME and world.can_resume)
            else:
                assert not event.restarts
