"""Each check can fail: a provider that breaks one promise is found out by the check of that promise."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable

import pytest

from atp_grpc.adapter.conformance import Finding, Outcome, Subject
from atp_grpc.adapter.conformance.running import checks_of, found
from atp_grpc.domain.ask import FinishReason
from atp_grpc.domain.conversation import Prompt
from atp_grpc.domain.endpoint import Dialect, Endpoint
from atp_grpc.domain.outcome import Usage
from atp_grpc.providers.contract import (
    Event,
    FaultKind,
    Finished,
    Generation,
    ProviderFault,
    TextDelta,
    ToolCallDelta,
    Used,
)
from atp_grpc.providers.dry_run import DryRunProvider, tokens_of
from tests.conformance.provider.subjects import TOOL_PROMPT, TURNS

KEY = "sk-secret"
GENERATION = Generation(Endpoint(Dialect.DRY_RUN, model="dry"), KEY, Prompt(TURNS), 4096)
USED = Used(Usage(5, 0, 3, 0))
STOP = Finished(FinishReason.STOP)
LONG = "word " * 100


class Scripted(DryRunProvider):
    """Gives what it was told to give, then raises what it was told to raise."""

    def __init__(self, *events: Event, fault: Exception | None = None) -> None:
        self._events = events
        self._fault = fault

    async def generate(self, generation: Generation) -> AsyncGenerator[Event, None]:
        for event in self._events:
            yield event
        if self._fault is not None:
            raise self._fault

    async def probe(self, endpoint: Endpoint, key: str) -> None:
        raise ProviderFault(FaultKind.UNAVAILABLE)


class Lingering(DryRunProvider):
    """Goes on upstream when its reader has left, and swallows cancellations."""

    def __init__(self) -> None:
        self.open = 0

    async def generate(self, generation: Generation) -> AsyncGenerator[Event, None]:
        self.open += 1
        yield TextDelta("It began")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            yield STOP


class Hasty(DryRunProvider):
    """Makes its answer ahead of its reader."""

    def __init__(self) -> None:
        self.made = 0

    async def generate(self, generation: Generation) -> AsyncGenerator[Event, None]:
        makes = asyncio.get_running_loop().create_task(self._make())
        try:
            while True:
                yield TextDelta("x")
        finally:
            makes.cancel()

    async def _make(self) -> None:
        while True:
            self.made += 1 << 20
            await asyncio.sleep(0)


def leaky_fault() -> ProviderFault:
    fault = ProviderFault(FaultKind.UNAVAILABLE)
    fault.__cause__ = ValueError(f"authorization: {KEY}")
    return fault


async def finding(check: str, subject: Subject) -> Finding:
    return await found(check, checks_of(subject)[check], subject)


BROKEN: list[tuple[str, Scripted]] = [
    ("ends with one finish", Scripted(TextDelta("a"), USED)),
    ("ends with one finish", Scripted(TextDelta("a"), STOP, STOP)),
    ("ends with one finish", Scripted(STOP, TextDelta("a"))),
    ("ends with one finish", Scripted(TextDelta("a"), USED, Used(Usage(5, 0, 2, 0)), STOP)),
    ("ends with one finish", Scripted(TextDelta("a"), Finished(FinishReason.BUDGET))),
    ("ends with one finish", Scripted(STOP)),
    ("ends with one finish", Scripted(fault=ValueError("words"))),
    ("whole answer ends alike", Scripted(TextDelta("a"))),
    ("streamed answer comes in pieces", Scripted(TextDelta(LONG), USED, STOP)),
    ("usage is told before the end", Scripted(TextDelta("a"), Used(Usage(0, 0, 1, 0)), STOP)),
    ("usage is told before the end", Scripted(TextDelta("a"), Used(Usage(1, 0, 0, 0)), STOP)),
    ("usage is told before the end", Scripted(TextDelta("a"), Used(Usage(1, 0, 4000, 97)), STOP)),
    ("total equals the deltas", Scripted(TextDelta("a"), USED, STOP)),
    ("cap is kept", Scripted(TextDelta("a"), STOP)),
    ("cap is kept", Scripted(TextDelta(LONG), Finished(FinishReason.LENGTH))),
    ("answers at once stay apart", Scripted(TextDelta("a"))),
    ("demanded tool is called", Scripted(TextDelta("a"), STOP)),
    ("demanded tool is called", Scripted(ToolCallDelta(0, "c", "note", "{"), Finished(FinishReason.TOOL_CALLS))),
    ("demanded tool is called", Scripted(ToolCallDelta(0, "c", "note", "[]"), Finished(FinishReason.TOOL_CALLS))),
    ("demanded tool is called", Scripted(ToolCallDelta(0, "", "note", "{}"), Finished(FinishReason.TOOL_CALLS))),
    ("probe finds the endpoint", Scripted()),
    ("fault is unavailable", Scripted(TextDelta("a"), STOP)),
    ("fault is unavailable", Scripted(TextDelta("a"))),
    ("fault is unavailable", Scripted(fault=ProviderFault(FaultKind.TIMEOUT))),
    ("fault is unavailable", Scripted(fault=leaky_fault())),
]


@pytest.mark.parametrize(("check", "provider"), BROKEN)
async def test_a_broken_promise_is_found(check: str, provider: Scripted) -> None:
    subject = Subject(
        provider,
        GENERATION,
        tokens_of=tokens_of,
        tool_generation=GENERATION._replace(prompt=TOOL_PROMPT),
        failing={FaultKind.UNAVAILABLE: GENERATION},
    )

    assert (await finding(check, subject)).outcome is Outcome.FAILED


@pytest.mark.parametrize("check", ["leaving reader ends the call", "cancelled reader ends the call"])
async def test_a_call_that_outlives_its_reader_is_found(check: str) -> None:
    provider = Lingering()

    async def open_calls() -> int:
        return provider.open

    subject = Subject(provider, GENERATION, open_calls=open_calls, endless_generation=GENERATION, leave_seconds=0.01)

    assert (await finding(check, subject)).outcome is Outcome.FAILED


async def test_an_upstream_that_runs_ahead_of_its_reader_is_found() -> None:
    provider = Hasty()
    subject = Subject(provider, GENERATION, endless_generation=GENERATION, made_so_far=lambda: provider.made)

    assert (await finding("slow reader holds the upstream back", subject)).outcome is Outcome.FAILED


async def test_a_check_that_hangs_fails_and_lets_the_others_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("atp_grpc.adapter.conformance.running.LONGEST_CHECK_SECONDS", 0.01)

    async def hanging(subject: Subject) -> str:
        await asyncio.Event().wait()
        return ""

    assert (await found("hangs", hanging, Subject(Scripted(), GENERATION))).outcome is Outcome.FAILED


LEFT_OUT: list[tuple[str, Callable[[], Subject]]] = [
    ("total equals the deltas", lambda: Subject(DryRunProvider(), GENERATION)),
    ("demanded tool is called", lambda: Subject(DryRunProvider(), GENERATION)),
    ("slow reader holds the upstream back", lambda: Subject(DryRunProvider(), GENERATION)),
    ("usage is told before the end", lambda: Subject(Scripted(TextDelta("a"), STOP), GENERATION)),
    ("streamed answer comes in pieces", lambda: Subject(Scripted(TextDelta("a"), STOP), GENERATION)),
]


@pytest.mark.parametrize(("check", "subject"), LEFT_OUT)
async def test_what_cannot_be_looked_at_is_left_out_and_never_passed(
    check: str, subject: Callable[[], Subject]
) -> None:
    assert (await finding(check, subject())).outcome is Outcome.LEFT_OUT
