"""Ask through the kit: what is tried again and what never is, and a stream whose end nobody can fake."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest

from atp_grpc.client import AskStream, AtpCallError, AtpClient
from atp_grpc.client import messages as m
from atp_grpc.domain.ask import AskEvent, Delta, Switch
from atp_grpc.domain.errors import AnswerCutError, OverloadedError
from atp_grpc.domain.outcome import AttemptError
from atp_grpc.pb.atp.v1.ask_service_pb2_grpc import AskServiceServicer, add_AskServiceServicer_to_server
from atp_grpc.services.convert.answers import stream_event
from atp_grpc.services.status import rpc_status
from tests.unit.client.scripted_server import Scripted
from tests.unit.services.ask_stories import DECIDED, DEEP, FINAL, SWIFT, USAGE, text

UNAVAILABLE = (grpc.StatusCode.UNAVAILABLE, rpc_status(OverloadedError(0.01), "t"))
CUT = rpc_status(
    AnswerCutError(target=SWIFT, error=AttemptError.CUT, total_characters=3, usage=USAGE, cost_nano_usd=7), "t"
)


@dataclass
class Streaming(AskServiceServicer):
    """Sends events, then ends with a status, or waits for ever."""

    events: tuple[AskEvent, ...] = ()
    end: Any = None
    waits: bool = False
    calls: int = 0
    has_left: asyncio.Event = field(default_factory=asyncio.Event)
    metadata: dict[str, Any] = field(default_factory=dict)

    async def AskStream(self, request: Any, context: Any) -> AsyncIterator[m.AskStreamResponse]:  # noqa: N802
        self.calls += 1
        self.metadata = dict(context.invocation_metadata())
        try:
            for number, event in enumerate(self.events, start=1):
                yield m.AskStreamResponse.FromString(stream_event(number, event))
            if self.waits:
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.has_left.set()
            raise
        if self.end is not None:
            details = (("grpc-status-details-bin", self.end.SerializeToString()),)
            await context.abort(grpc.StatusCode.ABORTED, self.end.message, details)


@asynccontextmanager
async def streaming(*events: AskEvent, **more: Any) -> AsyncIterator[tuple[Streaming, AtpClient]]:
    servicer, server = Streaming(events, **more), grpc.aio.server()
    add_AskServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with AtpClient.open(f"127.0.0.1:{port}", credential="atp_k", watches_health=False) as atp:
        yield servicer, atp
    await server.stop(None)


async def test_an_ask_with_an_id_is_asked_again_while_nobody_is_there(server: Scripted) -> None:
    server.refusals = [UNAVAILABLE] * 3
    async with AtpClient.open(server.target) as atp:
        answer = await atp.ask(m.AskRequest(prompt="a", request_id="r-1"))

    assert answer.text == "hi"
    assert [call.request.request_id for call in server.received] == ["r-1"] * 4


async def test_an_ask_gives_up_in_the_end(server: Scripted) -> None:
    server.refusals = [UNAVAILABLE] * 9
    async with AtpClient.open(server.target) as atp:
        with pytest.raises(AtpCallError) as refused:
            await atp.ask(m.AskRequest(prompt="a", request_id="r-1"))

    assert refused.value.reason == "OVERLOADED"
    assert len(server.received) == 4


async def test_an_ask_without_an_id_is_asked_once(server: Scripted) -> None:
    server.refusals = [UNAVAILABLE]
    async with AtpClient.open(server.target) as atp:
        with pytest.raises(AtpCallError):
            await atp.ask(m.AskRequest(prompt="a"))

    assert len(server.received) == 1


async def test_an_ask_that_was_refused_for_good_is_not_asked_again(server: Scripted) -> None:
    server.refusals = [(grpc.StatusCode.ABORTED, CUT)]
    async with AtpClient.open(server.target) as atp:
        with pytest.raises(AtpCallError) as refused:
            await atp.ask(m.AskRequest(prompt="a", request_id="r-1"))

    assert (refused.value.reason, refused.value.metadata["cost_nano_usd"]) == ("ANSWER_CUT", "7")
    assert len(server.received) == 1


async def test_an_advised_wait_beyond_the_deadline_is_not_waited_for(server: Scripted) -> None:
    server.refusals = [(grpc.StatusCode.UNAVAILABLE, rpc_status(OverloadedError(60), "t"))]
    async with AtpClient.open(server.target) as atp:
        with pytest.raises(AtpCallError):
            await atp.ask(m.AskRequest(prompt="a", request_id="r-1"), deadline_seconds=5)

    assert len(server.received) == 1


async def test_the_kit_names_asks_as_it_names_routes(server: Scripted) -> None:
    request = m.AskRequest(prompt="a")
    async with AtpClient.open(server.target, request_ids=lambda: "n-1") as atp:
        await atp.ask(request)

    assert (server.received[0].request.request_id, request.request_id) == ("n-1", "")


async def test_events_come_one_by_one_and_make_one_answer() -> None:
    events = (DECIDED, text("Hel", 3), Delta(call_index=0, call_id="c", name="n", arguments="{}"), text("lo", 5), FINAL)
    async with streaming(*events) as (server, atp), atp.ask_stream(m.AskRequest(prompt="a")) as answer:
        kinds = [event.WhichOneof("event") async for event in answer]

    assert kinds == ["decision", "delta", "delta", "delta", "final"]
    whole = answer.response
    assert (whole.decision.decision_id, whole.text, whole.tool_calls[0].arguments_json) == ("d-1", "Hello", "{}")
    assert whole.final.total_cost_nano_usd == 70
    assert server.metadata["authorization"] == "Bearer atp_k"


async def collected(answer: AskStream) -> m.AskResponse:
    return await answer.collect()


async def test_a_restart_drops_what_came_before_it() -> None:
    switch = Switch(SWIFT, DEEP, "cut", restarts=True)
    events = (DECIDED, text("Hel", 3), switch, text("Bye", 3), FINAL)
    async with streaming(*events) as (_, atp), atp.ask_stream(m.AskRequest(prompt="a")) as answer:
        assert (await collected(answer)).text == "Bye"


async def test_a_cut_answer_is_a_typed_error_after_what_came() -> None:
    async with streaming(DECIDED, text("Hel", 3), end=CUT) as (server, atp):
        async with atp.ask_stream(m.AskRequest(prompt="a", request_id="r-1")) as answer:
            with pytest.raises(AtpCallError) as cut:
                await collected(answer)

        assert (cut.value.code, cut.value.reason) == ("ABORTED", "ANSWER_CUT")
        assert server.calls == 1


async def test_a_good_status_without_the_end_is_an_error_all_the_same() -> None:
    async with streaming(DECIDED, text("Hel", 3)) as (_, atp), atp.ask_stream(m.AskRequest(prompt="a")) as answer:
        with pytest.raises(AtpCallError) as lost:
            await collected(answer)

    assert lost.value.code == "DATA_LOSS"


async def test_leaving_the_block_ends_the_call() -> None:
    async with streaming(DECIDED, waits=True) as (server, atp):
        async with atp.ask_stream(m.AskRequest(prompt="a")) as answer:
            await anext(answer)
        async with asyncio.timeout(10):
            await server.has_left.wait()
