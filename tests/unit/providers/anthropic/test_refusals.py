from __future__ import annotations

import orjson
import pytest

from atp_grpc.domain.clock import NANOS_PER_SECOND, ManualClock
from atp_grpc.providers.anthropic.allowances import allowance
from atp_grpc.providers.anthropic.refusals import fault
from atp_grpc.providers.contract import Allowance, FaultKind

CLOCK = ManualClock(1_800_000_000 * NANOS_PER_SECOND)  # 2027-01-15T08:00:00Z


@pytest.mark.parametrize(
    ("status", "kind", "message", "expected"),
    [
        (400, "invalid_request_error", "max_tokens: required", FaultKind.INVALID_REQUEST),
        (400, "invalid_request_error", "prompt is too long: 9 tokens > 8 maximum", FaultKind.CONTEXT_LENGTH),
        (400, "invalid_request_error", "Your credit balance is too low", FaultKind.QUOTA_SPENT),
        (401, "authentication_error", "invalid x-api-key", FaultKind.KEY_REFUSED),
        (402, "billing_error", "", FaultKind.QUOTA_SPENT),
        (403, "permission_error", "", FaultKind.KEY_REFUSED),
        (404, "not_found_error", "model: x", FaultKind.MODEL_UNKNOWN),
        (413, "request_too_large", "", FaultKind.REQUEST_TOO_LARGE),
        (429, "rate_limit_error", "", FaultKind.RATE_LIMITED),
        (500, "api_error", "", FaultKind.UNAVAILABLE),
        (504, "timeout_error", "", FaultKind.UNAVAILABLE),
        (529, "overloaded_error", "Overloaded", FaultKind.OVERLOADED),
        (418, "new_error", "", FaultKind.INVALID_REQUEST),
    ],
)
def test_published_errors_are_told_apart(status: int, kind: str, message: str, expected: FaultKind) -> None:
    body = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}

    assert fault(status, {}, orjson.dumps(body), CLOCK).kind is expected


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"null", b"[]", b'{"error":"x"}', b'{"error":{"type":1,"message":2}}']
)
def test_a_body_that_says_nothing_leaves_the_status(body: bytes) -> None:
    assert fault(529, {b"retry-after": b"2"}, body, CLOCK).kind is FaultKind.OVERLOADED


def test_how_long_to_wait_is_read() -> None:
    assert fault(429, {b"retry-after": b"2"}, b"{}", CLOCK).retry_after_seconds == 2.0


def test_what_is_left_is_read_from_the_head() -> None:
    headers = {
        b"anthropic-ratelimit-requests-remaining": b"49",
        b"anthropic-ratelimit-requests-reset": b"2027-01-15T08:00:01Z",
        b"anthropic-ratelimit-input-tokens-remaining": b"9000",
        b"anthropic-ratelimit-output-tokens-remaining": b"800",
        b"anthropic-ratelimit-output-tokens-reset": b"2027-01-15T08:00:30Z",
        b"anthropic-ratelimit-tokens-reset": b"tomorrow",
    }

    assert allowance(headers, CLOCK) == Allowance(49, 800, 30.0)
    past = {b"anthropic-ratelimit-tokens-remaining": b"1", b"anthropic-ratelimit-tokens-reset": b"2020-01-01T00:00:00"}
    assert allowance(past, CLOCK) == Allowance(None, 1, 0.0)
    assert allowance({}, CLOCK) is None
