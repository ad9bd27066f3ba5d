"""The error contract as it is written in the proto, and one error of each reason to hold against it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from atp_grpc.domain import errors
from atp_grpc.domain.decision import Target
from atp_grpc.domain.errors import AtpError, FieldViolation, PreconditionViolation
from atp_grpc.domain.outcome import AttemptError, Usage

PROTO = Path(__file__).resolve().parents[3] / "protos" / "atp" / "v1" / "error_reason.proto"
_VALUE = re.compile(r"((?:^ +//.*\n)+)^ +ERROR_REASON_([A-Z_]+) = (\d+);", re.MULTILINE)
_DETAILS = ("BadRequest", "PreconditionFailure", "ResourceInfo", "QuotaFailure", "RetryInfo")


@dataclass(frozen=True)
class Written:
    """What the comment of a reason promises."""

    code: str
    details: frozenset[str]
    metadata: frozenset[str]
    is_retried: bool


def written_contract() -> dict[str, Written]:
    """Every reason with what its comment says."""
    contract: dict[str, Written] = {}
    for match in _VALUE.finditer(PROTO.read_text()):
        comment = " ".join(line.strip().removeprefix("//").strip() for line in match[1].splitlines())
        code = re.search(r"\b([A-Z]{2,}(?:_[A-Z]+)*)\b(?: with|;|\.)", comment)
        if match[3] == "0" or code is None:
            continue
        after = comment[code.start() :]
        keys = after.partition("Metadata:")[2]
        contract[match[2]] = Written(
            code=code[1],
            details=frozenset(detail for detail in _DETAILS if detail in comment),
            metadata=frozenset(re.findall(r"`([a-z_]+)`", keys)),
            is_retried="; retry" in after,
        )
    return contract


REFUSED = (PreconditionViolation("DENIED", "models/small", "it is among the denied models"),)
TARGET = Target("small", "small@north", "acme")
SAMPLES: Mapping[str, AtpError] = {
    error.reason: error
    for error in (
        errors.MalformedMessageError(),
        errors.InvalidFieldError([FieldViolation("prompt", "must be at least 1 characters")]),
        errors.MessageTooLargeError("text", limit_bytes=262_144, size_bytes=300_000),
        errors.UnknownModelError("constraints.allowed_models[0]", "large"),
        errors.UnknownPolicyError("cheap"),
        errors.FeatureSchemaMismatchError(expected_schema="a", expected_dimension=2, schema="b", dimension=3),
        errors.CredentialRefusedError(),
        errors.PermissionDeniedError("route"),
        errors.NoEligibleModelError(REFUSED),
        errors.ModelsUnavailableError(REFUSED, retry_after_seconds=0.5),
        errors.TokenInvalidError(),
        errors.TokenExpiredError("2026-11-21T09:30:00Z"),
        errors.DecisionNotFoundError("d1"),
        errors.ResourceNotFoundError("model", "large"),
        errors.OutcomeConflictError("quality"),
        errors.RequestIdReusedError("r1"),
        errors.RequestIdForgottenError("r1", "d1"),
        errors.RequestIdsExhaustedError(30.0),
        errors.RevisionNotReachedError(min_revision=3, revision=2, retry_after_seconds=0.2),
        errors.DeadlineExceededError(),
        errors.DrainingError(0.05),
        errors.OverloadedError(0.1),
        errors.CallerTooSlowError(30.0),
        errors.BudgetExhaustedError(needed_nano_usd=40_000, left_nano_usd=1_500, retry_after_seconds=600.0),
        errors.StoreUnavailableError(0.25),
        errors.CatalogInvalidError(REFUSED),
        errors.InstanceMismatchError("i1"),
        errors.ProvidersUnavailableError(
            attempts=2, error=AttemptError.TIMEOUT, cost_nano_usd=7, retry_after_seconds=0.5
        ),
        errors.AnswerCutError(
            target=TARGET, error=AttemptError.CUT, total_characters=11, usage=Usage(1, 2, 3, 4), cost_nano_usd=7
        ),
        errors.ProviderRefusedRequestError(target=TARGET, fault="invalid_request"),
        errors.FeatureOffError("ask"),
        errors.ChaosForbiddenError("chaos.allowed"),
        errors.PageTokenInvalidError(),
        errors.MethodUnknownError("/made/up"),
        errors.InternalError("0123456789abcdef"),
        errors.PolicyInvalidError([FieldViolation("policy.filters", "too much")], kinds=["contradiction"]),
        errors.PriorDamagedError("this is no prior"),
        errors.PriorMisfitError("cheap", "another schema"),
        errors.PriorAlreadyAppliedError("cheap", "ab" * 32),
        errors.PolicyExistsError("cheap"),
        errors.PolicyReadOnlyError("cheap"),
        errors.PolicyWithoutPreviousError("cheap"),
        errors.EtagMismatchError("cheap"),
        errors.TrialUnderWayError("t1"),
        errors.PolicyOnTrialError("cheap", "t1"),
        errors.TrialCoolingDownError("cheap", "t1", 600.0),
        errors.ChallengerUnfitError("cheap", "has_share"),
        errors.OperationsExhaustedError(4, 5.0),
        errors.OperationCancelledError(),
    )
}
