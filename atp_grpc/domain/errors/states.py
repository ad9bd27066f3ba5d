"""What the request meets and cannot change alone: rights, conditions, things that are not there or stand already."""

from __future__ import annotations

from collections.abc import Sequence

from atp_grpc.domain.errors.error import AtpError, PreconditionViolation, Resource


class CredentialRefusedError(AtpError):
    """The credential is missing, unknown, expired or malformed."""

    reason = "CREDENTIAL_REFUSED"

    def __init__(self) -> None:
        super().__init__("a valid credential is needed: metadata 'authorization: Bearer atp_...'")


class PermissionDeniedError(AtpError):
    """The credential is good but does not allow this method."""

    reason = "PERMISSION_DENIED"

    def __init__(self, permission: str) -> None:
        super().__init__(f"the credential lacks the permission {permission!r}", metadata={"permission": permission})


class NoEligibleModelError(AtpError):
    """No model may serve this request."""

    reason = "NO_ELIGIBLE_MODEL"

    def __init__(self, preconditions: Sequence[PreconditionViolation]) -> None:
        super().__init__(
            "no model may serve this request; the details say why for each",
            metadata={"models": str(len(preconditions))},
            preconditions=preconditions,
        )


class TokenExpiredError(AtpError):
    """The feedback token was good but its time is over."""

    reason = "TOKEN_EXPIRED"

    def __init__(self, expired_at: str) -> None:
        super().__init__(f"the feedback token expired at {expired_at}", metadata={"expired_at": expired_at})


class DecisionNotFoundError(AtpError):
    """No decision of that id is known to the caller's tenant."""

    reason = "DECISION_NOT_FOUND"

    def __init__(self, decision_id: str) -> None:
        super().__init__("no such decision", resource=Resource("decision", decision_id))


class ResourceNotFoundError(AtpError):
    """No such provider, model, deployment, routing policy or budget."""

    reason = "RESOURCE_NOT_FOUND"

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"no such {kind}", resource=Resource(kind, name))


class OutcomeConflictError(AtpError):
    """A field of the outcome was reported before with another value; nothing of this report was stored."""

    reason = "OUTCOME_CONFLICT"

    def __init__(self, field: str) -> None:
        super().__init__(f"{field} was reported before with another value", metadata={"field": field})


class RequestIdForgottenError(AtpError):
    """The request id was served before, but the answer is no longer kept; it is never executed twice."""

    reason = "REQUEST_ID_FORGOTTEN"

    def __init__(self, request_id: str, decision_id: str) -> None:
        super().__init__(
            "the request id was served before and its answer is no longer kept",
            metadata={"request_id": request_id, "decision_id": decision_id},
        )


class CatalogInvalidError(AtpError):
    """The catalogue file cannot be used."""

    reason = "CATALOG_INVALID"

    def __init__(self, preconditions: Sequence[PreconditionViolation]) -> None:
        super().__init__(
            "the catalogue file cannot be used; the one in force stays",
            metadata={"complaints": str(len(preconditions))},
            preconditions=preconditions,
        )


class InstanceMismatchError(AtpError):
    """The request was meant for another server process."""

    reason = "INSTANCE_MISMATCH"

    def __init__(self, instance_id: str) -> None:
        super().__init__("the request was meant for another server process", metadata={"instance_id": instance_id})


class PolicyExistsError(AtpError):
    """There is a routing policy of that name."""

    reason = "POLICY_EXISTS"

    def __init__(self, name: str) -> None:
        super().__init__("there is a routing policy of that name", resource=Resource("policy", name))


class PolicyReadOnlyError(AtpError):
    """The routing policy comes from the configuration, so it is changed there and nowhere else."""

    reason = "POLICY_READ_ONLY"

    def __init__(self, name: str) -> None:
        super().__init__("the routing policy comes from the configuration", metadata={"policy": name})


class PolicyWithoutPreviousError(AtpError):
    """The routing policy has no version before, so there is nothing to take it back to."""

    reason = "POLICY_WITHOUT_PREVIOUS"

    def __init__(self, name: str) -> None:
        super().__init__("the routing policy has no version before", metadata={"policy": name})


class EtagMismatchError(AtpError):
    """The resource was changed since the caller read it."""

    reason = "ETAG_MISMATCH"

    def __init__(self, name: str) -> None:
        super().__init__("it was changed since it was read; read it again", metadata={"name": name})
