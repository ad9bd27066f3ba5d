"""RouteStream over a real socket: pipelined, in order, each request answered or refused in its own place."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest

from atp_grpc.client import AtpCallError, refusal
from atp_grpc.client.messages import GetDecisionRequest, ObserveRequest, RouteRequest
from atp_grpc.config import AuthSettings
from atp_grpc.domain.tenant import Permission
from atp_grpc.pb.atp.v1 import route_service_pb2 as pb
from atp_grpc.pb.atp.v1 import stream_pb2
from tests.rpc.serving import ACME, GLOBEX, Serving, key_for, serving
from tests.rpc.streams.talking import ROUTE_STREAM, asking, channel_to, talk

REFUSED_LIKE_UNARY = {
    "no input": RouteRequest(),
    "a label too long": RouteRequest(prompt="x", labels={"k": "v" * 300}),
    "an id with a space": RouteRequest(prompt="x", request_id="not an id"),
    "a text too large": RouteRequest(prompt="x" * 300_000),
    "an unknown model": RouteRequest(prompt="x", constraints={"allowed_models": ["ghost"]}),
    "an unknown policy": RouteRequest(prompt="x", policy="ghost"),
    "nobody is cheap enough": RouteRequest(prompt="x", constraints={"max_cost_nano_usd": 0}),
    "features of another schema": RouteRequest(features={"schema_id": "acme.v9", "values": [0.0] * 15}),
    "a revision to come": RouteRequest(prompt="x", min_revision=99),
}


async def test_many_requests_on_their_way_are_answered_in_order_under_the_callers_own_names(
    server: Serving, channel: grpc.aio.Channel
) -> None:
    stream = talk(channel, ROUTE_STREAM, server.credentials[ACME])
    names = [f"name-{number % 7}" for number in range(300)]

    heard = await stream.say_and_finish([asking(correlation_id=name) for name in names])

    assert [event.result.correlation_id for event in heard.events] == names
    assert [event.result.sequence for event in heard.events] == list(range(1, 301))
    assert len({event.result.response.decision_id for event in heard.events}) == 300
    assert (heard.code, heard.end) == (
        grpc.StatusCode.OK,
        stream_pb2.StreamEnd(last_sequence=300, reason=stream_pb2.STREAM_END_REASON_CALLER_DONE),
    )


async def test_an_answer_comes_before_the_next_request_is_sent(server: Serving, channel: grpc.aio.Channel) -> None:
    stream = talk(channel, ROUTE_STREAM, server.credentials[ACME])
    for sequence in (1, 2, 3):
        await stream.send(asking())
        assert (await stream.read()).result.sequence == sequence
    assert (await stream.finish()).code is grpc.StatusCode.OK


async def test_a_stream_of_nothing_ends_well(server: Serving, channel: grpc.aio.Channel) -> None:
    heard = await talk(channel, ROUTE_STREAM, server.credentials[ACME]).finish()

    assert heard.events == []
    assert heard.end == stream_pb2.StreamEnd(reason=stream_pb2.STREAM_END_REASON_CALLER_DONE)
    assert heard.code is grpc.StatusCode.OK


@pytest.mark.parametrize("request_message", REFUSED_LIKE_UNARY.values(), ids=REFUSED_LIKE_UNARY)
async def test_a_refused_request_has_the_error_of_a_unary_call_and_fails_no_neighbour(
    server: Serving, channel: grpc.aio.Channel, request_message: RouteRequest
) -> None:
    with pytest.raises(AtpCallError) as unary:
        await server.acme.route(request_message)
    stream = talk(channel, ROUTE_STREAM, server.credentials[ACME])

    heard = await stream.say_and_finish([asking(), asking(request_message, correlation_id="bad"), asking()])

    first, bad, last = (event.result for event in heard.events)
    assert first.HasField("response")
    assert last.HasField("response")
    assert (bad.sequence, bad.correlation_id) == (2, "bad")
    error, expected = vars(refusal(bad.error)), vars(unary.value)
    assert error.pop("trace_id")
    assert expected.pop("trace_id")
    assert error == expected
    assert heard.code is grpc.StatusCode.OK


@pytest.mark.parametrize(
    ("message", "reason", "field"),
    [
        (b"\xff\xff\xff", "MALFORMED_MESSAGE", ""),
        (b"\x12\x05\x12\x02\xff\xfe", "MALFORMED_MESSAGE", ""),
        (b"", "INVALID_FIELD", "request"),
        (asking(correlation_id="n" * 65), "INVALID_FIELD", "correlation_id"),
        (asking(RouteRequest(prompt="x" * 1_100_000)), "MESSAGE_TOO_LARGE", ""),
    ],
    ids=["no message", "no request", "empty", "a name too long", "too large"],
)
async def test_a_message_that_cannot_be_read_is_refused_in_its_place(
    server: Serving, channel: grpc.aio.Channel, message: bytes, reason: str, field: str
) -> None:
    stream = talk(channel, ROUTE_STREAM, server.credentials[ACME])

    heard = await stream.say_and_finish([asking(), message, asking(correlation_id="é")])

    first, bad, last = (event.result for event in heard.events)
    error = refusal(bad.error)
    assert (error.reason, error.code) == (reason, "INVALID_ARGUMENT")
    assert [violation.field for violation in error.violations] == ([field] if field else [])
    assert (first.HasField("response"), last.HasField("response")) == (True, True)
    assert (bad.sequence, last.sequence, last.correlation_id) == (2, 3, "é")
    assert heard.end is not None
    assert heard.end.last_sequence == 3


async def test_fields_in_any_order_and_unknown_ones_are_understood(server: Serving, channel: grpc.aio.Channel) -> None:
    request = pb.RouteStreamRequest(request=RouteRequest(prompt="x")).SerializeToString()
    name = pb.RouteStreamRequest(correlation_id="late").SerializeToString()
    unknown = b"\x7a\x03new"
    stream = talk(channel, ROUTE_STREAM, server.credentials[ACME])

    heard = await stream.say_and_finish([request + name, unknown + name + request, name + request + name])

    assert [event.result.correlation_id for event in heard.events] == ["late"] * 3
    assert all(event.result.response.decision_id for event in heard.events)


async def test_a_request_id_is_decided_once_on_all_ways_in(server: Serving, channel: grpc.aio.Channel) -> None:
    named = RouteRequest(prompt="x", request_id="id-1")
    first = await server.acme.route(named)
    stream = talk(channel, ROUTE_STREAM, server.credentials[ACME])

    heard = await stream.say_and_finish(
        [asking(named), asking(named), asking(RouteRequest(prompt="y", request_id="id-1"))]
    )

    once, again, other = (event.result for event in heard.events)
    assert once.response == again.response == first
    assert refusal(other.error).reason == "REQUEST_ID_REUSED"


async def test_tenants_on_streams_of_one_connection_never_see_each_other(
    server: Serving, channel: grpc.aio.Channel
) -> None:
    streams = {tenant: talk(channel, ROUTE_STREAM, server.credentials[tenant]) for tenant in (ACME, GLOBEX)}
    named = asking(RouteRequest(prompt="x", request_id="id-1"))
    answers = {}
    for tenant, stream in streams.items():
        await stream.send(named)
        answers[tenant] = (await stream.read()).result.response

    assert answers[ACME].decision_id != answers[GLOBEX].decision_id
    for other, client in ((ACME, server.globex), (GLOBEX, server.acme)):
        with pytest.raises(AtpCallError, match="TOKEN_INVALID"):
            await client.observe(ObserveRequest(feedback_token=answers[other].feedback_token, quality=1.0))
        with pytest.raises(AtpCallError, match="DECISION_NOT_FOUND"):
            await client.get_decision(GetDecisionRequest(decision_id=answers[other].decision_id))
    await server.acme.observe(ObserveRequest(feedback_token=answers[ACME].feedback_token, quality=1.0))
    for stream in streams.values():
        assert (await stream.finish()).code is grpc.StatusCode.OK


@pytest.mark.parametrize("credential", ["", "atp_test_nokey_nosecret"])
async def test_a_stream_without_a_good_key_is_refused_before_its_first_message(
    server: Serving, channel: grpc.aio.Channel, credential: str
) -> None:
    heard = await talk(channel, ROUTE_STREAM, credential).to_the_end()

    assert (heard.code, heard.events, heard.end) == (grpc.StatusCode.UNAUTHENTICATED, [], None)
    assert b"CREDENTIAL_REFUSED" in heard.trailers["grpc-status-details-bin"]


async def test_a_stream_needs_the_permission_of_its_method(tmp_path: Path) -> None:
    credential, key = key_for(tmp_path, ACME, (Permission.OBSERVE,))
    async with serving(tmp_path, auth=AuthSettings((key,))) as server, channel_to(server.target) as channel:
        heard = await talk(channel, ROUTE_STREAM, credential).to_the_end()

    assert heard.code is grpc.StatusCode.PERMISSION_DENIED


async def test_errors_on_a_stream_name_the_call_by_its_trace(server: Serving, channel: grpc.aio.Channel) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    metadata = (
        ("authorization", f"Bearer {server.credentials[ACME]}"),
        ("traceparent", f"00-{trace}-b7ad6b7169203331-01"),
    )
    call = channel.stream_stream(ROUTE_STREAM)(metadata=metadata)
    await call.write(asking(RouteRequest()))

    event = pb.RouteStreamResponse.FromString(await call.read())

    assert refusal(event.result.error).trace_id == trace
    call.cancel()
