"""ObserveStream over a real socket: cumulative acknowledgements, few for each commit, nothing that is not durable."""

from __future__ import annotations

import asyncio
from pathlib import Path

import grpc
import pytest
from prometheus_client import generate_latest

from atp_grpc.client import refusal
from atp_grpc.client.messages import (
    GetDecisionRequest,
    ObserveRequest,
    RouteBatchRequest,
    RouteRequest,
)
from atp_grpc.config import LearningSettings
from atp_grpc.pb.atp.v1 import observe_service_pb2 as pb
from atp_grpc.pb.atp.v1 import stream_pb2
from atp_grpc.services.observe_stream import WINDOW
from tests.rpc.provoking import locked
from tests.rpc.serving import ACME, Serving, serving
from tests.rpc.streams.talking import OBSERVE_STREAM, Heard, channel_to, reporting, talk
from tests.rpc.waiting import until

LABELS = 'grpc_service="atp.v1.ObserveService",grpc_type="bidi_stream"'


async def tokens(server: Serving, count: int) -> list[bytes]:
    """Tokens of fresh decisions of acme's."""
    made: list[bytes] = []
    while len(made) < count:
        requests = [RouteRequest(prompt="x")] * min(256, count - len(made))
        batch = await server.acme.route_batch(RouteBatchRequest(requests=requests))
        made += [result.response.feedback_token for result in batch.results]
    return made


def learned(server: Serving) -> int:
    return server.app.rooms.learner.revision


def page(server: Serving) -> str:
    """What `/metrics` shows."""
    return generate_latest(server.app.rooms.instruments.metrics.registry).decode()


def failures(heard: Heard) -> dict[int, str]:
    """Reason by position."""
    found: dict[int, str] = {}
    covered = 0
    for event in heard.events:
        for failure in event.ack.failures:
            assert covered < failure.sequence <= event.ack.last_sequence, (
                "a failure belongs to the first that covers it"
            )
            found[failure.sequence] = refusal(failure.error).reason
        assert event.ack.last_sequence > covered, "an acknowledgement says something new"
        covered = event.ack.last_sequence
    return found


async def test_reports_are_durable_and_learned_once_they_are_acknowledged(
    server: Serving, channel: grpc.aio.Channel
) -> None:
    reports = [reporting(token) for token in await tokens(server, 600)]

    heard = await talk(channel, OBSERVE_STREAM, server.credentials[ACME]).say_and_finish(reports)

    assert failures(heard) == {}
    assert heard.events[-1].ack.last_sequence == 600
    assert heard.end == stream_pb2.StreamEnd(last_sequence=600, reason=stream_pb2.STREAM_END_REASON_CALLER_DONE)
    assert heard.code is grpc.StatusCode.OK
    assert learned(server) == 600


async def test_one_commit_is_one_acknowledgement_however_many_reports_it_holds(
    server: Serving, channel: grpc.aio.Channel, tmp_path: Path
) -> None:
    reports = [reporting(token) for token in await tokens(server, 201)]
    stream = talk(channel, OBSERVE_STREAM, server.credentials[ACME])
    with locked(tmp_path / "data" / "atp.db"):
        # The first is on its way to the disk and waits for the lock; the others wait for the next commit together.
        await stream.send(*reports)
        await until(lambda: server.app.rooms.journal.depth == 200)

    heard = await stream.finish()

    assert heard.events[-1].ack.last_sequence == 201
    assert len(heard.events) <= 3


async def test_refused_reports_are_named_by_position_and_fail_no_neighbour(
    server: Serving, channel: grpc.aio.Channel
) -> None:
    good = await tokens(server, 4)
    foreign = (await server.globex.route(RouteRequest(prompt="x"))).feedback_token
    empty = pb.ObserveStreamRequest(request=ObserveRequest(feedback_token=good[0])).SerializeToString()
    messages = [
        reporting(good[0]),
        b"\xff\xff",
        b"",
        reporting(b"forged"),
        reporting(foreign),
        reporting(good[0], 0.9),
        empty,
        reporting(good[1], float("nan")),
        reporting(good[2]),
        b"\x0a\x80\x80\x48" + b"\x00" * 1_179_648,
    ]

    heard = await talk(channel, OBSERVE_STREAM, server.credentials[ACME]).say_and_finish(messages)

    assert failures(heard) == {
        2: "MALFORMED_MESSAGE",
        3: "INVALID_FIELD",
        4: "TOKEN_INVALID",
        5: "TOKEN_INVALID",
        6: "OUTCOME_CONFLICT",
        7: "INVALID_FIELD",
        8: "INVALID_FIELD",
        10: "MESSAGE_TOO_LARGE",
    }
    assert (heard.end and heard.end.last_sequence, heard.code) == (10, grpc.StatusCode.OK)
    assert learned(server) == 2


async def test_a_refused_report_has_the_error_of_a_unary_call(server: Serving, channel: grpc.aio.Channel) -> None:
    report = ObserveRequest(decision_id="never-was", quality=2.0, labels={"k": "v" * 300})
    with pytest.raises(Exception, match="INVALID_FIELD") as unary:
        await server.acme.observe(report)
    message = pb.ObserveStreamRequest(request=report).SerializeToString()

    heard = await talk(channel, OBSERVE_STREAM, server.credentials[ACME]).say_and_finish([message])

    error, expected = vars(refusal(heard.events[0].ack.failures[0].error)), vars(unary.value)
    assert error.pop("trace_id") != expected.pop("trace_id")
    assert error == expected


async def test_a_report_sent_again_changes_nothing_and_is_counted_as_unchanged(
    server: Serving, channel: grpc.aio.Channel
) -> None:
    reports = [reporting(token) for token in await tokens(server, 50)]
    await talk(channel, OBSERVE_STREAM, server.credentials[ACME]).say_and_finish(reports)

    again = await talk(channel, OBSERVE_STREAM, server.credentials[ACME]).say_and_finish([*reports, *reports])

    assert again.events[-1].ack.total_unchanged == 100
    assert learned(server) == 50


async def test_another_tenants_decision_cannot_be_reported_on_by_its_id(
    server: Serving, channel: grpc.aio.Channel
) -> None:
    decision_id = (await server.globex.route(RouteRequest(prompt="x"))).decision_id
    report = pb.ObserveStreamRequest(request=ObserveRequest(decision_id=decision_id, quality=1.0))

    heard = await talk(channel, OBSERVE_STREAM, server.credentials[ACME]).say_and_finish([report.SerializeToString()])

    assert failures(heard) == {1: "DECISION_NOT_FOUND"}
    kept = await server.globex.get_decision(GetDecisionRequest(decision_id=decision_id))
    assert not kept.decision.outcome.HasField("quality")


async def test_no_more_than_a_window_of_reports_is_taken_while_the_store_does_not_answer(
    server: Serving, channel: grpc.aio.Channel, tmp_path: Path
) -> None:
    report = reporting((await tokens(server, 1))[0])
    stream = talk(channel, OBSERVE_STREAM, server.credentials[ACME])
    with locked(tmp_path / "data" / "atp.db"):
        sending = asyncio.ensure_future(stream.send(*[report] * 5000))
        await until(lambda: server.app.rooms.journal.depth >= WINDOW - 1)
        await asyncio.wait({sending}, timeout=0.3)
        # One report is in the hands of the writer, the rest of the window waits, and nothing more was read.
        assert server.app.rooms.journal.depth == WINDOW - 1
        assert f'msg_received_total{{grpc_method="ObserveStream",{LABELS}}} {WINDOW}.0' in page(server)

    hearing = asyncio.ensure_future(stream.to_the_end())
    await sending
    await stream.call.done_writing()
    heard = await hearing
    assert heard.end is not None
    assert heard.end.last_sequence == 5000
    assert heard.events[-1].ack.total_unchanged == 4999


async def test_a_full_journal_keeps_streams_waiting_and_refuses_nothing(tmp_path: Path) -> None:
    async with (
        serving(tmp_path / "data", learning=LearningSettings(observation_queue=10)) as server,
        channel_to(server.target) as channel,
    ):
        reports = [reporting(token) for token in await tokens(server, 300)]
        streams = [talk(channel, OBSERVE_STREAM, server.credentials[ACME]) for _ in range(3)]
        with locked(tmp_path / "data" / "atp.db"):
            for part, stream in enumerate(streams):
                await stream.send(*reports[part::3])
            await until(lambda: server.app.rooms.journal.depth == 10)
            # What is sent one by one is refused, because its caller can do nothing but wait or try again.
            with pytest.raises(Exception, match="STORE_UNAVAILABLE"):
                await server.globex.observe(
                    ObserveRequest(
                        feedback_token=(await server.globex.route(RouteRequest(prompt="x"))).feedback_token, quality=1.0
                    )
                )

        for heard in await asyncio.gather(*(stream.finish() for stream in streams)):
            assert failures(heard) == {}
            assert heard.end is not None
            assert heard.end.last_sequence == 100
        assert learned(server) == 300


async def test_a_store_that_fails_refuses_the_report_and_the_stream_goes_on(
    server: Serving, channel: grpc.aio.Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = await tokens(server, 2)
    stream = talk(channel, OBSERVE_STREAM, server.credentials[ACME])

    async def broken(_: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(server.app.rooms.store, "record", broken)
        await stream.send(reporting(first))
        refused = (await stream.read()).ack
    await stream.send(reporting(second), reporting(first))
    heard = await stream.finish()

    error = refusal(refused.failures[0].error)
    assert (error.reason, error.code) == ("STORE_UNAVAILABLE", "UNAVAILABLE")
    assert error.retry_after_seconds
    assert failures(heard) == {}
    assert learned(server) == 2


async def test_what_a_caller_who_left_had_sent_is_still_recorded(
    server: Serving, channel: grpc.aio.Channel, tmp_path: Path
) -> None:
    reports = [reporting(token) for token in await tokens(server, 20)]
    stream = talk(channel, OBSERVE_STREAM, server.credentials[ACME])
    with locked(tmp_path / "data" / "atp.db"):
        await stream.send(*reports)
        await until(lambda: server.app.rooms.journal.depth == 19)
        stream.call.cancel()
        await until(lambda: server.app.door.traffic.open_streams == 0)

    await until(lambda: server.app.rooms.learner.revision == 20)
    again = await talk(channel, OBSERVE_STREAM, server.credentials[ACME]).say_and_finish(reports)
    assert again.events[-1].ack.total_unchanged == 20
