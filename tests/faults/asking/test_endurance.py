"""Memory: callers who never read while a provider never ends, and a hundred thousand calls one after the other."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import time
from pathlib import Path
from typing import Any

import grpc
import pytest

from atp_grpc.client import AtpClient
from atp_grpc.client.messages import AttemptError, GetServerStatsRequest
from atp_grpc.mock_provider import Fault, Script
from atp_grpc.mock_provider.calls import Ended
from atp_grpc.pb.atp.v1 import ask_service_pb2 as pb
from atp_grpc.pb.atp.v1.ask_service_pb2_grpc import AskServiceStub
from tests.bench.ask_world import instant_upstream
from tests.faults.asking.lives import Lives, lives
from tests.faults.asking.world import SHARED, Told, asked_of, question
from tests.faults.battery import report
from tests.rpc.waiting import eventually

MIB = 1 << 20
ENDLESS = {"first_token": 20.0, "between_chunks": 60.0, "total": 600.0, "most_output": 90_000}
LOOK_SECONDS = 0.25
EACH_MIB, FLAT_MIB = 1.0, 0.25
PATIENT = {"first_token": 20.0, "between_chunks": 20.0, "total": 30.0}
"""A soak asks what is left behind: a machine that is slow for a second is none of it."""


@contextlib.asynccontextmanager
async def deaf_callers(it: Lives, count: int) -> Any:
    """Streams that were begun and are never read, each on a connection of its own."""
    async with contextlib.AsyncExitStack() as stack:
        calls = []
        for number in range(count):
            options = [("grpc.channel_id", number), ("grpc.http2.bdp_probe", 0)]
            target = f"127.0.0.1:{it.backend.port}"
            channel = await stack.enter_async_context(grpc.aio.insecure_channel(target, options=options))
            metadata = (("authorization", f"Bearer {it.acme}"),)
            calls.append(AskServiceStub(channel).AskStream(pb.AskStreamRequest(request=question()), metadata=metadata))
        for call in calls:
            await call.wait_for_connection()
        yield calls
        for call in calls:
            call.cancel()


async def listen_to_nobody(tmp_path: Path, *, callers: int, patience_seconds: float, seconds: float) -> None:
    async with lives(tmp_path, shape=ENDLESS, slow_reader_seconds=patience_seconds, max_streams=callers) as it:
        await it.backend.start()
        it.mock.script(SHARED, Script(fault=Fault.ENDLESS, tokens_per_chunk=20))
        async with it.client(it.globex) as other:
            # A crowd like this has been here before: what any crowd leaves in memory is none of the figure.
            async with deaf_callers(it, callers):
                await it.mock.until(lambda: it.mock.counts[Ended.CANCELLED] == callers)
            await eventually(lambda: open_streams(other), is_it=lambda open_now: open_now == 0, patience_seconds=30)
            before, sizes, sent = it.resident_bytes(), list[int](), list[int]()
            it.mock.reset_calls()
            async with deaf_callers(it, callers):
                await it.mock.until(lambda: len(it.mock.calls) == callers)
                end = time.monotonic() + seconds
                while time.monotonic() < end:
                    # Memory has to be looked at over time: that it stays flat is what is asked.
                    await asyncio.sleep(LOOK_SECONDS)
                    sizes.append(it.resident_bytes())
                    sent.append(sum(call.sent_tokens for call in it.mock.calls))
                await asyncio.wait_for(it.mock.until(lambda: it.mock.counts[Ended.CANCELLED] == callers), 60)
            await eventually(lambda: open_streams(other), is_it=lambda open_now: open_now == 0, patience_seconds=30)
        slow = sum(line.get("reason") == "CALLER_TOO_SLOW" for line in it.backend.lines("call"))

    half = len(sizes) // 2
    growth = (max(sizes) - before) / callers / MIB
    drift = (max(sizes[half:]) - max(sizes[:half])) / callers / MIB
    figure = {
        "mib_each": round(growth, 3),
        "second_half_mib_each": round(drift, 3),
        "sent_away": slow,
        "tokens_each": max(sent) // callers,
        "tokens_in_last_quarter": sent[-1] - sent[3 * half // 2],
    }
    passed = growth <= EACH_MIB and drift <= FLAT_MIB and slow == 2 * callers and sent[-1] == sent[3 * half // 2]
    bar = {"mib_each": EACH_MIB, "sent_away": 2 * callers, "tokens_in_last_quarter": 0}
    report("E6.ask", n=callers, figure=figure, bar=bar, passed=passed)
    assert passed, figure


async def open_streams(client: AtpClient) -> int:
    return int((await client.get_server_stats(GetServerStatsRequest())).open_streams)


@pytest.mark.alone
async def test_callers_who_never_read_stop_the_reading_upstream_and_are_sent_away(tmp_path: Path) -> None:
    await listen_to_nobody(tmp_path, callers=5, patience_seconds=2.5, seconds=2.0)


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_hundred_callers_who_never_read_are_bounded(tmp_path: Path) -> None:
    await listen_to_nobody(tmp_path, callers=100, patience_seconds=30.0, seconds=28.0)


@pytest.mark.slow
@pytest.mark.timeout(1200)
async def test_a_hundred_thousand_asks_leave_nothing_behind(tmp_path: Path) -> None:
    # On a busy machine the heap finds its size late: 2 MiB more until ask 90,000, and then nothing until 190,000.
    warm, asks, at_once = 100_000, 100_000, 16
    sizes, files, cancelled = list[int](), list[tuple[int, int]](), 0
    statuses = collections.Counter[str]()
    with instant_upstream(tmp_path) as port:
        async with lives(tmp_path, base_url=f"http://127.0.0.1:{port}/v1", shape=PATIENT) as it:
            await it.backend.start()
            async with it.client() as client:

                async def some(first: int, step: int, last: int) -> None:
                    nonlocal cancelled
                    for number in range(first, last, step):
                        call = asyncio.create_task(asked_of(client, streamed=number % 2 == 0))
                        if number % 100 == 0:
                            for _ in range(number // 100 % 12):
                                await asyncio.sleep(0)
                            call.cancel()
                            cancelled += 1
                        (told,) = await asyncio.gather(call, return_exceptions=True)
                        statuses[told.status if isinstance(told, Told) else "left"] += 1
                        if isinstance(told, Told) and told.answer is not None:
                            attempts = told.answer.final.attempts
                            statuses.update(AttemptError.Name(one.error) for one in attempts if one.error)

                for begin in range(0, warm + asks, 5_000):
                    await asyncio.gather(*[some(begin + one, at_once, begin + 5_000) for one in range(at_once)])
                    sizes.append(it.resident_bytes())
                    files.append(it.open_files(port))
                stats = await client.get_server_stats(GetServerStatsRequest())

    after = sizes[warm // 5_000 - 1 :]
    slope = sloped(after) / MIB * (asks / 5_000)
    more_files = files[-1][0] - files[0][0]
    most_connections = max(connections for _, connections in files)
    figure = {
        "mib_per_1e5": round(slope, 2),
        "mib": [round(size / MIB, 1) for size in after],
        "more_files": more_files,
        "most_connections_upstream": most_connections,
        "cancelled": cancelled,
        **statuses,
        "open_streams": stats.open_streams,
    }
    bar = {"mib_per_1e5": 1.0, "more_files": 0, "most_connections_upstream": at_once, "not OK": 0}
    passed = slope < 1.0 and more_files <= 0 and most_connections <= at_once and statuses.keys() <= {"OK", "left"}
    report("soak", n=asks, figure=figure, bar=bar, passed=passed)
    assert passed, figure


def sloped(sizes: list[int]) -> float:
    """Growth from one look to the next: the slope of the line of least squares."""
    mean, middle = sum(sizes) / len(sizes), (len(sizes) - 1) / 2
    top = sum((place - middle) * (size - mean) for place, size in enumerate(sizes))
    return top / sum((place - middle) ** 2 for place in range(len(sizes)))
