from __future__ import annotations

from email.utils import formatdate

import orjson
import pytest

from atp_grpc.domain.clock import NANOS_PER_SECOND, ManualClock
from atp_grpc.providers.contract import Allowance, FaultKind
from atp_grpc.providers.http.refusals import MAX_RETRY_AFTER_SECONDS, retry_after_seconds
from atp_grpc.providers.openai.allowances import allowance
from atp_grpc.providers.openai.refusals import fault

NOW = 1_800_000_000
CLOCK = ManualClock(NOW * NANOS_PER_SECOND)


def kind(status: int, said: object) -> FaultKind:
    return fault(status, {}, orjson.dumps(said), CLOCK).kind


def error(code: str | None = None, kind_name: str | None = None, message: str = "words") -> dict[str, object]:
    return {"error": {"code": code, "type": kind_name, "message": message, "param": None}}


@pytest.mark.parametrize(
    ("status", "said", "expected"),
    [
        (429, error("rate_limit_exceeded", "requests"), FaultKind.RATE_LIMITED),
        (429, error("insufficient_quota", "insufficient_quota"), FaultKind.QUOTA_SPENT),
        (
            429,
            {"error": {"code": "429", "message": "Requests have exceeded the call rate limit"}},
            FaultKind.RATE_LIMITED,
        ),
        (402, {"error": {"message": "Insufficient Balance", "type": "unknown_error"}}, FaultKind.QUOTA_SPENT),
        (401, error("invalid_api_key", "invalid_request_error"), FaultKind.KEY_REFUSED),
        (401, {"statusCode": 401, "message": "Unauthorized"}, FaultKind.KEY_REFUSED),
        (
            400,
            [{"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT"}}],
            FaultKind.KEY_REFUSED,
        ),
        (403, error("unsupported_country_region_territory"), FaultKind.KEY_REFUSED),
        (400, error("context_length_exceeded", "invalid_request_error"), FaultKind.CONTEXT_LENGTH),
        (
            400,
            {"object": "error", "message": "This model's maximum context length is 4096 tokens.", "code": 400},
            FaultKind.CONTEXT_LENGTH,
        ),
        (400, error(None, "exceed_context_size_error"), FaultKind.CONTEXT_LENGTH),
        (
            400,
            {"error": {"code": "content_filter", "innererror": {"code": "ResponsibleAIPolicyViolation"}}},
            FaultKind.CONTENT_REFUSED,
        ),
        (400, error("content_policy_violation"), FaultKind.CONTENT_REFUSED),
        (403, {"error": {"code": 403, "message": "Your input was flagged", "metadata": {}}}, FaultKind.CONTENT_REFUSED),
        (404, error("model_not_found"), FaultKind.MODEL_UNKNOWN),
        (404, {"error": {"code": "DeploymentNotFound"}}, FaultKind.MODEL_UNKNOWN),
        (400, error("model_not_found"), FaultKind.MODEL_UNKNOWN),
        (404, {"error": "model 'x' not found"}, FaultKind.MODEL_UNKNOWN),
        (400, error("invalid_value", "invalid_request_error"), FaultKind.INVALID_REQUEST),
        (422, {"detail": [{"loc": ["body"], "msg": "field required"}]}, FaultKind.INVALID_REQUEST),
        (413, {}, FaultKind.REQUEST_TOO_LARGE),
        (413, error("rate_limit_exceeded", "tokens"), FaultKind.REQUEST_TOO_LARGE),
        (413, error("context_length_exceeded", "invalid_request_error"), FaultKind.CONTEXT_LENGTH),
        (
            429,
            error("rate_limit_exceeded", "tokens", "Request too large for m (TPM): Limit 30000, Requested 31538."),
            FaultKind.REQUEST_TOO_LARGE,
        ),
        (
            429,
            error("rate_limit_exceeded", "tokens", "(TPM): Limit 6000, Requested ~6294"),
            FaultKind.REQUEST_TOO_LARGE,
        ),
        (429, {"error": {"message": "Tokens: Limit 10, Used 0, Requested 11"}}, FaultKind.REQUEST_TOO_LARGE),
        (
            429,
            error(
                "rate_limit_exceeded", "tokens", "(TPM): Limit 30000, Used 29937, Requested 385. Try again in 644ms."
            ),
            FaultKind.RATE_LIMITED,
        ),
        (
            429,
            error("rate_limit_exceeded", "tokens", "(TPM): Limit 30,000, Used 29,937, Requested 385."),
            FaultKind.RATE_LIMITED,
        ),
        (429, error("rate_limit_exceeded", None, f"Limit 30, Requested {'9' * 5000}"), FaultKind.RATE_LIMITED),
        (500, error(None, "server_error"), FaultKind.UNAVAILABLE),
        (502, "bad gateway", FaultKind.UNAVAILABLE),
        (503, error(None, "server_error"), FaultKind.OVERLOADED),
        (503, error(None, None, "That model is currently overloaded"), FaultKind.OVERLOADED),
        (529, {}, FaultKind.OVERLOADED),
        (498, {}, FaultKind.OVERLOADED),
        (504, {}, FaultKind.UNAVAILABLE),
        (408, {}, FaultKind.TIMEOUT),
        (302, {}, FaultKind.MALFORMED),
        (201, {}, FaultKind.MALFORMED),
    ],
)
def test_published_errors_are_told_apart(status: int, said: object, expected: FaultKind) -> None:
    assert kind(status, said) is expected


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"\xff\xfe", b"null", b"[]", b"[1]", b'{"error":[]}', b'{"error":{"code":{}}}']
)
def test_a_body_that_says_nothing_leaves_the_status(body: bytes) -> None:
    assert fault(429, {}, body, CLOCK).kind is FaultKind.RATE_LIMITED


def test_nothing_of_the_providers_words_is_in_a_fault() -> None:
    failed = fault(
        401, {}, orjson.dumps(error("invalid_api_key", message="Incorrect API key provided: sk-secret")), CLOCK
    )

    assert str(failed) == "key_refused (status 401)"
    assert "secret" not in repr(failed.__dict__)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({b"retry-after": b"7"}, 7.0),
        ({b"retry-after": b"1.5"}, 1.5),
        ({b"retry-after-ms": b"250", b"retry-after": b"7"}, 0.25),
        ({b"retry-after": formatdate(NOW + 90, usegmt=True).encode()}, 90.0),
        ({b"retry-after": formatdate(NOW - 90, usegmt=True).encode()}, 0.0),
        ({b"retry-after": b"-3"}, 0.0),
        ({b"retry-after": b"999999999"}, MAX_RETRY_AFTER_SECONDS),
        ({b"retry-after": b"inf"}, None),
        ({b"retry-after": b"nan"}, None),
        ({b"retry-after": b"soon"}, None),
        ({b"retry-after": b"\xff"}, None),
        ({}, None),
    ],
)
def test_how_long_to_wait_is_read_and_bounded(headers: dict[bytes, bytes], seconds: float | None) -> None:
    assert retry_after_seconds(headers, CLOCK) == seconds
    assert fault(429, headers, b"{}", CLOCK).retry_after_seconds == seconds


def left(requests: bytes, tokens: bytes, *resets: bytes) -> Allowance | None:
    headers = {b"x-ratelimit-remaining-requests": requests, b"x-ratelimit-remaining-tokens": tokens}
    names = (b"x-ratelimit-reset-requests", b"x-ratelimit-reset-tokens")
    return allowance(headers | dict(zip(names, resets, strict=False)))


def test_what_is_left_is_read_from_the_head() -> None:
    assert left(b"59", b"149984", b"1s", b"6m0s") == Allowance(59, 149_984, 360.0)
    assert left(b"59", b"x", b"2m59.56s") == Allowance(59, None, 179.56)
    assert left(b"0", b"0", b"20ms", b"10") == Allowance(0, 0, 10.0)
    assert left(b"1", b"1", b"soon", b"1h junk") == Allowance(1, 1, None)
    assert left(b"", b"nan") is None
    assert allowance({}) is None


@pytest.mark.timeout(20)
@pytest.mark.parametrize("words", ["limit 1,", "limit 1, requested ", "limit 1, requested: ~"])
def test_words_without_end_are_read_in_no_time(words: str) -> None:
    said = error("rate_limit_exceeded", "tokens", words * (1_000_000 // len(words)))

    assert kind(429, said) is FaultKind.RATE_LIMITED
