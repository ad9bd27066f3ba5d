"""Without litellm the provider says what to install; with it, it keeps the contract in front of the stand-in."""

from __future__ import annotations

import importlib.util
from collections.abc import AsyncIterator
from dataclasses import replace
from importlib import metadata
from typing import ClassVar

import pytest

from atp_grpc.adapter.conformance import Outcome, Subject, examine
from atp_grpc.domain.endpoint import Dialect, Endpoint, Timeouts
from atp_grpc.providers import litellm
from atp_grpc.providers.contract import FaultKind, Generation, ProviderFault
from atp_grpc.providers.http.egress import EgressRule
from atp_grpc.providers.litellm import LitellmProvider, LitellmUnusable
from tests.conformance.provider.subjects import http_subject

IS_INSTALLED = importlib.util.find_spec("litellm") is not None
needs_litellm = pytest.mark.skipif(not IS_INSTALLED, reason="the extra litellm is not installed")


def test_a_machine_without_litellm_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.version", missing)

    with pytest.raises(LitellmUnusable, match=r"pip install 'atp-grpc\[litellm\]'"):
        LitellmProvider(EgressRule())


@pytest.mark.parametrize("version", ["1.82.7", "1.82.8", "1.83.14", "0.9", "1"])
def test_a_version_with_known_holes_is_not_even_imported(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda _: version)
    monkeypatch.setattr("importlib.import_module", lambda _: pytest.fail("it was imported"))

    with pytest.raises(LitellmUnusable, match="not to be trusted"):
        LitellmProvider(EgressRule())


class RateLimitError(Exception):
    """As litellm names it."""

    status_code = 429


class ContextWindowExceededError(Exception):
    """As litellm names it."""


class EmptyAccountError(RateLimitError):
    """A limit that is an empty account."""

    body: ClassVar = {"code": "insufficient_quota"}


class BadRequestError(Exception):
    """As litellm names it, with the status of a key that is refused."""

    status_code = 401


@pytest.mark.parametrize(
    ("error", "has_begun", "kind"),
    [
        (RateLimitError(), False, FaultKind.RATE_LIMITED),
        (EmptyAccountError(), False, FaultKind.QUOTA_SPENT),
        (BadRequestError(), False, FaultKind.KEY_REFUSED),
        (ContextWindowExceededError(), False, FaultKind.CONTEXT_LENGTH),
        (ValueError("a secret"), False, FaultKind.UNAVAILABLE),
        (ValueError("a secret"), True, FaultKind.CUT),
    ],
)
def test_an_exception_is_known_by_its_class_and_never_by_its_words(
    error: Exception, has_begun: bool, kind: FaultKind
) -> None:
    fault = litellm._fault(error, has_begun=has_begun)

    assert fault.kind is kind
    assert "secret" not in f"{fault!r}"


@pytest.fixture
async def subject() -> AsyncIterator[Subject]:
    async with http_subject(Dialect.OPENAI) as openai:
        host = openai.generation.endpoint.base_url.partition("://")[2].partition("/")[0]
        provider = LitellmProvider(EgressRule([host]))

        def renamed(generation: Generation | None) -> Generation:
            assert generation is not None
            endpoint = generation.endpoint
            # Its first call of a kind takes long.
            is_hurried = endpoint.model in (FaultKind.TIMEOUT, FaultKind.STALLED)
            timeouts = endpoint.timeouts if is_hurried else Timeouts()
            endpoint = replace(endpoint, dialect=Dialect.LITELLM, model=f"openai/{endpoint.model}", timeouts=timeouts)
            return generation._replace(endpoint=endpoint)

        yield replace(
            openai,
            provider=provider,
            generation=renamed(openai.generation),
            tool_generation=renamed(openai.tool_generation),
            endless_generation=renamed(openai.endless_generation),
            # litellm says of what it cannot read only that it broke off.
            failing={
                kind: renamed(generation)
                for kind, generation in openai.failing.items()
                if kind is not FaultKind.MALFORMED
            },
        )
        await provider.close()


@needs_litellm
@pytest.mark.filterwarnings("default")
async def test_litellm_keeps_every_promise(subject: Subject) -> None:
    findings = await examine(subject)

    assert [finding for finding in findings if finding.outcome is Outcome.FAILED] == []


@needs_litellm
@pytest.mark.filterwarnings("default")
async def test_an_address_that_nobody_named_is_refused() -> None:
    provider = LitellmProvider(EgressRule())

    with pytest.raises(ProviderFault) as refused:
        await provider.probe(Endpoint(Dialect.LITELLM, "http://127.0.0.1:1/v1", "openai/m"), "")

    assert refused.value.kind is FaultKind.EGRESS_REFUSED
