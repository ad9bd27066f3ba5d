"""A provider with faults on purpose keeps the promise of the contract: each fault in its kind, and nothing after it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atp_grpc.chaos import ChaosFault, ChaosTarget
from atp_grpc.domain.conversation import Prompt, Role, TextPart, Turn
from atp_grpc.domain.endpoint import Dialect, Endpoint, Timeouts
from atp_grpc.providers.chaos import MOST_SHOWN, ChaosProvider
from atp_grpc.providers.contract import Event, FaultKind, Finished, Generation, ProviderFault, TextDelta
from atp_grpc.providers.dry_run import DryRunProvider
from tests.unit.chaos.worlds import chaos, rule

PROVIDER = ChaosTarget.PROVIDER
KINDS = {
    ChaosFault.ERROR: FaultKind.UNAVAILABLE,
    ChaosFault.CUT: FaultKind.CUT,
    ChaosFault.STALL: FaultKind.STALLED,
    ChaosFault.MALFORMED: FaultKind.MALFORMED,
    ChaosFault.RATE_LIMITED: FaultKind.RATE_LIMITED,
}


def generation(text: str = "What is 2 + 2?", *, is_streamed: bool = True, deployment: str = "a") -> Generation:
    return Generation(
        endpoint=Endpoint(Dialect.DRY_RUN, model="m", timeouts=Timeouts(between_chunks=0.0)),
        key="",
        prompt=Prompt((Turn(Role.USER, (TextPart(text),)),)),
        max_output_tokens=1000,
        is_streamed=is_streamed,
        deployment=deployment,
    )


async def told(provider: ChaosProvider, asked: Generation) -> tuple[list[Event], FaultKind | None]:
    """What comes of a call, and the fault it ends with."""
    events: list[Event] = []
    try:
        async with aclosing(provider.generate(asked)) as coming:
            async for event in coming:
                events.append(event)  # noqa: PERF401 - what came before a fault counts
    except ProviderFault as fault:
        return events, fault.kind
    return events, None


async def whole(asked: Generation) -> list[Event]:
    return [event async for event in DryRunProvider().generate(asked)]


async def test_without_a_rule_the_other_providers_own_generator_is_handed_on() -> None:
    class Other(DryRunProvider):
        def generate(self, asked: Generation) -> AsyncGenerator[Event, None]:
            self.given = super().generate(asked)
            return self.given

    other, desk = Other(), chaos()
    provider = ChaosProvider(other, desk)
    for strikes in (False, True):
        if strikes:
            desk.set(PROVIDER, [rule(PROVIDER, ChaosFault.CUT, deployment="b")])
        handed = provider.generate(generation())
        assert handed is other.given
        await handed.aclose()


@settings(deadline=None)
@given(fault=st.sampled_from(sorted(KINDS)), seed=st.integers(), text=st.text(min_size=1), is_streamed=st.booleans())
async def test_a_broken_answer_is_the_beginning_of_the_good_one_and_never_finished(
    fault: ChaosFault, seed: int, text: str, is_streamed: bool
) -> None:
    desk = chaos()
    desk.set(PROVIDER, [rule(PROVIDER, fault)], seed)
    asked = generation(text, is_streamed=is_streamed)
    events, kind = await told(ChaosProvider(DryRunProvider(), desk), asked)
    good = await whole(asked)
    assert kind is KINDS[fault]
    assert events == good[: len(events)]
    assert not any(type(event) is Finished for event in events)
    if fault in (ChaosFault.ERROR, ChaosFault.RATE_LIMITED):
        assert events == []
    else:
        assert 1 <= sum(type(event) is TextDelta for event in events) <= MOST_SHOWN


async def test_a_refusal_for_rate_says_when_to_come_again() -> None:
    desk = chaos()
    desk.set(PROVIDER, [rule(PROVIDER, ChaosFault.RATE_LIMITED)])
    with pytest.raises(ProviderFault) as caught:
        await anext(ChaosProvider(DryRunProvider(), desk).generate(generation()))
    assert (caught.value.status, caught.value.retry_after_seconds) == (429, 1.0)


async def test_a_delay_alone_changes_nothing_of_the_answer() -> None:
    desk = chaos()
    desk.set(PROVIDER, [rule(PROVIDER, ChaosFault.DELAY, delay_seconds=0.001)])
    assert await told(ChaosProvider(DryRunProvider(), desk), generation()) == (await whole(generation()), None)


async def test_whoever_leaves_a_struck_call_ends_the_call_upstream() -> None:
    ended = asyncio.Event()

    class Other(DryRunProvider):
        async def generate(self, asked: Generation) -> AsyncGenerator[Event, None]:
            try:
                while True:
                    yield TextDelta("more ")
            finally:
                ended.set()

    desk = chaos()
    desk.set(PROVIDER, [rule(PROVIDER, ChaosFault.DELAY, delay_seconds=0.001)])
    coming = ChaosProvider(Other(), desk).generate(generation())
    await anext(coming)
    await coming.aclose()
    assert ended.is_set()


async def test_probes_and_closing_go_to_the_other_provider() -> None:
    asked: list[str] = []

    class Other(DryRunProvider):
        async def probe(self, endpoint: Endpoint, key: str) -> None:
            asked.append("probe")

        async def close(self) -> None:
            asked.append("close")

    provider = ChaosProvider(Other(), chaos())
    await provider.probe(generation().endpoint, "")
    await provider.close()
    assert asked == ["probe", "close"]
