"""The provider for the long tail: whatever the litellm package speaks, through that package.

`app` enters here, once a deployment asks for it; the package is an extra (`atp-grpc[litellm]`) and is imported by
nobody else. It speaks chat completions to us, so that requests are written and answers read as for OpenAI. It opens its
own connections: our rule of egress is asked about the address, but cannot hold it to the addresses that were judged.
It never retries, and neither does litellm when it is called from here.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncGenerator, Awaitable
from dataclasses import replace
from importlib import metadata
from typing import Any

import orjson

from atp_grpc.domain.endpoint import Endpoint, Quirk, Timeouts
from atp_grpc.providers.contract import Event, FaultKind, Generation, ProviderFault
from atp_grpc.providers.http.egress import EgressRule
from atp_grpc.providers.http.refusals import is_more_than_the_limit
from atp_grpc.providers.openai import prompts
from atp_grpc.providers.openai.answer import OpenAiAnswer

LEAST_VERSION = (1, 84)
"""Versions before it have known vulnerabilities, and two of them carried malware."""
_KINDS = {
    "AuthenticationError": FaultKind.KEY_REFUSED,
    "PermissionDeniedError": FaultKind.KEY_REFUSED,
    "PaymentRequiredError": FaultKind.QUOTA_SPENT,
    "RateLimitError": FaultKind.RATE_LIMITED,
    "NotFoundError": FaultKind.MODEL_UNKNOWN,
    "LiteLLMUnknownProvider": FaultKind.MODEL_UNKNOWN,
    "ContextWindowExceededError": FaultKind.CONTEXT_LENGTH,
    "ContentPolicyViolationError": FaultKind.CONTENT_REFUSED,
    "BadRequestError": FaultKind.INVALID_REQUEST,
    "UnprocessableEntityError": FaultKind.INVALID_REQUEST,
    "APITimeoutError": FaultKind.TIMEOUT,
    "ServiceUnavailableError": FaultKind.OVERLOADED,
    "MidStreamFallbackError": FaultKind.UNAVAILABLE,
    "APIResponseValidationError": FaultKind.MALFORMED,
}
_STATUSES: dict[object, FaultKind] = {
    401: FaultKind.KEY_REFUSED,
    402: FaultKind.QUOTA_SPENT,
    403: FaultKind.KEY_REFUSED,
    413: FaultKind.REQUEST_TOO_LARGE,
}
"""What litellm puts into a class that says something else."""
_CODES = {
    "insufficient_quota": FaultKind.QUOTA_SPENT,
    "context_length_exceeded": FaultKind.CONTEXT_LENGTH,
    "content_filter": FaultKind.CONTENT_REFUSED,
}
"""OpenAI's published codes, which litellm hands on."""
_BEGUN = {FaultKind.UNAVAILABLE: FaultKind.CUT, FaultKind.TIMEOUT: FaultKind.STALLED}


class LitellmUnusable(ImportError):
    """The litellm package is missing, or too old to be trusted; the text says what to install."""


class LitellmProvider:
    """Speaks through litellm. The endpoint's model is litellm's name of it, such as `cohere_chat/command-r`."""

    def __init__(self, egress: EgressRule) -> None:
        """Imports litellm, which takes seconds.

        Raises:
            LitellmUnusable: it is not installed, or not in a version to be trusted.
        """
        # Asked before the import: a version that must not be used must not be run either.
        _check_version()
        litellm: Any = importlib.import_module("litellm")
        litellm.telemetry = False
        litellm.suppress_debug_info = True
        litellm.turn_off_message_logging = True
        self._litellm = litellm
        self._egress = egress

    async def generate(self, generation: Generation) -> AsyncGenerator[Event, None]:
        """Calls litellm and gives what comes.

        Raises:
            ProviderFault: the call failed; never after `Finished`.
        """
        endpoint = generation.endpoint
        self._judge(endpoint)
        answer = OpenAiAnswer(endpoint.quirks)
        limits = _Limits(endpoint.timeouts, answer)
        if generation.is_streamed:
            stream = await limits.within(self._call(generation))
            try:
                while (chunk := await limits.within(anext(stream, None))) is not None:
                    for event in answer.read_event(_json(chunk)):
                        yield event
            finally:
                await stream.aclose()
        else:
            for event in answer.read_whole(_json(await limits.within(self._call(generation)))):
                yield event
        if not answer.is_complete:
            raise ProviderFault(FaultKind.CUT if answer.has_begun else FaultKind.MALFORMED)
        for event in answer.last_events():
            yield event

    async def probe(self, endpoint: Endpoint, key: str) -> None:  # noqa: ARG002 - litellm has no free call to use it in.
        """Asks litellm whether it knows whom to call; nobody is called, because litellm has no free call for all.

        Raises:
            ProviderFault: it does not.
        """
        self._judge(endpoint)
        try:
            self._litellm.get_llm_provider(endpoint.model, api_base=endpoint.base_url or None)
        except Exception as error:  # noqa: BLE001 - litellm raises classes of many packages.
            raise _fault(error, has_begun=False) from None

    async def close(self) -> None:
        """Lets go of litellm's connections."""
        await self._litellm.close_litellm_async_clients()

    def _judge(self, endpoint: Endpoint) -> None:
        if endpoint.base_url and self._egress.refusal(endpoint.base_url) is not None:
            raise ProviderFault(FaultKind.EGRESS_REFUSED)

    async def _call(self, generation: Generation) -> Any:
        """What litellm returns: a stream of chunks, or a whole answer."""
        endpoint = generation.endpoint
        said = prompts.body(generation._replace(endpoint=_without_cache_key(endpoint)))
        return await self._litellm.acompletion(
            **said,
            api_key=generation.key or None,
            base_url=endpoint.base_url or None,
            extra_headers=dict(endpoint.headers) or None,
            timeout=endpoint.timeouts.total,
            num_retries=0,
            max_retries=0,
        )


class _Limits:
    """The time limits of one call."""

    def __init__(self, timeouts: Timeouts, answer: OpenAiAnswer) -> None:
        self._timeouts = timeouts
        self._answer = answer
        self._loop = asyncio.get_running_loop()
        self._ends_at = self._loop.time() + timeouts.total

    async def within(self, step: Awaitable[Any]) -> Any:
        """Waits for a step, no longer than it may take now.

        Raises:
            ProviderFault: it took longer, or litellm raised something.
        """
        limit = self._timeouts.between_chunks if self._answer.steps else self._timeouts.first_token
        has_begun = self._answer.has_begun
        try:
            async with asyncio.timeout_at(min(self._loop.time() + limit, self._ends_at)):
                return await step
        except TimeoutError:
            raise ProviderFault(FaultKind.STALLED if has_begun else FaultKind.TIMEOUT) from None
        except Exception as error:  # noqa: BLE001 - litellm raises classes of many packages.
            raise _fault(error, has_begun=has_begun) from None


def _fault(error: Exception, *, has_begun: bool) -> ProviderFault:
    """What an exception of litellm means: the most particular of its classes that says something."""
    kind = next((_KINDS[cls.__name__] for cls in type(error).__mro__ if cls.__name__ in _KINDS), FaultKind.UNAVAILABLE)
    status, body = getattr(error, "status_code", None), getattr(error, "body", None)
    kind = _STATUSES.get(status, kind)
    if isinstance(body, dict):
        kind = _CODES.get(str(body.get("code")), kind)
    if kind is FaultKind.RATE_LIMITED and isinstance(body, dict) and is_more_than_the_limit(str(body.get("message"))):
        kind = FaultKind.REQUEST_TOO_LARGE
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    waits = str(headers.get("retry-after", ""))
    return ProviderFault(
        _BEGUN.get(kind, kind) if has_begun else kind,
        status=status if isinstance(status, int) else None,
        retry_after_seconds=float(waits) if waits.isdecimal() else None,
    )


def _json(said: Any) -> bytes:
    return orjson.dumps(said.model_dump(exclude_none=True, mode="json"))


def _without_cache_key(endpoint: Endpoint) -> Endpoint:
    """Most of what litellm speaks refuses the key of a prompt cache."""
    return replace(endpoint, quirks=endpoint.quirks | {Quirk.NO_CACHE_KEY})


def _check_version() -> None:
    advice = f"install it with: pip install 'atp-grpc[litellm]' (litellm {'.'.join(map(str, LEAST_VERSION))} or later)"
    try:
        version = metadata.version("litellm")
    except metadata.PackageNotFoundError:
        raise LitellmUnusable(f"the litellm package is not installed; {advice}") from None
    if tuple(int(part) if part.isdecimal() else 0 for part in version.split(".")[:2]) < LEAST_VERSION:
        raise LitellmUnusable(f"litellm {version} is not to be trusted; {advice}")
