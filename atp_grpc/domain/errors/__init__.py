"""Everything that can be refused, one class per reason of `atp.v1.ErrorReason`.

An error says what is wrong in words a caller may see, repeats every variable part in `metadata`, and knows nothing of
status codes: `services/status` alone maps reasons to codes. Nothing here ever holds exception text, a secret or a
prompt.
"""

from atp_grpc.domain.errors.availability import (
    CallerTooSlowError,
    DeadlineExceededError,
    DrainingError,
    InternalError,
    ModelsUnavailableError,
    OverloadedError,
    RequestIdsExhaustedError,
    RevisionNotReachedError,
    StoreUnavailableError,
)
from atp_grpc.domain.errors.error import (
    AtpError,
    FieldViolation,
    PreconditionViolation,
    Resource,
)
from atp_grpc.domain.errors.requests import (
    FeatureSchemaMismatchError,
    InvalidFieldError,
    MalformedMessageError,
    MessageTooLargeError,
    MethodUnknownError,
    PageTokenInvalidError,
    RequestIdReusedError,
    TokenInvalidError,
    UnknownModelError,
    UnknownPolicyError,
)
from atp_grpc.domain.errors.states import (
    CatalogInvalidError,
    CredentialRefusedError,
    DecisionNotFoundError,
    InstanceMismatchError,
    NoEligibleModelError,
    OutcomeConflictError,
    PermissionDeniedError,
    RequestIdForgottenError,
    ResourceNotFoundError,
    TokenExpiredError,
)

__all__ = [
    "AtpError",
    "CallerTooSlowError",
    "CatalogInvalidError",
    "CredentialRefusedError",
    "DeadlineExceededError",
    "DecisionNotFoundError",
    "DrainingError",
    "FeatureSchemaMismatchError",
    "FieldViolation",
    "InstanceMismatchError",
    "InternalError",
    "InvalidFieldError",
    "MalformedMessageError",
    "MessageTooLargeError",
    "MethodUnknownError",
    "ModelsUnavailableError",
    "NoEligibleModelError",
    "OutcomeConflictError",
    "OverloadedError",
    "PageTokenInvalidError",
    "PermissionDeniedError",
    "PreconditionViolation",
    "RequestIdForgottenError",
    "RequestIdReusedError",
    "RequestIdsExhaustedError",
    "Resource",
    "ResourceNotFoundError",
    "RevisionNotReachedError",
    "StoreUnavailableError",
    "TokenExpiredError",
    "TokenInvalidError",
    "UnknownModelError",
    "UnknownPolicyError",
]
