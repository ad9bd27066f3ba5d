"""The promise of a provider: from a prompt and an endpoint to a stream of events that ends honestly.

`asking` enters here; one conformance suite holds every implementation to it. A provider speaks one dialect and serves
every deployment of it. It makes one call for one `generate`: it never retries, never chooses, never waits for a first
token longer than it is let, never keeps a prompt, and never lets a key or a provider's words into an error.
"""

from __future__ import annotations

import enum
from collections.abc import AsyncGenerator
from typing import NamedTuple, Protocol

from atp_grpc.domain.ask import FinishReason
from atp_grpc.domain.conversation import Prompt
from atp_grpc.domain.endpoint import Endpoint
from atp_grpc.domain.outcome import Usage


class FaultKind(enum.StrEnum):
    """How a call went wrong."""

    RATE_LIMITED = "rate_limited"
    """Too many calls or tokens for the key (429)."""
    QUOTA_SPENT = "quota_spent"
    """The key's account is empty (402, or 429 that says so); waiting does not help."""
    KEY_REFUSED = "key_refused"
    """The key is unknown or may not do this (401, 403)."""
    OVERLOADED = "overloaded"
    """The provider is too busy (503, 529)."""
    UNAVAILABLE = "unavailable"
    """It cannot be reached, reset the connection, or answered with a server's error, before any event."""
    TIMEOUT = "timeout"
    """A time limit passed before any event."""
    CUT = "cut"
    """The answer broke off after it had begun."""
    STALLED = "stalled"
    """A time limit passed after the answer had begun."""
    MALFORMED = "malformed"
    """What came is not the dialect."""
    EGRESS_REFUSED = "egress_refused"
    """Our own rule of egress forbids the address; nothing was sent."""
    CONTEXT_LENGTH = "context_length"
    """The model has too little context for the prompt; another may have enough."""
    REQUEST_TOO_LARGE = "request_too_large"
    """More tokens or bytes than this key or endpoint ever takes at once (413, or 429 that says so); others may."""
    MODEL_UNKNOWN = "model_unknown"
    """The endpoint does not have the model (404)."""
    INVALID_REQUEST = "invalid_request"
    """The request itself is refused (400, 422); so would every endpoint."""
    CONTENT_REFUSED = "content_refused"
    """The provider's rules of content refuse the prompt."""


class Blame(enum.StrEnum):
    """Whom a fault speaks against; only `PROVIDER` counts against a deployment."""

    PROVIDER = "provider"
    KEY = "key"
    CALLER = "caller"


class Where(enum.StrEnum):
    """Where the same request may be tried again, while nothing of an answer was shown."""

    HERE = "here"
    """At the same deployment, after a while, and elsewhere."""
    ELSEWHERE = "elsewhere"
    """At another deployment or model only."""
    NOWHERE = "nowhere"


class Verdict(NamedTuple):
    """What a kind of fault means."""

    blame: Blame
    where: Where


VERDICTS: dict[FaultKind, Verdict] = {
    FaultKind.RATE_LIMITED: Verdict(Blame.KEY, Where.HERE),
    FaultKind.QUOTA_SPENT: Verdict(Blame.KEY, Where.ELSEWHERE),
    FaultKind.KEY_REFUSED: Verdict(Blame.KEY, Where.ELSEWHERE),
    FaultKind.OVERLOADED: Verdict(Blame.PROVIDER, Where.HERE),
    FaultKind.UNAVAILABLE: Verdict(Blame.PROVIDER, Where.HERE),
    FaultKind.TIMEOUT: Verdict(Blame.PROVIDER, Where.ELSEWHERE),
    FaultKind.CUT: Verdict(Blame.PROVIDER, Where.ELSEWHERE),
    FaultKind.STALLED: Verdict(Blame.PROVIDER, Where.ELSEWHERE),
    FaultKind.MALFORMED: Verdict(Blame.PROVIDER, Where.ELSEWHERE),
    FaultKind.EGRESS_REFUSED: Verdict(Blame.PROVIDER, Where.ELSEWHERE),
    FaultKind.CONTEXT_LENGTH: Verdict(Blame.CALLER, Where.ELSEWHERE),
    FaultKind.REQUEST_TOO_LARGE: Verdict(Blame.CALLER, Where.ELSEWHERE),
    FaultKind.MODEL_UNKNOWN: Verdict(Blame.PROVIDER, Where.ELSEWHERE),
    FaultKind.INVALID_REQUEST: Verdict(Blame.CALLER, Where.NOWHERE),
    FaultKind.CONTENT_REFUSED: Verdict(Blame.CALLER, Where.NOWHERE),
}


class ProviderFault(Exception):
    """A call failed. Holds no word of the provider's and no secret, so it may be logged."""

    def __init__(self, kind: FaultKind, *, status: int | None = None, retry_after_seconds: float | None = None) -> None:
        """`status` is the HTTP (or gRPC) status if one came; `retry_after_seconds` what the provider asks for."""
        super().__init__(kind.value if status is None else f"{kind.value} (status {status})")
        self.kind = kind
        self.status = status
        self.retry_after_seconds = retry_after_seconds

    @property
    def blame(self) -> Blame:
        """Whom it speaks against."""
        return VERDICTS[self.kind].blame

    @property
    def where(self) -> Where:
        """Where the request may be tried again, while nothing was shown."""
        return VERDICTS[self.kind].where


class TextDelta(NamedTuple):
    """More of the answer's text."""

    text: str


class ToolCallDelta(NamedTuple):
    """More of a tool call. `index` tells calls apart; id and name come once, `arguments` piece by piece."""

    index: int  # type: ignore[assignment]  # nobody looks for a place in such a tuple
    call_id: str
    name: str
    arguments: str


class Certainty(NamedTuple):
    """How sure the model was of tokens of its answer: the sum of their natural log probabilities, and how many."""

    log_probability: float
    tokens: int


class Used(NamedTuple):
    """The usage so far or in all, by the provider's own count: a later one replaces an earlier one, it is never added.

    Classes are disjoint, as `domain.outcome.Usage` says: cached input is not in `input_tokens`, reasoning is not in
    `output_tokens`.
    """

    usage: Usage


class Allowance(NamedTuple):
    """What the provider says is left for the key, and in how many seconds it is full again; None where it is silent."""

    requests_left: int | None = None
    tokens_left: int | None = None
    reset_seconds: float | None = None


class Finished(NamedTuple):
    """The answer is complete. `revision` is the provider's own name of the very model, empty if it told none."""

    reason: FinishReason
    revision: str = ""


Event = TextDelta | ToolCallDelta | Certainty | Used | Allowance | Finished


class Generation(NamedTuple):
    """One call to be made.

    Attributes:
        endpoint: whom to call.
        key: the secret itself; empty when the endpoint needs none.
        prompt: what to ask.
        max_output_tokens: cap of the answer, always sent upstream.
        is_streamed: whether events are wanted as they come; else the whole answer at once is cheaper.
        call_id: names the attempt, for the provider's logs and idempotency where it has any.
        wants_certainty: whether token probabilities are of use.
        session: marks calls that share a beginning, so that a provider's prompt cache may keep it; empty for none.
        deployment: the name of the deployment that is called; nothing upstream ever sees it.
    """

    endpoint: Endpoint
    key: str
    prompt: Prompt
    max_output_tokens: int
    is_streamed: bool = True
    call_id: str = ""
    wants_certainty: bool = False
    session: str = ""
    deployment: str = ""


class Provider(Protocol):
    """Speaks one dialect."""

    def generate(self, generation: Generation) -> AsyncGenerator[Event, None]:
        """Calls the endpoint and gives what comes.

        The last event is `Finished`, exactly once, and `Used` comes before it where the provider tells usage at all.
        Text is not held back: what a chunk holds is given when it is there. Whoever stops reading must `aclose` the
        generator, and that, or a cancellation, ends the call upstream at once. A slow reader slows the provider down:
        at most one chunk and what the socket holds is ever kept.

        Raises:
            ProviderFault: the call failed; never after `Finished`.
        """
        ...

    async def probe(self, endpoint: Endpoint, key: str) -> None:
        """Asks whether the endpoint is there, by a call that costs nothing.

        Raises:
            ProviderFault: it is not, or does not answer.
        """
        ...

    async def close(self) -> None:
        """Ends open calls and lets go of every connection. Calling it again is fine."""
        ...
