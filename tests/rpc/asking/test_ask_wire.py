"""Ask on a real socket, with a story that the test writes: what a caller sees, and what leaving or dawdling does."""

from __future__ import annotations

import asyncio
import dataclasses
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import pytest

from atp_grpc.domain.ask import Spent
from atp_grpc.domain.clock import SystemClock
from atp_grpc.domain.errors import AnswerCutError
from atp_grpc.domain.outcome import AttemptError
from atp_grpc.pb.atp.v1 import ask_service_pb2 as pb
from atp_grpc.pb.atp.v1.ask_service_pb2_grpc import AskServiceStub
from atp_grpc.services.ask import AskServicer
from atp_grpc.services.ask_joining import AskRuns
from atp_grpc.services.validation import Validation
from atp_grpc.shared.durable import DurableClaims
from atp_grpc.store.memory_claims import MemoryClaims
from atp_grpc.transport.table import methods_of
from tests.rpc.door.probe import ACME, AS_ACME, AS_GLOBEX, KEYS, Door, info_of, open_door, refused, status_of, until
from tests.unit.services.ask_stories import DECIDED, FINAL, PLAIN, SWIFT, USAGE, Script, text

HELLO = pb.AskRequest(prompt="hello")
CUT = AnswerCutError(target=SWIFT, error=AttemptError.CUT, total_characters=3, usage=USAGE, cost_nano_usd=70)


@dataclass
class Asking:
    """A served AskService, its story, and its stub."""

    door: Door
    script: Script
    runs: AskRuns
    stub: Any
    joined: list[None]

    async def ask(self, request: pb.AskRequest = HELLO, metadata: Any = AS_ACME) -> pb.AskResponse:
        answer: pb.AskResponse = await self.stub.Ask(request, metadata=metadata, timeout=10)
        return answer

    def stream(self, request: pb.AskRequest = HELLO) -> Any:
        return self.stub.AskStream(pb.AskStreamRequest(request=request), metadata=AS_ACME, timeout=10)


@asynccontextmanager
async def asking(*steps: Any, slow_reader_seconds: float = 30.0) -> AsyncIterator[Asking]:
    script, joined = Script(steps or PLAIN), list[None]()
    claims = DurableClaims(
        SystemClock(),
        MemoryClaims(),
        ids_per_tenant=10,
        bytes_per_tenant=100_000,
        chance=random.Random(1),
        on_fault=lambda _: None,
    )
    runs = AskRuns(claims=claims, ttl_seconds=60, on_joined=lambda: joined.append(None))
    servicer = AskServicer(answer=script.answer, runs=runs, validation=Validation(), monotonic=SystemClock().monotonic)
    more = methods_of(AskServicer.contract, servicer)
    async with open_door(more=more, slow_reader_seconds=slow_reader_seconds) as door:
        yield Asking(door, script, runs, AskServiceStub(door.channel), joined)
        await runs.close()


async def read(stream: Any) -> tuple[list[pb.AskStreamResponse], grpc.aio.AioRpcError | None]:
    """What came, and why it ended if not well."""
    events = []
    try:
        while (event := await stream.read()) is not grpc.aio.EOF:
            events.append(event)
    except grpc.aio.AioRpcError as error:
        return events, error
    return events, None


async def test_a_whole_answer_comes_with_its_decision_and_its_bill() -> None:
    async with asking() as it:
        answer = await it.ask()

        assert (answer.decision.decision_id, answer.text, answer.final.total_cost_nano_usd) == ("d-1", "Hello", 70)
        assert it.script.ends == ["done"]
        [line] = it.door.lines()
        assert {"model": "swift", "attempts": 1, "cost_nano_usd": 70, "finish_reason": "stop"}.items() <= line.items()
        assert 0 <= it.script.queued[0] < 10


async def test_events_come_as_they_are_told() -> None:
    gate = asyncio.Event()
    async with asking(*PLAIN[:2], gate, *PLAIN[2:]) as it:
        stream = it.stream()
        first, second = await stream.read(), await stream.read()
        assert (first.WhichOneof("event"), second.delta.text) == ("decision", "Hel")
        gate.set()
        rest, error = await read(stream)

    assert error is None
    assert [event.WhichOneof("event") for event in rest] == ["delta", "usage", "final"]


async def test_a_cut_stream_never_looks_complete() -> None:
    async with asking(DECIDED, text("Hel", 3), Spent(USAGE, 70, is_estimated=True), CUT) as it:
        events, error = await read(it.stream())
        whole = await refused(it.ask())

    assert [event.WhichOneof("event") for event in events] == ["decision", "delta", "usage"]
    assert error is not None
    for one in (error, whole):
        assert (one.code(), info_of(one).reason) == (grpc.StatusCode.ABORTED, "ANSWER_CUT")
        assert info_of(one).metadata["cost_nano_usd"] == "70"


async def test_a_story_that_ends_without_its_end_is_internal_and_never_ok() -> None:
    async with asking(*PLAIN[:3]) as it:
        events, error = await read(it.stream())
        whole = await refused(it.ask())

    assert len(events) == 3
    assert error is not None
    assert error.code() is whole.code() is grpc.StatusCode.INTERNAL


@pytest.mark.parametrize("request_id", ["", "r-1"])
async def test_a_caller_that_leaves_ends_the_story_at_once(request_id: str) -> None:
    async with asking(DECIDED, text("Hel", 3), asyncio.Event()) as it:
        stream = it.stream(pb.AskRequest(prompt="hello", request_id=request_id))
        await stream.read()
        await stream.read()
        stream.cancel()
        await until(lambda: it.script.ends == ["cancelled"])

        whole = it.stub.Ask(pb.AskRequest(prompt="hello", request_id=request_id), metadata=AS_ACME, timeout=10)
        await until(lambda: it.script.open)
        whole.cancel()
        await until(lambda: it.script.ends == ["cancelled", "cancelled"])
        await until(lambda: it.door.traffic.open_calls == 0)
        assert (it.script.open, len(it.runs)) == (0, 0)


async def test_a_deadline_that_passes_ends_the_story_and_the_call() -> None:
    async with asking(DECIDED, asyncio.Event()) as it:
        error = await refused(it.stub.Ask(HELLO, metadata=AS_ACME, timeout=0.2))
        await until(lambda: it.script.ends == ["cancelled"])

    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_a_slow_reader_stops_the_story_and_is_sent_away_in_the_end() -> None:
    many = [text("x" * 1_000, number) for number in range(100_000)]
    async with asking(DECIDED, *many, FINAL, slow_reader_seconds=0.3) as it:
        stream = it.stream()
        await stream.read()
        [served] = it.door.edge.streams._streams
        now = SystemClock().monotonic
        await until(lambda: served.writing_since is not None and now() - served.writing_since > 0.1)
        # What the sockets and the core hold is told, and not one event more.
        assert it.script.pulled == served.sent + 1 < 20_000
        while it.script.open:
            await asyncio.sleep(0.05)
            it.door.edge.streams.look()
        _, error = await read(stream)

    assert it.script.ends == ["closed"]
    assert error is not None
    assert info_of(error).reason == "CALLER_TOO_SLOW"


async def test_the_same_id_joins_a_run_whatever_the_method_and_is_answered_once() -> None:
    gate = asyncio.Event()
    named = pb.AskRequest(prompt="hello", request_id="r-1")
    async with asking(*PLAIN[:2], gate, *PLAIN[2:]) as it:
        stream = it.stream(named)
        await stream.read()
        whole = asyncio.ensure_future(it.ask(named))
        second = asyncio.ensure_future(read(it.stream(named)))
        await until(lambda: len(it.joined) == 2)
        gate.set()
        rest, error = await read(stream)
        events, other_error = await second
        answer = await whole
        again, (replayed, _) = await it.ask(named), await read(it.stream(named))

    assert error is other_error is None
    assert it.script.told == 1
    assert len(rest) == 4
    assert events[1:] == rest
    assert again == answer
    assert [event.WhichOneof("event") for event in replayed] == ["decision", "delta", "final"]
    assert (replayed[1].delta.text, replayed[2].final) == ("Hello", answer.final)


async def test_ids_of_tenants_do_not_meet_and_another_body_is_refused() -> None:
    named = pb.AskRequest(prompt="hello", request_id="r-1")
    KEYS["Bearer atp_globex"], before = dataclasses.replace(ACME, tenant="globex"), KEYS["Bearer atp_globex"]
    try:
        async with asking() as it:
            await it.ask(named)
            await it.ask(named, AS_GLOBEX)
            error = await refused(it.ask(pb.AskRequest(prompt="other", request_id="r-1")))
            assert it.script.told == 2
    finally:
        KEYS["Bearer atp_globex"] = before

    assert info_of(error).reason == "REQUEST_ID_REUSED"


@pytest.mark.parametrize("request_id", ["", "r-1"])
async def test_a_stream_that_is_inside_at_a_drain_is_answered_to_its_end(request_id: str) -> None:
    gate = asyncio.Event()
    async with asking(*PLAIN[:2], gate, *PLAIN[2:]) as it:
        stream = it.stream(pb.AskRequest(prompt="hello", request_id=request_id))
        await stream.read()
        drain = asyncio.ensure_future(it.door.server.drain(delay_seconds=0, grace_seconds=10))
        await until(lambda: it.door.traffic.is_refusing)
        gate.set()
        events, error = await read(stream)
        drained = await drain

    assert error is None
    assert events[-1].HasField("final")
    assert drained.cut == {}


async def test_a_stream_that_outlasts_the_drain_ends_with_a_typed_status() -> None:
    async with asking(*PLAIN[:2], asyncio.Event()) as it:
        stream = it.stream()
        await stream.read()
        drain = asyncio.ensure_future(it.door.server.drain(delay_seconds=0, grace_seconds=0.6))
        events, error = await read(stream)
        await drain

    assert error is not None
    assert (error.code(), info_of(error).reason) == (grpc.StatusCode.UNAVAILABLE, "DRAINING")
    assert not any(event.HasField("final") for event in events)
    assert it.script.ends == ["cancelled"]


async def test_bytes_that_are_no_request_and_requests_that_break_a_rule_are_refused() -> None:
    async with asking() as it:
        malformed = await refused(it.door.raw("/atp.v1.AskService/Ask")(b"\xff", metadata=AS_ACME, timeout=10))
        nothing = await refused(it.ask(pb.AskRequest()))
        _, streamed = await read(it.stream(pb.AskRequest(prompt="a", request_id="no id")))
        empty = it.door.channel.stream_stream("/atp.v1.AskService/AskStream")(metadata=AS_ACME, timeout=10)
        await empty.done_writing()
        _, unheard = await read(empty)

    assert info_of(malformed).reason == "MALFORMED_MESSAGE"
    assert info_of(nothing).reason == "INVALID_FIELD"
    assert streamed is not None
    assert "request.request_id" in str(status_of(streamed))
    assert unheard is not None
    assert info_of(unheard).reason == "MALFORMED_MESSAGE"
    assert it.script.told == 0


async def test_a_picture_of_ten_mebibytes_is_taken_and_a_larger_message_than_sixteen_is_refused() -> None:
    def with_picture(size: int) -> pb.AskRequest:
        parts: list[Any] = [{"text": "look"}, *[{"image": {"uri": "data:image/png;base64," + "A" * (size // 2)}}] * 2]
        return pb.AskRequest(conversation={"messages": [{"role": "ROLE_USER", "parts": parts}]})

    async with asking() as it:
        assert (await it.ask(with_picture(10_000_000))).text == "Hello"
        assert it.script.requests[0].routing.constraints.required_capabilities == {"vision"}
