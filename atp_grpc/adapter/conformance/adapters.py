"""The checks of a running adapter: those of every provider, through our own client, and those of its free calls.

`atp adapter check` enters here.
"""

from __future__ import annotations

import asyncio
import random
from functools import partial

import grpc

from atp_grpc.adapter.conformance.running import Check, Finding, examine
from atp_grpc.adapter.conformance.subject import NotApplicable, Subject
from atp_grpc.domain.clock import SystemClock
from atp_grpc.domain.conversation import Prompt, Role, TextPart, Tool, ToolChoice, ToolMode, Turn
from atp_grpc.domain.endpoint import Dialect, Endpoint
from atp_grpc.providers.contract import FaultKind, Generation, ProviderFault
from atp_grpc.providers.http.egress import EgressRule
from atp_grpc.providers.remote.description import Description, ModelDescription
from atp_grpc.providers.remote.provider import RemoteProvider
from atp_grpc.providers.standing import ServingState, Standing

QUESTION = "Tell in about a hundred words how bees find their way home."
CAP = 512
STATE_SECONDS = 5.0
_TOOL = Tool("note", "keeps a note", '{"type":"object","properties":{"text":{"type":"string"}},"required":["text"]}')
_UNIMPLEMENTED = grpc.StatusCode.UNIMPLEMENTED.value[0]
_NO_MODEL = "no-such-model-anywhere"


async def examine_adapter(
    address: str, *, model: str = "", key: str = "", root_certificates: bytes | None = None
) -> list[Finding]:
    """Checks an adapter.

    Args:
        address: `https://HOST:PORT`, `http://HOST:PORT`, or `HOST:PORT` without TLS.
        model: which of its models; empty: the first it tells.
        key: what it lets callers in by; empty for none.
        root_certificates: PEM certificates to trust in place of the machine's own.

    Raises:
        ProviderFault: it does not answer, or has no such model.
    """
    named = address.rpartition("://")[2]
    provider = RemoteProvider(
        EgressRule([named]),
        clock=SystemClock(),
        chance=random.Random(),  # noqa: S311 - spreads the tries of a watch.
        root_certificates=root_certificates,
    )
    try:
        description = await provider.describe(Endpoint(Dialect.REMOTE, address), key)
        described = _chosen(description, model)
        subject = _subject(provider, Endpoint(Dialect.REMOTE, address, described.name), key, described)
        return await examine(subject, _free_checks(provider))
    finally:
        await provider.close()


def _chosen(description: Description, model: str) -> ModelDescription:
    for described in description.models:
        if model in ("", described.name):
            return described
    raise ProviderFault(FaultKind.MODEL_UNKNOWN)


def _subject(provider: RemoteProvider, endpoint: Endpoint, key: str, described: ModelDescription) -> Subject:
    turns = (Turn(Role.USER, (TextPart(QUESTION),)),)
    generation = Generation(endpoint, key, Prompt(turns), CAP)
    tool_prompt = Prompt(turns, tools=(_TOOL,), tool_choice=ToolChoice(ToolMode.REQUIRED, _TOOL.name))

    async def open_calls() -> int:
        return (await provider.describe(endpoint, key)).open_calls

    nowhere = Endpoint(endpoint.dialect, endpoint.base_url, _NO_MODEL)
    return Subject(
        provider,
        generation,
        open_calls=open_calls,
        tool_generation=generation._replace(prompt=tool_prompt) if "tools" in described.capabilities else None,
        failing={FaultKind.MODEL_UNKNOWN: generation._replace(endpoint=nowhere)},
    )


def _free_checks(provider: RemoteProvider) -> dict[str, Check]:
    return {
        "estimate holds together": partial(_estimate_holds_together, provider),
        "unknown model has no estimate": partial(_unknown_model_has_no_estimate, provider),
        "watch tells a state at once": partial(_watch_tells_a_state, provider),
    }


async def _estimate_holds_together(provider: RemoteProvider, subject: Subject) -> str:
    try:
        estimate = await provider.estimate(subject.generation)
    except ProviderFault as fault:
        if fault.status == _UNIMPLEMENTED:
            raise NotApplicable("the adapter does not estimate") from None
        raise
    if estimate.p95_output_tokens < estimate.mean_output_tokens:
        return "95 of 100 answers are said to be shorter than the average one"
    return "" if estimate.p95_output_tokens <= CAP else "the estimate is above the cap"


async def _unknown_model_has_no_estimate(provider: RemoteProvider, subject: Subject) -> str:
    try:
        await provider.estimate(subject.failing[FaultKind.MODEL_UNKNOWN])
    except ProviderFault:
        return ""
    return "a model that does not exist has an estimate"


async def _watch_tells_a_state(provider: RemoteProvider, subject: Subject) -> str:
    said: asyncio.Future[Standing] = asyncio.get_running_loop().create_future()

    def hear(_endpoint: Endpoint, standing: Standing) -> None:
        if not said.done():
            said.set_result(standing)

    provider.watch([(subject.generation.endpoint, subject.generation.key)], on_change=hear)
    try:
        async with asyncio.timeout(STATE_SECONDS):
            standing = await said
    except TimeoutError:
        return f"nothing was told within {STATE_SECONDS:g} s"
    finally:
        provider.watch(())
    return "" if standing.state is not ServingState.AWAY else "what is told of the state makes no sense"
