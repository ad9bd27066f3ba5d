"""Operations over a real socket: asked for, waited for, cancelled, and nobody else's to find."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from google.longrunning import operations_pb2

from atp_grpc.client import AtpCallError
from atp_grpc.client import messages as m
from atp_grpc.client.evaluations import progress, result
from atp_grpc.services import long_running
from tests.rpc.evaluations import cancelled, ended, standing_still, write_log
from tests.rpc.provoking import refused
from tests.rpc.serving import Serving, serving
from tests.rpc.waiting import eventually

UNIFORM = m.EvaluatePolicyRequest(uniform=True)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Serving]:
    async with serving(tmp_path / "data") as running:
        yield running


async def begun(server: Serving, operations: int = 1) -> list[operations_pb2.Operation]:
    return await asyncio.gather(*(server.acme.evaluations.begin(UNIFORM) for _ in range(operations)))


async def test_a_short_log_is_answered_by_an_operation_that_is_done(server: Serving) -> None:
    await write_log(server.acme, 1)
    operation = await server.acme.evaluations.begin(UNIFORM)
    assert operation.done
    assert result(operation).decisions == 100
    assert (progress(operation).decisions_read, progress(operation).percent) == (100, 100)
    assert await server.acme.evaluations.get(operation.name) == operation
    assert await server.acme.evaluations.list() == [operation]
    await server.acme.evaluations.delete(operation.name)
    await refused(server.acme.evaluations.get(operation.name), "RESOURCE_NOT_FOUND", "NOT_FOUND")


async def test_an_operation_that_takes_long_is_waited_for(server: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    await write_log(server.acme, 1)
    async with standing_still(server, monkeypatch) as gate:
        [operation] = await begun(server)
        assert not operation.done
        assert progress(operation).HasField("started_at")
        assert not (await server.acme.evaluations.wait(operation.name, 0.01)).done
        gate.set()
        assert (await ended(server.acme, operation)).decisions == 100


async def test_one_evaluation_runs_at_a_time_and_few_wait(server: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    async with standing_still(server, monkeypatch):
        operations = await begun(server, 4)
        assert sum(progress(one).HasField("started_at") for one in operations) == 1
        error = await refused(
            server.acme.evaluations.begin(UNIFORM), "OPERATIONS_EXHAUSTED", "RESOURCE_EXHAUSTED", retry=True
        )
        assert error.metadata == {"limit": "4"}
    for operation in operations:
        await ended(server.acme, operation)
    assert (await server.acme.evaluations.begin(UNIFORM)).done


async def test_a_cancelled_operation_ends_whether_it_runs_or_waits(
    server: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with standing_still(server, monkeypatch):
        operations = await begun(server, 2)
        for operation in sorted(operations, key=lambda one: not progress(one).HasField("started_at")):
            await server.acme.evaluations.cancel(operation.name)
            await cancelled(server, operation.name)
            await server.acme.evaluations.cancel(operation.name)
    assert (await server.acme.evaluations.begin(UNIFORM)).done


async def test_who_stops_waiting_takes_the_evaluation_back(server: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    async with standing_still(server, monkeypatch):
        told: list[m.EvaluatePolicyMetadata] = []
        waiting = asyncio.create_task(server.acme.evaluations.evaluate(UNIFORM, follow=told.append))
        [operation] = await eventually(server.acme.evaluations.list, is_it=bool)

        async def heard() -> int:
            return len(told)

        await eventually(heard, is_it=bool)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await cancelled(server, operation.name)


async def test_nobody_finds_the_operation_of_another_tenant(server: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    stranger = server.globex.evaluations
    async with standing_still(server, monkeypatch):
        [operation] = await begun(server)
        name = operation.name
        for call in (stranger.get(name), stranger.wait(name, 1.0), stranger.cancel(name), stranger.delete(name)):
            error = await refused(call, "RESOURCE_NOT_FOUND", "NOT_FOUND")
            unknown = await refused(server.acme.evaluations.get("operations/none"), "RESOURCE_NOT_FOUND", "NOT_FOUND")
            assert error.message == unknown.message
        assert await stranger.list() == []
    assert (await ended(server.acme, operation)).decisions == 0


async def test_a_log_that_cannot_be_read_fails_the_operation_and_not_the_server(
    server: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise ValueError("a secret path")

    monkeypatch.setattr(server.app.rooms.store, "history", broken)
    [operation] = await begun(server)
    with pytest.raises(AtpCallError) as caught:
        result(operation)
    assert (caught.value.reason, bool(caught.value.incident)) == ("INTERNAL", True)
    assert "secret" not in str(operation)


async def test_a_server_that_stops_does_not_wait_for_operations(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        async with serving(tmp_path / "data") as server:

            async def never(*_: object, **__: object) -> None:
                await asyncio.Event().wait()

            monkeypatch.setattr(server.app.rooms.store, "history", never)
            monkeypatch.setattr(long_running, "AT_ONCE_SECONDS", 0.02)
            [operation] = await begun(server)
            assert not operation.done
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "operations"]
