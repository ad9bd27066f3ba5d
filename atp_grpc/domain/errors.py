"""Everything that can be refused, one class per reason of `atp.v1.ErrorReason`.

An error says what is wrong in words a caller may see, repeats every variable part in `metadata`, and knows nothing of
status codes: `services/status` alone maps reasons to codes. Nothing here ever holds exception text, a secret or a prompt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """A field of the request that breaks a rule, by its path in the message."""

    field: str
    description: str


@dataclass(frozen=True, slots=True)
class PreconditionViolation:
    """A condition that does not hold: its type, what it concerns, and a sentence."""

    type: str
    subject: str
    description: str


@dataclass(frozen=True, slots=True)
class Resource:
    """What was looked for and not found."""

    type: str
    name: str


class AtpError(Exception):
    """Base of everything ATP refuses. Subclasses set `reason`; constructors take what varies."""

    reason: ClassVar[str]

    def __init__(
        self,
        message: str,
        *,
        metadata: Mapping[str, str] | None = None,
        violations: Sequence[FieldViolation] = (),
        preconditions: Sequence[PreconditionViolation] = (),
        resource: Resource | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.metadata = dict(metadata or {})
        self.violations = tuple(violations)
        self.preconditions = tuple(preconditions)
        self.resource = resource
        self.retry_after_seconds = retry_after_seconds


class MalformedMessageError(AtpError):
    reason = "MALFORMED_MESSAGE"

    def __init__(self) -> None:
        super().__init__("the bytes are not a message of this method's request type")


class InvalidFieldError(AtpError):
    reason = "INVALID_FIELD"

    def __init__(self, violations: Sequence[FieldViolation]) -> None:
        super().__init__("one or more fields break their rules", violations=violations)


class MessageTooLargeError(AtpError):
    reason = "MESSAGE_TOO_LARGE"

    def __init__(self, what: str, *, limit_bytes: int, size_bytes: int) -> None:
        super().__init__(
            f"the {what} has {size_bytes} bytes; at most {limit_bytes} are taken",
            metadata={"what": what, "limit_bytes": str(limit_bytes), "size_bytes": str(size_bytes)},
        )


class UnknownModelError(AtpError):
    reason = "UNKNOWN_MODEL"

    def __init__(self, field: str, model: str) -> None:
        super().__init__(
            f"the catalogue holds no model {model!r}",
            metadata={"model": model},
            violations=(FieldViolation(field, "no such model in the catalogue"),),
        )


class UnknownPolicyError(AtpError):
    reason = "UNKNOWN_POLICY"

    def __init__(self, policy: str) -> None:
        super().__init__(
            f"there is no routing policy {policy!r}",
            metadata={"policy": policy},
            violations=(FieldViolation("policy", "no such routing policy"),),
        )


class FeatureSchemaMismatchError(AtpError):
    reason = "FEATURE_SCHEMA_MISMATCH"

    def __init__(self, *, expected_schema: str, expected_dimension: int, schema: str, dimension: int) -> None:
        super().__init__(
            f"the routing policy takes features of schema {expected_schema!r} with {expected_dimension} values",
            metadata={
                "expected_schema": expected_schema,
                "expected_dimension": str(expected_dimension),
                "schema": schema,
                "dimension": str(dimension),
            },
        )


class CredentialRefusedError(AtpError):
    reason = "CREDENTIAL_REFUSED"

    def __init__(self) -> None:
        super().__init__("a valid credential is needed: metadata 'authorization: Bearer atp_...'")


class PermissionDeniedError(AtpError):
    reason = "PERMISSION_DENIED"

    def __init__(self, permission: str) -> None:
        super().__init__(f"the credential lacks the permission {permission!r}", metadata={"permission": permission})


class NoEligibleModelError(AtpError):
    reason = "NO_ELIGIBLE_MODEL"

    def __init__(self, preconditions: Sequence[PreconditionViolation]) -> None:
        super().__init__(
            "no model may serve this request; the details say why for each",
            metadata={"models": str(len(preconditions))},
            preconditions=preconditions,
        )


class ModelsUnavailableError(AtpError):
    reason = "MODELS_UNAVAILABLE"

    def __init__(self, preconditions: Sequence[PreconditionViolation], *, retry_after_seconds: float) -> None:
        super().__init__(
            "every model that may serve this request is away for a while",
            metadata={"models": str(len(preconditions))},
            preconditions=preconditions,
            retry_after_seconds=retry_after_seconds,
        )


class TokenInvalidError(AtpError):
    reason = "TOKEN_INVALID"

    def __init__(self) -> None:
        super().__init__("the feedback token is not one of this tenant's")


class TokenExpiredError(AtpError):
    reason = "TOKEN_EXPIRED"

    def __init__(self, expired_at: str) -> None:
        super().__init__(f"the feedback token expired at {expired_at}", metadata={"expired_at": expired_at})


class DecisionNotFoundError(AtpError):
    reason = "DECISION_NOT_FOUND"

    def __init__(self, decision_id: str) -> None:
        super().__init__("no such decision", resource=Resource("decision", decision_id))


class ResourceNotFoundError(AtpError):
    reason = "RESOURCE_NOT_FOUND"

    def __init__(self, type: str, name: str) -> None:
        super().__init__(f"no such {type}", resource=Resource(type, name))


class OutcomeConflictError(AtpError):
    reason = "OUTCOME_CONFLICT"

    def __init__(self, field: str) -> None:
        super().__init__(f"{field} was reported before with another value", metadata={"field": field})


class RequestIdReusedError(AtpError):
    reason = "REQUEST_ID_REUSED"

    def __init__(self, request_id: str) -> None:
        super().__init__("the request id was used for another request", metadata={"request_id": request_id})


class RequestIdForgottenError(AtpError):
    reason = "REQUEST_ID_FORGOTTEN"

    def __init__(self, request_id: str, decision_id: str) -> None:
        super().__init__(
            "the request id was served before and its answer is no longer kept",
            metadata={"request_id": request_id, "decision_id": decision_id},
        )


class RequestIdsExhaustedError(AtpError):
    reason = "REQUEST_IDS_EXHAUSTED"

    def __init__(self, retry_after_seconds: float) -> None:
        super().__init__("too many live request ids", retry_after_seconds=retry_after_seconds)


class RevisionNotReachedError(AtpError):
    reason = "REVISION_NOT_REACHED"

    def __init__(self, *, min_revision: int, revision: int, retry_after_seconds: float) -> None:
        super().__init__(
            f"catalogue revision {min_revision} has not reached this server; it is at {revision}",
            metadata={"min_revision": str(min_revision), "revision": str(revision)},
            retry_after_seconds=retry_after_seconds,
        )


class DeadlineExceededError(AtpError):
    reason = "DEADLINE_EXCEEDED"

    def __init__(self) -> None:
        super().__init__("the call's deadline passed before its work was done")


class DrainingError(AtpError):
    reason = "DRAINING"

    def __init__(self, retry_after_seconds: float) -> None:
        super().__init__("the server is shutting down", retry_after_seconds=retry_after_seconds)


class StoreUnavailableError(AtpError):
    reason = "STORE_UNAVAILABLE"

    def __init__(self, retry_after_seconds: float) -> None:
        super().__init__("the observation could not be made durable", retry_after_seconds=retry_after_seconds)


class CatalogInvalidError(AtpError):
    reason = "CATALOG_INVALID"

    def __init__(self, preconditions: Sequence[PreconditionViolation]) -> None:
        super().__init__(
            "the catalogue file cannot be used; the one in force stays",
            metadata={"complaints": str(len(preconditions))},
            preconditions=preconditions,
        )


class InstanceMismatchError(AtpError):
    reason = "INSTANCE_MISMATCH"

    def __init__(self, instance_id: str) -> None:
        super().__init__("the request was meant for another server process", metadata={"instance_id": instance_id})


class PageTokenInvalidError(AtpError):
    reason = "PAGE_TOKEN_INVALID"

    def __init__(self) -> None:
        super().__init__("the page token does not belong to this list")


class MethodUnknownError(AtpError):
    reason = "METHOD_UNKNOWN"

    def __init__(self, method: str) -> None:
        super().__init__("the server has no such method", metadata={"method": method})


class InternalError(AtpError):
    reason = "INTERNAL"

    def __init__(self, incident: str) -> None:
        super().__init__(f"internal error; incident {incident}", metadata={"incident": incident})
