"""Every provider there is, each in front of something real that answers, fails and counts."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from atp_grpc.adapter import open_adapter
from atp_grpc.adapter.conformance import Subject
from atp_grpc.chaos import Chaos, ChaosFault, ChaosRule, ChaosTarget
from atp_grpc.domain.clock import SystemClock
from atp_grpc.domain.conversation import (
    Prompt,
    ResponseFormat,
    ResponseKind,
    Role,
    TextPart,
    Tool,
    ToolChoice,
    ToolMode,
    Turn,
)
from atp_grpc.domain.endpoint import Dialect, Endpoint, Timeouts
from atp_grpc.mock_provider import Fault, Script, count_tokens, open_mock_provider
from atp_grpc.providers.anthropic.provider import AnthropicProvider
from atp_grpc.providers.chaos import ChaosProvider
from atp_grpc.providers.contract import FaultKind, Generation
from atp_grpc.providers.dry_run import DryRunProvider, tokens_of
from atp_grpc.providers.http.client import HttpClient
from atp_grpc.providers.http.egress import EgressRule
from atp_grpc.providers.openai.provider import OpenAiProvider
from atp_grpc.providers.remote.provider import RemoteProvider
from tests.conformance.provider import staged

TURNS = (Turn(Role.USER, (TextPart("How do bees find their way home? It is a secret."),)),)
TOOL = Tool("note", "keeps a note", '{"type":"object","properties":{"text":{"type":"string"}},"required":["text"]}')
TOOL_PROMPT = Prompt(TURNS, tools=(TOOL,), tool_choice=ToolChoice(ToolMode.REQUIRED))
NO_SCHEMA = Prompt(TURNS, response_format=ResponseFormat(ResponseKind.JSON_SCHEMA, "never", "false"))
KEY = "sk-conformance"
PATIENT_SECONDS = 10.0
"""A busy machine is no fault of a provider."""
SHORT = Timeouts(connect=5.0, first_token=0.3, between_chunks=0.3, total=30.0)
LONG_TEXT = " ".join(f"word{number}" for number in range(200))

PROVIDER = ChaosTarget.PROVIDER

MOCK_FAULTS = {
    FaultKind.RATE_LIMITED: Script(fault=Fault.RATE_LIMITED),
    FaultKind.QUOTA_SPENT: Script(fault=Fault.QUOTA_SPENT),
    FaultKind.KEY_REFUSED: Script(fault=Fault.REFUSE_KEY),
    FaultKind.OVERLOADED: Script(fault=Fault.OVERLOADED),
    FaultKind.UNAVAILABLE: Script(fault=Fault.RESET),
    FaultKind.TIMEOUT: Script(fault=Fault.SILENT),
    FaultKind.CUT: Script(fault=Fault.CUT, after_tokens=5),
    FaultKind.STALLED: Script(fault=Fault.STALL, after_tokens=5),
    FaultKind.MALFORMED: Script(fault=Fault.MALFORMED, after_tokens=5),
    FaultKind.CONTEXT_LENGTH: Script(fault=Fault.CONTEXT_LENGTH),
    FaultKind.REQUEST_TOO_LARGE: Script(fault=Fault.REQUEST_TOO_LARGE),
    FaultKind.MODEL_UNKNOWN: Script(fault=Fault.MODEL_UNKNOWN),
    FaultKind.INVALID_REQUEST: Script(fault=Fault.INVALID),
    FaultKind.CONTENT_REFUSED: Script(fault=Fault.CONTENT_REFUSED),
}


@asynccontextmanager
async def dry_run_subject() -> AsyncIterator[Subject]:
    plain = Generation(Endpoint(Dialect.DRY_RUN, model="long"), "", Prompt(TURNS), 4096)
    yield Subject(
        DryRunProvider(),
        plain,
        tokens_of=tokens_of,
        tool_generation=plain._replace(prompt=TOOL_PROMPT),
        failing={FaultKind.INVALID_REQUEST: plain._replace(prompt=NO_SCHEMA)},
    )


@asynccontextmanager
async def http_subject(dialect: Dialect) -> AsyncIterator[Subject]:
    async with open_mock_provider(keys=[KEY]) as mock:
        host = mock.base_url.partition("://")[2].partition("/")[0]
        client = HttpClient(egress=EgressRule([host]), clock=SystemClock())
        kind = OpenAiProvider if dialect is Dialect.OPENAI else AnthropicProvider
        provider = kind(client=client, clock=SystemClock())
        # With a pause after each event, so that not even a busy reader finds all of them at once.
        mock.script("plain", Script(text=LONG_TEXT, tokens_per_chunk=50, token_seconds=0.0001))
        mock.script("endless", Script(fault=Fault.ENDLESS, tokens_per_chunk=2_000))
        for fault, script in MOCK_FAULTS.items():
            mock.script(fault.value, script)

        def asked(model: str) -> Generation:
            return Generation(Endpoint(dialect, mock.base_url, model, timeouts=SHORT), KEY, Prompt(TURNS), 1024)

        async def open_calls() -> int:
            return sum(call.ended is None for call in mock.calls)

        yield Subject(
            provider,
            asked("plain"),
            open_calls=open_calls,
            tokens_of=count_tokens,
            tool_generation=asked("tooled")._replace(prompt=TOOL_PROMPT),
            endless_generation=asked("endless"),
            made_so_far=lambda: mock.calls[-1].sent_tokens * 5,
            failing={fault: asked(fault.value) for fault in MOCK_FAULTS},
            leave_seconds=PATIENT_SECONDS,
        )
        await provider.close()
        await provider.close()


@asynccontextmanager
async def remote_subject() -> AsyncIterator[Subject]:
    adapter = staged.StagedAdapter()
    async with open_adapter(adapter, keys=[KEY], drain_seconds=0.0) as running:
        provider = RemoteProvider(EgressRule([running.target]), clock=SystemClock(), chance=random.Random(1))

        def asked(model: str) -> Generation:
            endpoint = Endpoint(Dialect.REMOTE, running.target, model, timeouts=SHORT)
            return Generation(endpoint, KEY, Prompt(TURNS), 1024)

        async def open_calls() -> int:
            return running.open_calls

        # What the rule of egress forbids is ours to say, never an adapter's.
        kinds = set(FaultKind) - {FaultKind.EGRESS_REFUSED}
        failing = {kind: asked(kind.value) for kind in sorted(kinds)}
        failing |= {FaultKind.STALLED: asked(staged.STALLING), FaultKind.TIMEOUT: asked(staged.SILENT)}
        yield Subject(
            provider,
            asked(staged.PLAIN),
            open_calls=open_calls,
            tokens_of=tokens_of,
            tool_generation=asked(staged.PLAIN)._replace(prompt=TOOL_PROMPT),
            endless_generation=asked(staged.ENDLESS),
            made_so_far=lambda: adapter.made_bytes,
            failing=failing,
            leave_seconds=PATIENT_SECONDS,
        )
        await provider.close()
        await provider.close()


@asynccontextmanager
async def beset_subject(*rules: ChaosRule) -> AsyncIterator[Subject]:
    """A provider behind chaos, which keeps every promise as long as no fault strikes."""
    async with http_subject(Dialect.OPENAI) as subject:
        chaos = Chaos(is_allowed=True, draw_seed=lambda: 1, on_injected=lambda *_: None)
        chaos.set(ChaosTarget.PROVIDER, rules)
        yield dataclasses.replace(subject, provider=ChaosProvider(subject.provider, chaos))


SUBJECTS: dict[str, Callable[[], AbstractAsyncContextManager[Subject]]] = {
    "dry_run": dry_run_subject,
    "openai": lambda: http_subject(Dialect.OPENAI),
    "anthropic": lambda: http_subject(Dialect.ANTHROPIC),
    "remote": remote_subject,
    "chaos_without_rules": beset_subject,
    "chaos_for_others": lambda: beset_subject(ChaosRule(PROVIDER, ChaosFault.CUT, 1.0, deployment="another")),
    "chaos_of_no_time": lambda: beset_subject(ChaosRule(PROVIDER, ChaosFault.DELAY, 1.0)),
}
