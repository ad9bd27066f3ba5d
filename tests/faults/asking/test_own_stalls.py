"""A server that stood still: what providers said meanwhile was said in time, and nobody is blamed for not being heard.

A process stands still when the machine gives its core to others, freezes it, or collects garbage. Its time limits have
passed when it goes on, and the answers lie in its sockets.
"""

from __future__ import annotations

import asyncio
import collections
import itertools
import os
import signal
from pathlib import Path

import pytest

from atp_grpc.mock_provider import Script
from tests.faults.asking.lives import Lives, lives
from tests.faults.asking.world import SHARED, asked_of
from tests.faults.battery import report

AT_ONCE = 48
"""More at each of two deployments than the calls from which on a breaker judges shares."""
LIMITS = {"first_token": 0.8, "between_chunks": 0.8, "total": 0.9}
THINKING_SECONDS = 0.5
STANDS_STILL_SECONDS = 0.6


@pytest.mark.parametrize("streamed", [[True], [True, False]])
async def test_answers_that_came_while_the_server_stood_still_are_answers_and_not_late(
    tmp_path: Path, streamed: list[bool]
) -> None:
    async with lives(tmp_path, shape=LIMITS) as it:
        await it.backend.start()
        async with it.client() as client:
            it.mock.script(SHARED, Script(first_token_seconds=THINKING_SECONDS))
            kinds = itertools.islice(itertools.cycle(streamed), AT_ONCE)
            calls = [asyncio.create_task(asked_of(client, streamed=one)) for one in kinds]
            await it.mock.until(lambda: len(it.mock.calls) == AT_ONCE)
            await stands_still(it)
            told = await asyncio.gather(*calls)
            # Nor is anybody kept from calls to come.
            it.mock.forget_scripts()
            told += [await asked_of(client, streamed=one) for one in streamed]

    answers = [one.answer for one in told if one.answer is not None]
    figure = {
        **collections.Counter(one.status for one in told),
        "attempts": sum(len(answer.final.attempts) for answer in answers),
    }
    bar = {"OK": len(told), "attempts": len(told)}
    report("own_stalls", n=len(told), figure=figure, bar=bar, passed=figure == bar)
    assert figure == bar


async def stands_still(it: Lives) -> None:
    """The process is stopped until every answer is there, and longer than its limits."""
    os.kill(it.pid, signal.SIGSTOP)
    try:
        await asyncio.wait_for(it.mock.idle(), 10)
        # The time that passes for a process that does nothing is what is tested.
        await asyncio.sleep(STANDS_STILL_SECONDS)
    finally:
        os.kill(it.pid, signal.SIGCONT)
