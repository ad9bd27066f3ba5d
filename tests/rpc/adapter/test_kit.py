"""An adapter made with the kit keeps its side: keys, rules, statuses, states, counting and draining."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import grpc
import pytest

from atp_grpc.adapter import RunningAdapter, open_adapter
from atp_grpc.adapter.board import Board
from atp_grpc.domain.clock import SystemClock
from atp_grpc.domain.conversation import Prompt, Role, TextPart, Turn
from atp_grpc.domain.endpoint import Dialect, Endpoint
from atp_grpc.pb.atp.adapter.v1.adapter_service_pb2 import GenerateRequest
from atp_grpc.pb.atp.adapter.v1.adapter_service_pb2_grpc import AdapterServiceStub
from atp_grpc.providers.contract import Event, FaultKind, Generation, ProviderFault, TextDelta
from atp_grpc.providers.http.egress import EgressRule
from atp_grpc.providers.remote.provider import RemoteProvider
from atp_grpc.providers.standing import ServingState, Standing
from tests.authority import Authority
from tests.conformance.provider import staged

PROMPT = Prompt((Turn(Role.USER, (TextPart("How do bees find their way home?"),)),))


@asynccontextmanager
async def provider_of(running: RunningAdapter) -> AsyncIterator[RemoteProvider]:
    provider = RemoteProvider(EgressRule([running.target]), clock=SystemClock(), chance=random.Random(1))
    yield provider
    await provider.close()


def asked(running: RunningAdapter, model: str = staged.PLAIN, *, key: str = "") -> Generation:
    return Generation(Endpoint(Dialect.REMOTE, running.target, model), key, PROMPT, 100, call_id="call-7", session="s")


async def kind_of(provider: RemoteProvider, generation: Generation) -> FaultKind:
    with pytest.raises(ProviderFault) as refused:
        [event async for event in provider.generate(generation)]
    return refused.value.kind


async def test_the_author_is_given_what_the_caller_sent() -> None:
    adapter = staged.StagedAdapter()
    async with open_adapter(adapter, keys=["k"]) as running, provider_of(running) as provider:
        [event async for event in provider.generate(asked(running, key="k"))]

    [given] = adapter.asked
    assert (given.key, given.call_id, given.session, given.endpoint.model) == ("k", "call-7", "s", staged.PLAIN)
    assert (given.prompt.turns, given.max_output_tokens) == (PROMPT.turns, 100)


@pytest.mark.parametrize("key", ["", "wrong", "k2 "])
async def test_a_caller_without_a_good_key_learns_nothing(key: str) -> None:
    async with open_adapter(staged.StagedAdapter(), keys=["k1", "k2"]) as running, provider_of(running) as provider:
        assert await kind_of(provider, asked(running, key=key)) is FaultKind.KEY_REFUSED
        with pytest.raises(ProviderFault):
            await provider.describe(asked(running).endpoint, key)
        with pytest.raises(ProviderFault):
            await provider.estimate(asked(running, key=key))


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0", "adapter.example.com:7000"])
async def test_nobody_listens_beyond_the_machine_without_keys(address: str) -> None:
    with pytest.raises(ValueError, match="needs keys"):
        async with open_adapter(staged.StagedAdapter(), address):
            pytest.fail("it listened")


async def test_a_model_that_the_adapter_does_not_have_is_unknown() -> None:
    async with open_adapter(staged.StagedAdapter()) as running, provider_of(running) as provider:
        assert await kind_of(provider, asked(running, "hornet")) is FaultKind.MODEL_UNKNOWN


async def test_a_message_that_breaks_a_rule_is_refused() -> None:
    async with open_adapter(staged.StagedAdapter()) as running, grpc.aio.insecure_channel(running.target) as channel:
        call = AdapterServiceStub(channel).Generate(GenerateRequest(generation={"model": staged.PLAIN}))
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call.read()

    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("model", [staged.UNENDED, staged.SHRINKING, staged.BROKEN])
async def test_an_adapter_that_breaks_its_promise_is_malformed_and_its_words_stay_with_it(
    model: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_adapter(staged.StagedAdapter()) as running, provider_of(running) as provider:
        with caplog.at_level(logging.ERROR):
            assert await kind_of(provider, asked(running, model)) is FaultKind.MALFORMED

    assert "broke its promise" in caplog.text
    assert staged.SECRET not in caplog.text


async def test_an_estimate_is_tokens_and_what_cannot_be_told_is_refused() -> None:
    async with open_adapter(staged.StagedAdapter()) as running, provider_of(running) as provider:
        estimate = await provider.estimate(asked(running))
        with pytest.raises(ProviderFault) as silent:
            await provider.estimate(asked(running, staged.BROKEN))

    assert estimate == (8, 40, 100)
    assert silent.value.status == grpc.StatusCode.UNIMPLEMENTED.value[0]


async def test_a_state_is_told_at_once_and_whenever_it_changes() -> None:
    heard: asyncio.Queue[Standing] = asyncio.Queue()
    async with open_adapter(staged.StagedAdapter(), drain_seconds=5.0) as running, provider_of(running) as provider:
        endpoint = asked(running).endpoint
        provider.watch([(endpoint, "")], on_change=lambda _, standing: heard.put_nowait(standing))
        assert await heard.get() == Standing(ServingState.READY)

        running.say(Standing(ServingState.BUSY, 4), staged.PLAIN)
        assert await heard.get() == Standing(ServingState.BUSY, 4)
        assert provider.standing(endpoint) == Standing(ServingState.BUSY, 4)
        running.say(Standing(ServingState.PAUSED))
        assert await heard.get() == Standing(ServingState.PAUSED)

        provider.watch([])
        assert provider.standing(endpoint) is None


async def test_a_lease_is_renewed_before_it_runs_out() -> None:
    heard: list[Standing] = []
    enough = asyncio.Event()

    def hear(_endpoint: Endpoint, standing: Standing) -> None:
        heard.append(standing)
        if len(heard) == 4:
            enough.set()

    async with open_adapter(staged.StagedAdapter(), lease_seconds=0.6) as running, provider_of(running) as provider:
        provider.watch([(asked(running).endpoint, "")], on_change=hear)
        await enough.wait()

    assert set(heard[:4]) == {Standing(ServingState.READY)}


async def test_an_adapter_that_stops_says_so_and_lets_calls_end() -> None:
    heard: asyncio.Queue[Standing] = asyncio.Queue()
    adapter = staged.StagedAdapter()
    opened = open_adapter(adapter, drain_seconds=30.0)
    running = await opened.__aenter__()
    async with provider_of(running) as provider:
        provider.watch([(asked(running).endpoint, "")], on_change=lambda _, standing: heard.put_nowait(standing))
        await heard.get()
        events = provider.generate(asked(running, staged.ENDLESS))
        await anext(events)

        stopping = asyncio.ensure_future(opened.__aexit__(None, None, None))
        assert await heard.get() == Standing(ServingState.DRAINING)
        assert isinstance(await anext(events), TextDelta)
        await events.aclose()
        await stopping

    assert (running.open_calls, adapter.closed_calls) == (0, 1)


class Slow(staged.StagedAdapter):
    """An adapter that lets go of a call a while after it was ended."""

    async def generate(self, generation: Generation) -> AsyncGenerator[Event, None]:
        try:
            async for event in super().generate(generation):
                yield event
        finally:
            has_let_go = asyncio.Event()
            asyncio.get_running_loop().call_later(0.2, has_let_go.set)
            await has_let_go.wait()
            self.closed_calls += 1


async def test_an_adapter_ends_only_when_its_author_has_let_go_of_every_call() -> None:
    adapter = Slow()
    async with open_adapter(adapter) as running, provider_of(running) as provider:
        events = provider.generate(asked(running, staged.STALLING))
        await anext(events)
        await events.aclose()

    # Counted once by the adapter itself, and once when it had let go.
    assert (running.open_calls, adapter.closed_calls) == (0, 2)


async def test_a_call_counts_until_the_author_has_let_go() -> None:
    adapter = staged.StagedAdapter()
    async with open_adapter(adapter) as running, provider_of(running) as provider:
        events = provider.generate(asked(running, staged.STALLING))
        await anext(events)
        description = await provider.describe(asked(running).endpoint, "")
        await events.aclose()

    assert description.open_calls == 1
    assert (running.open_calls, adapter.closed_calls) == (0, 1)


async def test_an_adapter_with_tls_is_reached_by_who_trusts_it() -> None:
    authority = Authority()
    issued = authority.issue()
    credentials = grpc.ssl_server_credentials([(issued.key, issued.certificate)])
    async with open_adapter(staged.StagedAdapter(), "localhost:0", credentials=credentials) as running:
        endpoint = Endpoint(Dialect.REMOTE, f"https://{running.target}", staged.PLAIN)
        rule = EgressRule([running.target])
        trusting = RemoteProvider(rule, clock=SystemClock(), chance=random.Random(1), root_certificates=authority.root)
        doubting = RemoteProvider(rule, clock=SystemClock(), chance=random.Random(1))

        await trusting.probe(endpoint, "")
        with pytest.raises(ProviderFault) as refused:
            await doubting.probe(endpoint, "")

        assert refused.value.kind is FaultKind.UNAVAILABLE
        await trusting.close()
        await doubting.close()


def test_nothing_is_said_after_the_draining() -> None:
    board = Board()
    board.close()
    board.say(Standing(ServingState.READY), "bee")

    assert board.standing("bee") == Standing(ServingState.DRAINING)
