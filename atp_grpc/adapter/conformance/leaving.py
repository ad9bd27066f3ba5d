"""Checks of readers that leave or lag: the call upstream ends at once, and nothing piles up.

`running` enters here. Each check returns what is wrong, an empty text when nothing is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from atp_grpc.adapter.conformance.subject import NotApplicable, Subject
from atp_grpc.providers.contract import Generation

MOST_AHEAD_BYTES = 16 * 1024 * 1024
"""What sockets and buffers of both sides may hold together."""
_LOOK_SECONDS = 0.001
_STILL_SECONDS = 0.1


async def leaving_reader_ends_the_call(subject: Subject) -> str:
    """`aclose` after the first event ends the call upstream."""
    events = subject.provider.generate(_longest(subject))
    await anext(events)
    before = asyncio.get_running_loop().time()
    await events.aclose()
    if asyncio.get_running_loop().time() - before > subject.leave_seconds:
        return "aclose took too long"
    return await _still_open(subject)


async def cancelled_reader_ends_the_call(subject: Subject) -> str:
    """A cancellation passes through the provider and ends the call upstream."""
    has_begun = asyncio.Event()

    async def read(generation: Generation) -> None:
        events = subject.provider.generate(generation)
        try:
            async for _ in events:
                has_begun.set()
        finally:
            await events.aclose()

    reader = asyncio.get_running_loop().create_task(read(_longest(subject)))
    reader.add_done_callback(lambda _: has_begun.set())
    await has_begun.wait()
    reader.cancel()
    with suppress(asyncio.CancelledError):
        await reader
        if subject.endless_generation is not None:
            return "the cancellation was swallowed"
    return await _still_open(subject)


async def reader_that_leaves_before_the_first_event_ends_the_call(subject: Subject) -> str:
    """A cancellation that comes before any event ends the call upstream, too."""
    reader = asyncio.get_running_loop().create_task(subject.answer())
    await asyncio.sleep(0)
    reader.cancel()
    with suppress(asyncio.CancelledError):
        await reader
    return await _still_open(subject)


async def slow_reader_holds_the_upstream_back(subject: Subject) -> str:
    """While nobody reads, the upstream comes to a halt."""
    if subject.endless_generation is None or subject.made_so_far is None:
        raise NotApplicable("what is made upstream cannot be seen")
    events = subject.provider.generate(subject.endless_generation)
    try:
        await anext(events)
        made = await _halted(subject.made_so_far)
    finally:
        await events.aclose()
    return "" if made is not None else f"more than {MOST_AHEAD_BYTES} bytes were made for a reader that stands still"


async def _halted(made_so_far: Callable[[], int]) -> int | None:
    """Where the upstream came to a halt, None when it went too far."""
    before = -1
    while (made := made_so_far()) != before:
        if made > MOST_AHEAD_BYTES:
            return None
        before = made
        await asyncio.sleep(_STILL_SECONDS)
    return made


async def _still_open(subject: Subject) -> str:
    if subject.open_calls is None:
        raise NotApplicable("open calls cannot be seen upstream")
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + subject.leave_seconds
    while open_calls := await subject.open_calls():
        if loop.time() > ends_at:
            return f"{open_calls} calls are still open upstream after {subject.leave_seconds:g} s"
        await asyncio.sleep(_LOOK_SECONDS)
    return ""


def _longest(subject: Subject) -> Generation:
    return subject.endless_generation or subject.generation


CHECKS = (
    leaving_reader_ends_the_call,
    cancelled_reader_ends_the_call,
    reader_that_leaves_before_the_first_event_ends_the_call,
    slow_reader_holds_the_upstream_back,
)
