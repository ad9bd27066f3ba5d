"""The client of adapters takes nothing on trust: bytes, order, bounds, silence, and addresses are all judged."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import grpc
import pytest

from atp_grpc.domain.clock import SystemClock
from atp_grpc.domain.conversation import Prompt, Role, TextPart, Turn
from atp_grpc.domain.endpoint import Dialect, Endpoint, Timeouts
from atp_grpc.pb.atp.adapter.v1.adapter_service_pb2 import (
    DescribeResponse,
    EstimateResponse,
    GenerateResponse,
    ModelDescription,
    WatchResponse,
)
from atp_grpc.providers.contract import Event, FaultKind, Finished, Generation, ProviderFault, TextDelta
from atp_grpc.providers.http.egress import EgressRule
from atp_grpc.providers.remote.provider import RemoteProvider
from tests.unit.providers.remote.raw_adapter import RawAdapter, raw_adapter

PROMPT = Prompt((Turn(Role.USER, (TextPart("How do bees find their way home?"),)),))
TEXT = GenerateResponse(delta_text="a").SerializeToString()
FINISH = GenerateResponse(finish={"reason": "FINISH_REASON_STOP", "revision": "bee-1"}).SerializeToString()
PATIENT = Timeouts()
SHORT = Timeouts(connect=5.0, first_token=0.05, between_chunks=0.05, total=5.0)


@pytest.fixture
async def raw() -> AsyncIterator[RawAdapter]:
    async with raw_adapter() as running:
        yield running


@pytest.fixture
async def provider(raw: RawAdapter) -> AsyncIterator[RemoteProvider]:
    made = RemoteProvider(EgressRule([raw.target]), clock=SystemClock(), chance=random.Random(1))
    yield made
    await made.close()


def asked(raw: RawAdapter, *, key: str = "", timeouts: Timeouts = PATIENT) -> Generation:
    endpoint = Endpoint(Dialect.REMOTE, raw.target, "bee", timeouts=timeouts, headers={"X-Team": "hive"})
    return Generation(endpoint, key, PROMPT, 100)


async def fault_of(provider: RemoteProvider, generation: Generation) -> tuple[ProviderFault, list[Event]]:
    """How a call fails, and what was given before it did."""
    given: list[Event] = []
    try:
        async for event in provider.generate(generation):
            given.append(event)  # noqa: PERF401 - what came before the fault counts.
    except ProviderFault as fault:
        return fault, given
    pytest.fail("the call did not fail")


async def test_a_complete_answer_is_given_as_it_came(raw: RawAdapter, provider: RemoteProvider) -> None:
    raw.messages = [TEXT, TEXT, FINISH]

    events = [event async for event in provider.generate(asked(raw, key="sk-1"))]

    assert events[:2] == [TextDelta("a"), TextDelta("a")]
    assert isinstance(events[2], Finished)
    assert events[2].revision == "bee-1"
    assert ("authorization", "Bearer sk-1") in raw.metadata
    assert ("x-team", "hive") in raw.metadata
    assert raw.calls == 1


MALFORMED = {
    "bytes that are no message": b"\xff\xff",
    "no event at all": b"",
    "a finish for no reason": GenerateResponse(finish={}).SerializeToString(),
    "a finish for money": GenerateResponse(finish={"reason": "FINISH_REASON_BUDGET"}).SerializeToString(),
    "a finish for tools that were not called": GenerateResponse(
        finish={"reason": "FINISH_REASON_TOOL_CALLS"}
    ).SerializeToString(),
    "usage below zero": GenerateResponse(total_usage={"input_tokens": -1}).SerializeToString(),
    "a tool call without a name": GenerateResponse(delta_tool_call={"call_id": "c"}).SerializeToString(),
    "a probability above one": GenerateResponse(
        delta_certainty={"log_probability": 0.1, "tokens": 1}
    ).SerializeToString(),
    "a probability that is no number": GenerateResponse(
        delta_certainty={"log_probability": float("nan"), "tokens": 1}
    ).SerializeToString(),
    "an allowance below zero": GenerateResponse(allowance={"tokens_left": -1}).SerializeToString(),
}


@pytest.mark.parametrize("what", MALFORMED)
async def test_what_is_not_the_contract_is_malformed(raw: RawAdapter, provider: RemoteProvider, what: str) -> None:
    raw.messages = [TEXT, MALFORMED[what], FINISH]

    fault, given = await fault_of(provider, asked(raw))

    assert fault.kind is FaultKind.MALFORMED
    assert given == [TextDelta("a")]


@pytest.mark.parametrize("after", [TEXT, FINISH])
async def test_whatever_comes_after_the_finish_spoils_the_answer(
    raw: RawAdapter, provider: RemoteProvider, after: bytes
) -> None:
    raw.messages = [TEXT, FINISH, after]

    assert (await fault_of(provider, asked(raw)))[0].kind is FaultKind.MALFORMED


async def test_a_cut_stream_never_looks_complete(raw: RawAdapter, provider: RemoteProvider) -> None:
    raw.messages = [TEXT]

    fault, given = await fault_of(provider, asked(raw))

    assert (fault.kind, given) == (FaultKind.CUT, [TextDelta("a")])


async def test_a_stream_that_ends_before_it_began_is_malformed(raw: RawAdapter, provider: RemoteProvider) -> None:
    assert (await fault_of(provider, asked(raw)))[0].kind is FaultKind.MALFORMED


async def test_a_bad_status_after_the_finish_is_believed(raw: RawAdapter, provider: RemoteProvider) -> None:
    raw.messages, raw.code = [TEXT, FINISH], grpc.StatusCode.INTERNAL

    assert (await fault_of(provider, asked(raw)))[0].kind is FaultKind.CUT


@pytest.mark.parametrize(("messages", "kind"), [([], FaultKind.TIMEOUT), ([TEXT], FaultKind.STALLED)])
async def test_silence_ends_the_call_on_both_sides(
    raw: RawAdapter, provider: RemoteProvider, messages: list[bytes], kind: FaultKind
) -> None:
    raw.messages, raw.hangs = messages, True

    assert (await fault_of(provider, asked(raw, timeouts=SHORT)))[0].kind is kind
    await raw.left.wait()


async def test_the_time_of_a_slow_reader_is_not_the_providers(raw: RawAdapter, provider: RemoteProvider) -> None:
    raw.messages = [TEXT, TEXT, FINISH]
    events = provider.generate(asked(raw, timeouts=SHORT))

    await anext(events)
    await asyncio.sleep(3 * SHORT.between_chunks)

    assert [type(event) async for event in events] == [TextDelta, Finished]


async def test_a_note_before_the_first_token_does_not_buy_time(raw: RawAdapter, provider: RemoteProvider) -> None:
    raw.messages = [GenerateResponse(total_usage={"input_tokens": 3}).SerializeToString()]
    raw.hangs = True
    timeouts = Timeouts(first_token=0.05, between_chunks=600.0)

    assert (await fault_of(provider, asked(raw, timeouts=timeouts)))[0].kind is FaultKind.STALLED


async def test_a_reader_that_leaves_is_noticed_by_the_adapter(raw: RawAdapter, provider: RemoteProvider) -> None:
    raw.messages, raw.hangs = [TEXT], True
    events = provider.generate(asked(raw))
    await anext(events)

    await events.aclose()

    await raw.left.wait()


async def test_a_cancellation_passes_through_even_when_a_limit_is_near(
    raw: RawAdapter, provider: RemoteProvider
) -> None:
    raw.messages, raw.hangs = [TEXT], True
    reader = asyncio.ensure_future(fault_of(provider, asked(raw)))
    await raw.came.wait()

    reader.cancel()

    with pytest.raises(asyncio.CancelledError):
        await reader
    await raw.left.wait()


async def test_closing_the_provider_ends_its_calls_as_faults(raw: RawAdapter, provider: RemoteProvider) -> None:
    raw.messages, raw.hangs = [TEXT], True
    events = provider.generate(asked(raw))
    await anext(events)
    waiting = asyncio.ensure_future(anext(events))
    await asyncio.sleep(0)

    await provider.close()

    with pytest.raises(ProviderFault) as ended:
        await waiting
    assert ended.value.kind is FaultKind.CUT


@pytest.mark.parametrize("target", ["127.0.0.1:1", "http://8.8.8.8:80", "localhost:7000", "a b:1", "unix:/tmp/x", ""])
async def test_an_address_that_nobody_named_is_not_connected_to(provider: RemoteProvider, target: str) -> None:
    endpoint = Endpoint(Dialect.REMOTE, target, "bee")

    with pytest.raises(ProviderFault) as refused:
        await provider.probe(endpoint, "")

    assert refused.value.kind is FaultKind.EGRESS_REFUSED


async def test_a_public_name_that_leads_home_is_not_connected_to(
    provider: RemoteProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lead_home(*_: object, **__: object) -> list[tuple[object, ...]]:
        return [(2, 1, 6, "", ("127.0.0.1", 443))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", lead_home)

    with pytest.raises(ProviderFault) as refused:
        await provider.probe(Endpoint(Dialect.REMOTE, "adapter.example.com:443", "bee"), "")

    assert refused.value.kind is FaultKind.EGRESS_REFUSED


async def test_nobody_at_the_address_is_unavailable(raw: RawAdapter) -> None:
    target = "127.0.0.1:1"
    alone = RemoteProvider(EgressRule([target]), clock=SystemClock(), chance=random.Random(1))

    fault, _ = await fault_of(alone, Generation(Endpoint(Dialect.REMOTE, target, "bee"), "", PROMPT, 10))

    assert fault.kind is FaultKind.UNAVAILABLE
    await alone.close()


async def test_a_probe_asks_for_the_model(raw: RawAdapter, provider: RemoteProvider) -> None:
    raw.messages = [DescribeResponse(models=[ModelDescription(name="bee")]).SerializeToString()]
    await provider.probe(asked(raw).endpoint, "")

    raw.messages = [DescribeResponse(models=[ModelDescription(name="wasp")]).SerializeToString()]
    with pytest.raises(ProviderFault) as unknown:
        await provider.probe(asked(raw).endpoint, "")
    assert unknown.value.kind is FaultKind.MODEL_UNKNOWN


@pytest.mark.parametrize("answer", [b"", b"\xff", EstimateResponse(input_tokens=-3).SerializeToString()])
async def test_an_estimate_that_makes_no_sense_is_a_fault_and_never_free(
    raw: RawAdapter, provider: RemoteProvider, answer: bytes
) -> None:
    raw.messages = [answer]

    with pytest.raises(ProviderFault) as broken:
        await provider.estimate(asked(raw))

    assert broken.value.kind is FaultKind.MALFORMED


async def test_no_word_of_an_adapter_is_in_a_fault(raw: RawAdapter, provider: RemoteProvider) -> None:
    raw.code = grpc.StatusCode.INTERNAL

    fault, _ = await fault_of(provider, asked(raw))

    assert "words" not in f"{fault!r} {fault.__cause__!r}"
    assert fault.status == 13


WORD = WatchResponse(state="SERVING_STATE_READY", lease={"seconds": 60}).SerializeToString()


async def test_a_watch_that_begins_anew_shows_the_key_as_it_is_by_then(raw: RawAdapter) -> None:
    may_begin = asyncio.Event()

    async def pause(_seconds: float) -> None:
        await may_begin.wait()
        may_begin.clear()

    raw.messages = [WORD]
    provider = RemoteProvider(EgressRule([raw.target]), clock=SystemClock(), chance=random.Random(1), pause=pause)
    provider.watch([(asked(raw).endpoint, "sk-1")])
    await raw.came.wait()
    raw.came.clear()
    provider.watch([(asked(raw).endpoint, "sk-2")])
    may_begin.set()
    async with asyncio.timeout(5):
        await raw.came.wait()
    await provider.close()

    assert ("authorization", "Bearer sk-2") in raw.metadata


async def test_a_watch_whose_channel_is_closed_begins_anew(raw: RawAdapter) -> None:
    async def pause(_seconds: float) -> None:
        await asyncio.sleep(0)

    raw.messages, raw.hangs = [WORD], True
    provider = RemoteProvider(EgressRule([raw.target]), clock=SystemClock(), chance=random.Random(1), pause=pause)
    provider.watch([(asked(raw).endpoint, "")])
    await raw.came.wait()
    raw.came.clear()
    await provider._channels.close()
    async with asyncio.timeout(5):
        await raw.came.wait()
    await provider.close()
