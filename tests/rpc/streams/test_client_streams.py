"""The kit's streams against a real server: callers see answers and errors, nothing of windows, ends and restarts."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from atp_grpc.client import AtpCallError, AtpClient, ObserveStream, random_request_id
from atp_grpc.client.messages import GetDecisionRequest, ObserveRequest, RouteRequest, RouteResponse
from atp_grpc.config import ServerSettings
from tests.rpc.provoking import locked
from tests.rpc.serving import ACME, Serving, serving
from tests.rpc.waiting import until

PROMPT = RouteRequest(prompt="What is 2 + 2?")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def serving_on(
    data_dir: Path, port: int = 0, *, max_stream_seconds: float = 120.0, **sections: object
) -> AsyncIterator[Serving]:
    door = ServerSettings(
        port=port, drain_delay_seconds=0.0, shutdown_seconds=5.0, max_stream_seconds=max_stream_seconds
    )
    async with serving(data_dir, server=door, **sections) as server:  # type: ignore[arg-type]
        yield server


def decided(server: Serving) -> float:
    """How many decisions the server has made."""
    registry = server.app.rooms.instruments.metrics.registry
    return sum(
        sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name == "atp_decisions_total"
    )


def streams_opened(server: Serving) -> float:
    return server.app.door.traffic.arrivals


async def test_many_requests_share_one_stream_and_each_gets_its_own_decision(server: Serving) -> None:
    async with server.acme.route_stream() as stream:
        answers = await asyncio.gather(*(stream.route(PROMPT) for _ in range(300)))

    assert len({answer.decision_id for answer in answers}) == decided(server) == 300
    assert streams_opened(server) == 1


async def test_a_refused_request_raises_what_a_unary_call_raises_and_the_stream_goes_on(server: Serving) -> None:
    bad = RouteRequest(prompt="x", constraints={"allowed_models": ["ghost"]})
    with pytest.raises(AtpCallError) as unary:
        await server.acme.route(bad)
    async with server.acme.route_stream() as stream:
        with pytest.raises(AtpCallError) as streamed:
            await stream.route(bad)
        assert (await stream.route(PROMPT)).decision_id

    mine, expected = vars(streamed.value), vars(unary.value)
    assert mine.pop("trace_id") != expected.pop("trace_id")
    assert mine == expected


async def test_reports_are_durable_when_observe_returns(server: Serving) -> None:
    async with server.acme.route_stream() as routes, server.acme.observe_stream() as reports:
        answers = await asyncio.gather(*(routes.route(PROMPT) for _ in range(200)))
        await asyncio.gather(
            *(reports.observe(ObserveRequest(feedback_token=one.feedback_token, quality=1.0)) for one in answers)
        )
        with pytest.raises(AtpCallError, match="OUTCOME_CONFLICT"):
            await reports.observe(ObserveRequest(feedback_token=answers[0].feedback_token, quality=0.0))
        with pytest.raises(AtpCallError, match="TOKEN_INVALID"):
            await reports.observe(ObserveRequest(feedback_token=b"forged", quality=0.0))

    assert server.app.rooms.learner.revision == 200
    stored = await server.acme.get_decision(GetDecisionRequest(decision_id=answers[7].decision_id))
    assert stored.decision.outcome.quality == 1.0


async def test_leaving_the_block_waits_for_the_answers_that_are_missing(server: Serving, tmp_path: Path) -> None:
    token = (await server.acme.route(PROMPT)).feedback_token
    async with server.acme.observe_stream() as reports:
        with locked(tmp_path / "data" / "atp.db"):
            durable = await reports.submit(ObserveRequest(feedback_token=token, quality=1.0))
            await asyncio.wait({durable}, timeout=0.1)
            assert not durable.done()

    assert durable.done()
    assert durable.exception() is None


async def test_a_block_that_fails_waits_for_nothing(server: Serving, tmp_path: Path) -> None:
    token = (await server.acme.route(PROMPT)).feedback_token
    report = ObserveRequest(feedback_token=token, quality=1.0)
    opened: list[ObserveStream] = []
    durable: list[asyncio.Future[None]] = []

    async def fail() -> None:
        async with server.acme.observe_stream() as reports:
            opened.append(reports)
            durable.append(await reports.submit(report))
            raise KeyError

    with locked(tmp_path / "data" / "atp.db"), pytest.raises(KeyError):
        await fail()
    assert durable[0].cancelled()
    with pytest.raises(RuntimeError, match="closed"):
        await opened[0].submit(report)


async def test_no_more_than_a_window_is_on_its_way(server: Serving, tmp_path: Path) -> None:
    tokens = [(await server.acme.route(PROMPT)).feedback_token for _ in range(4)]
    async with server.acme.observe_stream(window=3) as reports:
        with locked(tmp_path / "data" / "atp.db"):
            for token in tokens[:3]:
                await reports.submit(ObserveRequest(feedback_token=token, quality=1.0))
            fourth = asyncio.ensure_future(reports.submit(ObserveRequest(feedback_token=tokens[3], quality=1.0)))
            await asyncio.wait({fourth}, timeout=0.1)
            assert not fourth.done()
        await (await fourth)


async def test_streams_that_end_by_age_are_followed_by_others_and_nothing_is_decided_twice(tmp_path: Path) -> None:
    async with serving_on(tmp_path, max_stream_seconds=0.2) as server, server.acme.route_stream(window=16) as stream:
        answers: list[RouteResponse] = []

        async def ask_on() -> None:
            while server.app.door.traffic.arrivals < 3:
                answers.append(await stream.route(PROMPT))

        await asyncio.gather(*(ask_on() for _ in range(16)))

        assert len({answer.decision_id for answer in answers}) == len(answers) == decided(server)


async def test_an_idle_stream_that_was_ended_is_opened_again_when_it_is_needed(tmp_path: Path) -> None:
    async with serving_on(tmp_path, max_stream_seconds=0.1) as server, server.acme.route_stream() as stream:
        for number in (1, 2):
            await stream.route(PROMPT)
            assert streams_opened(server) == number
            await until(lambda: server.app.door.traffic.open_streams == 0)


async def test_a_restart_in_the_middle_loses_no_request_and_no_report(tmp_path: Path) -> None:
    port, answers = free_port(), []
    async with AsyncExitStack() as stack:
        async with serving_on(tmp_path / "data", port) as first:
            # The second process knows the same keys: they stand in the settings of both.
            key = first.credentials[ACME]
            auth = first.app.rooms.settings.auth
            atp = await stack.enter_async_context(AtpClient.open(first.target, credential=key, deadline_seconds=30))
            routes = await stack.enter_async_context(atp.route_stream())
            reports = await stack.enter_async_context(atp.observe_stream())
            is_over = False

            async def ask_and_tell() -> None:
                while not is_over:
                    answer = await routes.route(PROMPT)
                    await reports.observe(ObserveRequest(feedback_token=answer.feedback_token, quality=0.5))
                    answers.append(answer.decision_id)

            asking = asyncio.gather(*(ask_and_tell() for _ in range(8)))
            await until(lambda: len(answers) > 50)
        before = len(answers)
        async with serving_on(tmp_path / "data", port, auth=auth) as second:
            await until(lambda: len(answers) > before + 50)
            is_over = True
            await asking
            await stack.aclose()
            assert len(set(answers)) == len(answers) == second.app.rooms.learner.revision


async def test_without_a_server_a_request_fails_at_its_deadline_and_says_why() -> None:
    async with (
        AtpClient.open(f"127.0.0.1:{free_port()}", credential="atp_test_x_y", deadline_seconds=0.5) as atp,
        atp.route_stream() as stream,
    ):
        with pytest.raises(AtpCallError, match="UNAVAILABLE") as refused:
            await stream.route(PROMPT)
    assert refused.value.code == "DEADLINE_EXCEEDED"


async def test_a_key_that_is_refused_fails_what_was_asked_at_once(server: Serving) -> None:
    async with (
        AtpClient.open(server.target, credential="atp_test_nokey_nosecret") as stranger,
        stranger.route_stream() as stream,
    ):
        for _ in range(20):
            results = await asyncio.gather(*(stream.route(PROMPT) for _ in range(8)), return_exceptions=True)
            assert {getattr(result, "reason", "") for result in results} == {"CREDENTIAL_REFUSED"}


async def test_requests_are_named_where_the_client_names_them(server: Serving) -> None:
    async with (
        AtpClient.open(
            server.target, credential=server.credentials[ACME], request_ids=iter(["a", "b", "a"]).__next__
        ) as atp,
        atp.route_stream() as stream,
    ):
        first, second, again = [await stream.route(PROMPT) for _ in range(3)]
    assert first.decision_id == again.decision_id != second.decision_id
    assert random_request_id() != random_request_id()


async def test_a_caller_that_gives_up_one_answer_disturbs_no_other(server: Serving) -> None:
    async with server.acme.route_stream() as stream:
        tasks = [asyncio.ensure_future(stream.route(PROMPT)) for _ in range(50)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        answers = await asyncio.gather(*tasks[1::2])
        assert len({answer.decision_id for answer in answers}) == 25
        assert (await stream.route(PROMPT)).decision_id
