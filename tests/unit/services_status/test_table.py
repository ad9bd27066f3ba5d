"""The error table is the contract's: enum, classes, table and the comments of the proto say the same."""

import pytest
from google.protobuf import any_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2

from atp_grpc.domain.errors import (
    AtpError,
    DeadlineExceededError,
    FieldViolation,
    InvalidFieldError,
    NoEligibleModelError,
    OverloadedError,
    PreconditionViolation,
)
from atp_grpc.pb.atp.v1 import error_reason_pb2
from atp_grpc.services.status import TABLE, Code, packed_status, rpc_status, trailers
from tests.unit.services_status.contract import SAMPLES, written_contract

REASONS = sorted(TABLE)
CONTRACT = written_contract()
VALUES = error_reason_pb2.ErrorReason.DESCRIPTOR.values
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRAILER_BYTES = 8_192
"""What a client of the C core takes by default."""


def kind(detail: any_pb2.Any) -> str:
    return detail.type_url.rpartition(".")[2]


def classes() -> list[type[AtpError]]:
    found: list[type[AtpError]] = []
    waiting = [AtpError]
    while waiting:
        subclasses = waiting.pop().__subclasses__()
        found += subclasses
        waiting += subclasses
    return [one for one in found if one.__module__.startswith("atp_grpc.domain.errors")]


def test_enum_table_classes_comments_and_samples_name_the_same_reasons() -> None:
    enum = {value.name.removeprefix("ERROR_REASON_") for value in VALUES} - {"UNSPECIFIED"}

    assert enum == set(TABLE)
    assert enum == {one.reason for one in classes()}
    assert len(classes()) == len(enum)
    assert enum == set(CONTRACT)
    assert enum == set(SAMPLES)


def test_our_codes_are_those_of_grpc() -> None:
    assert {code.name: int(code) for code in Code} == dict(code_pb2.Code.items())


@pytest.mark.parametrize("reason", REASONS)
def test_each_reason_gets_the_code_that_the_contract_promises(reason: str) -> None:
    assert TABLE[reason].code.name == CONTRACT[reason].code
    assert rpc_status(SAMPLES[reason], TRACE).code == TABLE[reason].code


@pytest.mark.parametrize("reason", REASONS)
def test_each_reason_carries_the_details_that_the_contract_promises_each_once(reason: str) -> None:
    kinds = [kind(detail) for detail in rpc_status(SAMPLES[reason], TRACE).details]

    assert kinds[0] == "ErrorInfo"
    assert sorted(kinds[1:]) == sorted([*CONTRACT[reason].details, "RequestInfo"])


@pytest.mark.parametrize("reason", REASONS)
def test_each_reason_names_the_call(reason: str) -> None:
    request = error_details_pb2.RequestInfo()

    assert rpc_status(SAMPLES[reason], TRACE).details[-1].Unpack(request)
    assert request.request_id == TRACE


@pytest.mark.parametrize("reason", REASONS)
def test_each_reason_carries_the_metadata_that_the_contract_promises(reason: str) -> None:
    info = error_details_pb2.ErrorInfo()
    rpc_status(SAMPLES[reason], TRACE).details[0].Unpack(info)

    assert info.reason == reason
    assert info.domain == "atp.dev"
    assert set(info.metadata) == CONTRACT[reason].metadata


@pytest.mark.parametrize("reason", REASONS)
def test_every_variable_part_of_a_message_is_in_the_metadata_or_the_details(reason: str) -> None:
    error = SAMPLES[reason]
    fixed = {"600", "1"}
    known = [*error.metadata.values(), "authorization: Bearer atp_..."]

    told = error.message
    for value in known:
        told = told.replace(value, "")
    assert not any(character.isdigit() for character in told), f"{told} {fixed}"


@pytest.mark.parametrize("reason", REASONS)
def test_only_what_helps_is_retried_by_clients(reason: str) -> None:
    error = SAMPLES[reason]
    pushback = dict(trailers(error, rpc_status(error, TRACE))).get("grpc-retry-pushback-ms")

    if reason == "DEADLINE_EXCEEDED":
        assert pushback is None
    elif TABLE[reason].code is Code.UNAVAILABLE:
        assert CONTRACT[reason].is_retried
        assert isinstance(pushback, str)
        assert int(pushback) >= 10
    else:
        assert pushback == "-1"


@pytest.mark.parametrize("reason", REASONS)
def test_a_packed_status_says_the_same_each_time(reason: str) -> None:
    for trace in (TRACE, "0" * 31 + "1", ""):
        status = status_pb2.Status.FromString(packed_status(SAMPLES[reason], trace))

        assert status == rpc_status(SAMPLES[reason], trace)


def test_packed_statuses_of_different_waits_are_told_apart() -> None:
    waits = [
        error_details_pb2.RetryInfo.FromString(
            status_pb2.Status.FromString(packed_status(OverloadedError(seconds), TRACE)).details[1].value
        ).retry_delay.ToMilliseconds()
        for seconds in (0.1, 0.2, 0.1)
    ]

    assert waits == [100, 200, 100]


@pytest.mark.parametrize(
    ("seconds_left", "pushback"), [(None, "100"), (5.0, "100"), (0.1001, "100"), (0.1, "-1"), (0.0, "-1"), (-1.0, "-1")]
)
def test_nobody_is_told_to_wait_longer_than_there_is_time(seconds_left: float | None, pushback: str) -> None:
    error = OverloadedError(0.1)
    status = rpc_status(error, TRACE)

    assert dict(trailers(error, status, seconds_left=seconds_left))["grpc-retry-pushback-ms"] == pushback
    assert "RetryInfo" in map(kind, status.details)


def test_a_refusal_that_says_nothing_of_retries_says_nothing_either_when_time_is_short() -> None:
    error = DeadlineExceededError()

    assert "grpc-retry-pushback-ms" not in dict(trailers(error, rpc_status(error, TRACE), seconds_left=0.0))


def test_long_lists_are_cut_to_what_a_client_can_take_and_say_so() -> None:
    conditions = [PreconditionViolation("CAPABILITY", f"models/model-{n}", "lacks vision " * 5) for n in range(512)]
    error = NoEligibleModelError(conditions)

    status = rpc_status(error, TRACE)

    failure = error_details_pb2.PreconditionFailure()
    assert status.details[1].Unpack(failure)
    listed = len(failure.violations) - 1
    assert 10 < listed < 512
    assert failure.violations[-1].description == f"{512 - listed} more are not listed"
    assert 4 * status.ByteSize() / 3 < TRAILER_BYTES - 2_048


def test_a_single_giant_violation_is_counted_and_left_out() -> None:
    status = rpc_status(InvalidFieldError([FieldViolation("f" * 100_000, "")]), TRACE)

    bad = error_details_pb2.BadRequest()
    assert status.details[1].Unpack(bad)
    assert [one.description for one in bad.field_violations] == ["1 more are not listed"]


def test_giant_words_are_cut_wherever_they_stand() -> None:
    class GiantError(AtpError):
        reason = "INTERNAL"

    status = rpc_status(GiantError("m" * 100_000, metadata={"key": "v" * 100_000}), TRACE)

    assert status.ByteSize() < 1_024
