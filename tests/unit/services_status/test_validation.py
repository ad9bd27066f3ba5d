"""Validation turns broken annotations into field violations with readable, bounded paths."""

import math

import pytest
from google.protobuf import duration_pb2

from atp_grpc.domain.errors import InvalidFieldError
from atp_grpc.pb.atp.v1 import observe_service_pb2, outcome_pb2, route_service_pb2, routing_pb2
from atp_grpc.services.validation import Validation


@pytest.fixture(scope="module")
def validation() -> Validation:
    validation = Validation()
    validation.prepare(route_service_pb2.RouteRequest)
    return validation


def fields(fault: pytest.ExceptionInfo[InvalidFieldError]) -> list[str]:
    return [violation.field for violation in fault.value.violations]


def test_a_good_message_passes(validation: Validation) -> None:
    validation.validate(route_service_pb2.RouteRequest(prompt="hello"))


def test_paths_name_nested_fields_indices_and_keys(validation: Validation) -> None:
    request = route_service_pb2.RouteRequest(
        conversation=routing_pb2.Conversation(
            messages=[
                routing_pb2.Message(role=routing_pb2.ROLE_USER, parts=[routing_pb2.Part(text="hi")]),
                routing_pb2.Message(role=routing_pb2.ROLE_UNSPECIFIED, parts=[routing_pb2.Part()]),
            ]
        ),
        labels={"": "x"},
    )

    with pytest.raises(InvalidFieldError) as fault:
        validation.validate(request)

    assert fields(fault) == [
        "conversation.messages[1].role",
        "conversation.messages[1].parts[0].kind",
        'labels[""]',
    ]
    assert fault.value.violations[2].description.startswith("the key must")


def test_a_long_key_is_escaped_and_cut(validation: Validation) -> None:
    with pytest.raises(InvalidFieldError) as fault:
        validation.validate(route_service_pb2.RouteRequest(prompt="x", labels={"\r\n" + "k" * 10_000: ""}))

    assert fields(fault)[0] == 'labels["\\r\\n' + "k" * 62 + '"]'


def test_thousands_of_violations_are_listed_in_part_and_counted(validation: Validation) -> None:
    features = routing_pb2.Features(schema_id="mine", values=[math.nan] * 1_000)

    with pytest.raises(InvalidFieldError) as fault:
        validation.validate(route_service_pb2.RouteRequest(features=features))

    assert len(fault.value.violations) == 33
    assert fault.value.violations[-1].description == "1968 more are not listed"


@pytest.mark.parametrize("quality", [math.nan, math.inf, -0.1, 1.1])
def test_a_quality_outside_zero_to_one_is_refused(validation: Validation, quality: float) -> None:
    with pytest.raises(InvalidFieldError) as fault:
        validation.validate(observe_service_pb2.ObserveRequest(decision_id="d", quality=quality))

    assert set(fields(fault)) == {"quality"}


def test_negative_money_tokens_and_time_are_refused(validation: Validation) -> None:
    attempt = outcome_pb2.Attempt(
        model="small",
        cost_nano_usd=-1,
        usage=outcome_pb2.Usage(output_tokens=-1),
        latency=duration_pb2.Duration(seconds=-1),
    )

    with pytest.raises(InvalidFieldError) as fault:
        validation.validate(observe_service_pb2.ObserveRequest(decision_id="d", attempts=[attempt]))

    assert set(fields(fault)) == {
        "attempts[0].usage.output_tokens",
        "attempts[0].cost_nano_usd",
        "attempts[0].latency",
    }


def test_items_of_a_batch_are_left_to_whoever_answers_them_one_by_one(validation: Validation) -> None:
    validation.validate(route_service_pb2.RouteBatchRequest(requests=[route_service_pb2.RouteRequest()]))

    with pytest.raises(InvalidFieldError) as fault:
        validation.validate(route_service_pb2.RouteBatchRequest())
    assert fields(fault) == ["requests"]
