"""What is wrong with a request itself: the caller mends it and need not retry as it stands."""

from __future__ import annotations

from collections.abc import Sequence

from atp_grpc.domain.errors.error import AtpError, FieldViolation


class MalformedMessageError(AtpError):
    """The bytes are not a message of the method's request type."""

    reason = "MALFORMED_MESSAGE"

    def __init__(self) -> None:
        super().__init__("the bytes are not a message of this method's request type")


class InvalidFieldError(AtpError):
    """A field breaks a rule that is written beside it in this contract."""

    reason = "INVALID_FIELD"

    def __init__(self, violations: Sequence[FieldViolation]) -> None:
        super().__init__("one or more fields break their rules", violations=violations)


class MessageTooLargeError(AtpError):
    """The message or its text is larger than this method takes."""

    reason = "MESSAGE_TOO_LARGE"

    def __init__(self, what: str, *, limit_bytes: int, size_bytes: int) -> None:
        super().__init__(
            f"the {what} has {size_bytes} bytes; at most {limit_bytes} are taken",
            metadata={"what": what, "limit_bytes": str(limit_bytes), "size_bytes": str(size_bytes)},
        )


class UnknownModelError(AtpError):
    """A constraint names a model that the catalogue does not hold."""

    reason = "UNKNOWN_MODEL"

    def __init__(self, field: str, model: str) -> None:
        super().__init__(
            f"the catalogue holds no model {model!r}",
            metadata={"model": model},
            violations=(FieldViolation(field, "no such model in the catalogue"),),
        )


class UnknownPolicyError(AtpError):
    """The request names a routing policy that does not exist."""

    reason = "UNKNOWN_POLICY"

    def __init__(self, policy: str) -> None:
        super().__init__(
            f"there is no routing policy {policy!r}",
            metadata={"policy": policy},
            violations=(FieldViolation("policy", "no such routing policy"),),
        )


class PolicyInvalidError(AtpError):
    """The terms of a routing policy contradict each other, or promise what the catalogue cannot keep."""

    reason = "POLICY_INVALID"

    def __init__(self, violations: Sequence[FieldViolation], *, kinds: Sequence[str]) -> None:
        super().__init__(
            "the routing policy cannot be used; nothing was changed",
            metadata={"kinds": ",".join(kinds)},
            violations=violations,
        )


class FeatureSchemaMismatchError(AtpError):
    """The features are not of the schema and length that the routing policy accepts."""

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


class TokenInvalidError(AtpError):
    """The feedback token was not sealed by this deployment for this tenant."""

    reason = "TOKEN_INVALID"

    def __init__(self) -> None:
        super().__init__("the feedback token is not one of this tenant's")


class RequestIdReusedError(AtpError):
    """The request id was used before for another request."""

    reason = "REQUEST_ID_REUSED"

    def __init__(self, request_id: str) -> None:
        super().__init__("the request id was used for another request", metadata={"request_id": request_id})


class PageTokenInvalidError(AtpError):
    """The page token was not made by this server for this list."""

    reason = "PAGE_TOKEN_INVALID"

    def __init__(self) -> None:
        super().__init__("the page token does not belong to this list")


class MethodUnknownError(AtpError):
    """The server has no such method."""

    reason = "METHOD_UNKNOWN"

    def __init__(self, method: str) -> None:
        super().__init__("the server has no such method", metadata={"method": method})
