"""The error table: which status code, details and retry advice each reason of `atp.v1.ErrorReason` gets.

The door turns the error of a call into a status here, and batches do the same for one item. It never makes up a
reason: the table, the enum of the contract and the classes of `domain.errors` are equal by test.
"""

from __future__ import annotations

import enum
import functools
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar

from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from atp_grpc.domain.errors import AtpError, FieldViolation, PreconditionViolation

ERROR_DOMAIN = "atp.dev"
DETAILS_KEY = "grpc-status-details-bin"
PUSHBACK_KEY = "grpc-retry-pushback-ms"
MIN_PUSHBACK_MS = 10
"""A pushback of 0 makes clients of the C core wait for ever (grpc issue 41036; measured on grpcio 1.85.1)."""
MAX_PUSHBACK_MS = 3_600_000
DEFAULT_PUSHBACK_MS = 50
NO_RETRY = "-1"
LISTED_BYTES = 3_072
"""Room for the violations of one status: a client refuses trailers above 8 KiB, base64 included."""
MESSAGE_CHARACTERS = 512
VALUE_CHARACTERS = 256

Trailers = tuple[tuple[str, str | bytes], ...]
_Violation = TypeVar("_Violation", FieldViolation, PreconditionViolation)


class Code(enum.IntEnum):
    """The status codes of gRPC, by their numbers on the wire."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


class Retry(enum.Enum):
    """What a caller is told about trying again."""

    NEVER = "pushback -1"
    SOON = "RetryInfo, and the same time as pushback"
    LATER = "RetryInfo, and pushback -1: too long a wait for a retry inside the call"
    UNSAID = "nothing"


@dataclass(frozen=True, slots=True)
class Rule:
    """A row of the table. `quota` names what ran out, for reasons that carry a QuotaFailure."""

    code: Code
    retry: Retry = Retry.NEVER
    quota: str = ""


TABLE: Mapping[str, Rule] = MappingProxyType(
    {
        "MALFORMED_MESSAGE": Rule(Code.INVALID_ARGUMENT),
        "INVALID_FIELD": Rule(Code.INVALID_ARGUMENT),
        "MESSAGE_TOO_LARGE": Rule(Code.INVALID_ARGUMENT),
        "UNKNOWN_MODEL": Rule(Code.INVALID_ARGUMENT),
        "UNKNOWN_POLICY": Rule(Code.INVALID_ARGUMENT),
        "FEATURE_SCHEMA_MISMATCH": Rule(Code.INVALID_ARGUMENT),
        "CREDENTIAL_REFUSED": Rule(Code.UNAUTHENTICATED),
        "PERMISSION_DENIED": Rule(Code.PERMISSION_DENIED),
        "NO_ELIGIBLE_MODEL": Rule(Code.FAILED_PRECONDITION),
        "MODELS_UNAVAILABLE": Rule(Code.UNAVAILABLE, Retry.SOON),
        "TOKEN_INVALID": Rule(Code.INVALID_ARGUMENT),
        "TOKEN_EXPIRED": Rule(Code.FAILED_PRECONDITION),
        "DECISION_NOT_FOUND": Rule(Code.NOT_FOUND),
        "RESOURCE_NOT_FOUND": Rule(Code.NOT_FOUND),
        "OUTCOME_CONFLICT": Rule(Code.ALREADY_EXISTS),
        "REQUEST_ID_REUSED": Rule(Code.INVALID_ARGUMENT),
        "REQUEST_ID_FORGOTTEN": Rule(Code.ABORTED),
        "REQUEST_IDS_EXHAUSTED": Rule(Code.RESOURCE_EXHAUSTED, Retry.LATER, quota="request_ids"),
        "REVISION_NOT_REACHED": Rule(Code.UNAVAILABLE, Retry.SOON),
        "DEADLINE_EXCEEDED": Rule(Code.DEADLINE_EXCEEDED, Retry.UNSAID),
        "DRAINING": Rule(Code.UNAVAILABLE, Retry.SOON),
        "OVERLOADED": Rule(Code.UNAVAILABLE, Retry.SOON),
        "CALLER_TOO_SLOW": Rule(Code.RESOURCE_EXHAUSTED),
        "BUDGET_EXHAUSTED": Rule(Code.RESOURCE_EXHAUSTED, Retry.LATER, quota="budget"),
        "STORE_UNAVAILABLE": Rule(Code.UNAVAILABLE, Retry.SOON),
        "CATALOG_INVALID": Rule(Code.FAILED_PRECONDITION),
        "INSTANCE_MISMATCH": Rule(Code.FAILED_PRECONDITION),
        "PAGE_TOKEN_INVALID": Rule(Code.INVALID_ARGUMENT),
        "PRIOR_DAMAGED": Rule(Code.INVALID_ARGUMENT),
        "PRIOR_MISFIT": Rule(Code.FAILED_PRECONDITION),
        "PRIOR_ALREADY_APPLIED": Rule(Code.ALREADY_EXISTS),
        "METHOD_UNKNOWN": Rule(Code.UNIMPLEMENTED),
        "INTERNAL": Rule(Code.INTERNAL),
        "POLICY_INVALID": Rule(Code.INVALID_ARGUMENT),
        "POLICY_EXISTS": Rule(Code.ALREADY_EXISTS),
        "POLICY_READ_ONLY": Rule(Code.FAILED_PRECONDITION),
        "POLICY_WITHOUT_PREVIOUS": Rule(Code.FAILED_PRECONDITION),
        "ETAG_MISMATCH": Rule(Code.ABORTED),
        "PROVIDERS_UNAVAILABLE": Rule(Code.UNAVAILABLE, Retry.SOON),
        "ANSWER_CUT": Rule(Code.ABORTED),
        "PROVIDER_REFUSED_REQUEST": Rule(Code.INVALID_ARGUMENT),
        "FEATURE_OFF": Rule(Code.FAILED_PRECONDITION),
        "CHAOS_FORBIDDEN": Rule(Code.FAILED_PRECONDITION),
        "TRIAL_UNDER_WAY": Rule(Code.FAILED_PRECONDITION),
        "POLICY_ON_TRIAL": Rule(Code.FAILED_PRECONDITION),
        "TRIAL_COOLING_DOWN": Rule(Code.FAILED_PRECONDITION, Retry.LATER),
        "CHALLENGER_UNFIT": Rule(Code.FAILED_PRECONDITION),
        "OPERATIONS_EXHAUSTED": Rule(Code.RESOURCE_EXHAUSTED, Retry.LATER, quota="operations"),
        "OPERATION_CANCELLED": Rule(Code.CANCELLED),
    }
)


def rpc_status(error: AtpError, trace_id: str) -> status_pb2.Status:
    """The status of a refusal: its code, its message and its typed details (AIP-193: ErrorInfo always, each type once).

    The trace id of the call goes along as RequestInfo: whoever was refused can name the call to the operator. Long
    lists are cut so that the status fits into a client's metadata; the last entry then says how many are missing.
    """
    rule = TABLE[error.reason]
    status = status_pb2.Status(code=int(rule.code), message=error.message[:MESSAGE_CHARACTERS])
    for detail in _details(error, rule):
        status.details.add().Pack(detail)
    status.details.add().Pack(error_details_pb2.RequestInfo(request_id=trace_id))
    return status


def packed_status(error: AtpError, trace_id: str) -> bytes:
    """`rpc_status` as bytes, quicker for an error that says the same of many calls.

    A server with too much to do sends hundreds of those a second, and what they cost is taken from the calls that it
    answers. Only the trace id is put to what was written before: messages that follow each other merge (protobuf's
    encoding guide), so the details of the second come after those of the first.
    """
    if error.metadata or error.violations or error.preconditions or error.resource is not None:
        whole: bytes = rpc_status(error, trace_id).SerializeToString()
        return whole
    call = status_pb2.Status()
    call.details.add().Pack(error_details_pb2.RequestInfo(request_id=trace_id))
    name: bytes = call.SerializeToString()
    return _nameless_status(error.reason, error.message, _wait_ms(error)) + name


@functools.lru_cache(maxsize=1_024)
def _nameless_status(reason: str, message: str, wait_ms: int) -> bytes:
    """The status of an error without any variable part but its wait, and without the name of a call."""
    rule = TABLE[reason]
    status = status_pb2.Status(code=int(rule.code), message=message[:MESSAGE_CHARACTERS])
    for detail in (_info(reason, {}), *_advice(rule, message, wait_ms)):
        status.details.add().Pack(detail)
    packed: bytes = status.SerializeToString()
    return packed


def trailers(error: AtpError, status: status_pb2.Status | bytes, *, seconds_left: float | None = None) -> Trailers:
    """The trailing metadata of a refused call: status and details, and the pushback that gRPC's own retries obey.

    A wait that is not over within the `seconds_left` of the caller becomes a pushback of -1: a client that began to
    wait would end with a deadline exceeded, and its user would never see the refusal.
    """
    packed = status if isinstance(status, bytes) else status.SerializeToString()
    entries: Trailers = ((DETAILS_KEY, packed),)
    retry = TABLE[error.reason].retry
    if retry is Retry.UNSAID:
        return entries
    wait_ms = _wait_ms(error)
    is_worth_it = retry is Retry.SOON and (seconds_left is None or wait_ms < seconds_left * 1_000)
    return (*entries, (PUSHBACK_KEY, str(wait_ms) if is_worth_it else NO_RETRY))


def _details(error: AtpError, rule: Rule) -> Iterable[Message]:
    yield _info(error.reason, error.metadata)
    if error.violations:
        fields = _listed(
            error.violations, lambda text: FieldViolation("", text), lambda one: (one.field, one.description)
        )
        yield error_details_pb2.BadRequest(
            field_violations=[
                error_details_pb2.BadRequest.FieldViolation(field=one.field, description=one.description)
                for one in fields
            ]
        )
    if error.preconditions:
        conditions = _listed(
            error.preconditions,
            lambda text: PreconditionViolation("MORE", "", text),
            lambda one: (one.type, one.subject, one.description),
        )
        yield error_details_pb2.PreconditionFailure(
            violations=[
                error_details_pb2.PreconditionFailure.Violation(
                    type=one.type, subject=one.subject, description=one.description
                )
                for one in conditions
            ]
        )
    if error.resource is not None:
        name = error.resource.name[:VALUE_CHARACTERS]
        yield error_details_pb2.ResourceInfo(resource_type=error.resource.type, resource_name=name)
    yield from _advice(rule, error.message, _wait_ms(error))


def _info(reason: str, metadata: Mapping[str, str]) -> error_details_pb2.ErrorInfo:
    told = {key: value[:VALUE_CHARACTERS] for key, value in metadata.items()}
    return error_details_pb2.ErrorInfo(reason=reason, domain=ERROR_DOMAIN, metadata=told)


def _advice(rule: Rule, message: str, wait_ms: int) -> Iterable[Message]:
    """What ran out, and when to come back."""
    if rule.quota:
        failure = error_details_pb2.QuotaFailure.Violation(subject=rule.quota, description=message)
        yield error_details_pb2.QuotaFailure(violations=[failure])
    if rule.retry in {Retry.SOON, Retry.LATER}:
        advice = error_details_pb2.RetryInfo()
        advice.retry_delay.FromMilliseconds(wait_ms)
        yield advice


def _listed(
    violations: tuple[_Violation, ...],
    more: Callable[[str], _Violation],
    texts: Callable[[_Violation], tuple[str, ...]],
) -> list[_Violation]:
    """As many violations as there is room for; `more` makes the entry that counts the others."""
    kept: list[_Violation] = []
    room = LISTED_BYTES
    for violation in violations:
        room -= sum(len(text.encode()) + 2 for text in texts(violation)) + 2
        if room < 0:
            kept.append(more(f"{len(violations) - len(kept)} more are not listed"))
            break
        kept.append(violation)
    return kept


def _wait_ms(error: AtpError) -> int:
    """The advised wait, within what clients can bear."""
    seconds = error.retry_after_seconds
    if seconds is None or not math.isfinite(seconds):
        return DEFAULT_PUSHBACK_MS
    return max(MIN_PUSHBACK_MS, min(math.ceil(seconds * 1_000), MAX_PUSHBACK_MS))
