"""Every way a call can be refused before its handler runs, over a real socket, in the order of the checks."""

import math

import grpc
import pytest
from google.rpc import error_details_pb2

from atp_grpc.pb.atp.v1 import observe_service_pb2, route_service_pb2, routing_pb2
from tests.rpc.door.probe import AS_ACME, AS_GLOBEX, Door, info_of, open_door, pushback_of, refused, status_of

ROUTE = "/atp.v1.RouteService/Route"
HELLO = route_service_pb2.RouteRequest(prompt="hello")


async def test_a_good_call_is_answered_for_the_tenant_of_its_credential(door: Door) -> None:
    reply = await door.route(HELLO, metadata=AS_ACME)

    assert reply.policy == "acme"
    assert door.probe.calls[0].principal.key_id == "key-1"


async def test_two_tenants_are_told_apart_by_their_credentials(door: Door) -> None:
    report = observe_service_pb2.ObserveRequest(decision_id="d1")

    assert (await door.observe(report, metadata=AS_ACME)).replica == "acme"
    assert (await door.observe(report, metadata=AS_GLOBEX)).replica == "globex"


@pytest.mark.parametrize(
    "metadata",
    [
        (),
        (("authorization", "Bearer atp_nobody"),),
        (("authorization", ""),),
        (("authorization", "Bearer atp_acme"), ("authorization", "Bearer atp_acme")),
        (("authorization", "Bearer atp_acme"), ("authorization", "Bearer atp_globex")),
        (("authorization-bin", b"Bearer atp_acme"),),
    ],
    ids=["none", "unknown", "empty", "twice", "two", "binary"],
)
async def test_a_bad_credential_gets_the_same_answer_whatever_is_wrong_with_it(
    door: Door, metadata: tuple[tuple[str, str | bytes], ...]
) -> None:
    error = await refused(door.route(HELLO, metadata=metadata))

    assert error.code() is grpc.StatusCode.UNAUTHENTICATED
    assert info_of(error).reason == "CREDENTIAL_REFUSED"
    assert error.details() == "a valid credential is needed: metadata 'authorization: Bearer atp_...'"
    assert pushback_of(error) == "-1"
    assert door.probe.calls == []


async def test_binary_metadata_beside_a_credential_is_ignored(door: Door) -> None:
    reply = await door.route(HELLO, metadata=(*AS_ACME, ("noise-bin", bytes(range(256))), ("x-text", "plain")))

    assert reply.decision_id == "d1"


async def test_an_anonymous_caller_never_reaches_the_parser(door: Door) -> None:
    error = await refused(door.raw(ROUTE)(b"\xff\xff\xff"))

    assert info_of(error).reason == "CREDENTIAL_REFUSED"


async def test_a_key_without_the_permission_is_denied_by_name(door: Door) -> None:
    error = await refused(door.route(HELLO, metadata=AS_GLOBEX))

    assert error.code() is grpc.StatusCode.PERMISSION_DENIED
    assert dict(info_of(error).metadata) == {"permission": "route"}
    assert door.probe.calls == []


@pytest.mark.parametrize(
    "payload", [b"\xff\xff\xff", b"\x0a\x05ab", b"\x12\x02\xff\xfe"], ids=["noise", "cut", "utf-8"]
)
async def test_malformed_bytes_are_an_invalid_argument(door: Door, payload: bytes) -> None:
    error = await refused(door.raw(ROUTE)(payload, metadata=AS_ACME))

    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert info_of(error).reason == "MALFORMED_MESSAGE"
    assert pushback_of(error) == "-1"


async def test_unknown_fields_are_fine(door: Door) -> None:
    newer = HELLO.SerializeToString() + b"\xf2\x3e\x05later"

    raw = await door.raw(ROUTE)(newer, metadata=AS_ACME)

    assert route_service_pb2.RouteResponse.FromString(raw).decision_id == "d1"


async def test_a_message_above_the_methods_limit_is_refused_with_the_limit(door: Door) -> None:
    payload = route_service_pb2.RouteRequest(prompt="x" * 1_048_576).SerializeToString()

    error = await refused(door.raw(ROUTE)(payload, metadata=AS_ACME))

    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert info_of(error).reason == "MESSAGE_TOO_LARGE"
    assert dict(info_of(error).metadata) == {
        "what": "message",
        "limit_bytes": "1048576",
        "size_bytes": str(len(payload)),
    }


async def test_a_batch_may_be_larger_than_a_single_message(door: Door) -> None:
    batch = route_service_pb2.RouteBatchRequest(
        requests=[HELLO, route_service_pb2.RouteRequest(prompt="x" * 2_000_000)]
    )

    raw = await door.raw("/atp.v1.RouteService/RouteBatch")(batch.SerializeToString(), metadata=AS_ACME)

    assert raw == b""


async def test_each_broken_rule_is_told_with_the_path_of_its_field(door: Door) -> None:
    request = route_service_pb2.RouteRequest(
        constraints=routing_pb2.Constraints(quality_floor=math.nan, allowed_models=["a", ""]),
        labels={"k\n": "v" * 300},
        min_revision=-1,
    )

    error = await refused(door.route(request, metadata=AS_ACME))

    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert info_of(error).reason == "INVALID_FIELD"
    bad = error_details_pb2.BadRequest()
    assert status_of(error).details[1].Unpack(bad)
    assert {violation.field for violation in bad.field_violations} == {
        "input",
        "constraints.quality_floor",
        "constraints.allowed_models[1]",
        'labels["k\\n"]',
        "min_revision",
    }


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e30])
async def test_a_feature_that_is_not_a_sane_number_is_refused(door: Door, value: float) -> None:
    request = route_service_pb2.RouteRequest(features=routing_pb2.Features(schema_id="mine", values=[0.0, value]))

    error = await refused(door.route(request, metadata=AS_ACME))

    bad = error_details_pb2.BadRequest()
    assert status_of(error).details[1].Unpack(bad)
    assert {violation.field for violation in bad.field_violations} == {"features.values[1]"}


async def test_a_thousand_broken_fields_still_fit_into_the_trailers(door: Door) -> None:
    request = route_service_pb2.RouteRequest(
        features=routing_pb2.Features(schema_id="mine", values=[math.nan] * 1_024),
        labels={f"{number}" * 60: "v" * 300 for number in range(10, 60)},
    )

    error = await refused(door.route(request, metadata=AS_ACME))

    bad = error_details_pb2.BadRequest()
    assert status_of(error).details[1].Unpack(bad)
    assert bad.field_violations[-1].description.endswith("more are not listed")


@pytest.mark.parametrize(
    "path", ["/atp.v1.RouteService/Rout", "/atp.v2.RouteService/Route", "/nothing", "/a/b/c/" + "d" * 3_000]
)
async def test_an_unknown_method_is_unimplemented_with_its_name_whoever_calls(door: Door, path: str) -> None:
    error = await refused(door.raw(path)(b"anything"))

    assert error.code() is grpc.StatusCode.UNIMPLEMENTED
    assert info_of(error).reason == "METHOD_UNKNOWN"
    assert dict(info_of(error).metadata) == {"method": path[:256]}
    assert pushback_of(error) == "-1"


async def test_an_unknown_streaming_method_is_answered_without_waiting_for_a_message(door: Door) -> None:
    call = door.channel.stream_stream("/atp.v1.RouteService/RouteForever")(timeout=5)

    error = await refused(call.read())

    assert info_of(error).reason == "METHOD_UNKNOWN"


async def test_a_draining_door_sends_callers_elsewhere(door: Door) -> None:
    door.traffic.is_refusing = True

    error = await refused(door.route(HELLO, metadata=AS_ACME))

    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert info_of(error).reason == "DRAINING"
    assert pushback_of(error) == "50"


async def test_metadata_above_the_limit_is_refused_and_the_connection_lives_on(door: Door) -> None:
    error = await refused(door.route(HELLO, metadata=(*AS_ACME, ("fat", "x" * 40_000))))

    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert (await door.route(HELLO, metadata=AS_ACME)).decision_id == "d1"


async def test_metadata_of_fifteen_kibibytes_passes(door: Door) -> None:
    reply = await door.route(HELLO, metadata=(*AS_ACME, ("fat", "x" * 15_000)))

    assert reply.decision_id == "d1"


async def test_the_second_door_on_a_port_is_refused_in_words() -> None:
    from atp_grpc.transport.listening import ListenError

    async with open_door() as first:
        with pytest.raises(ListenError, match=rf"cannot listen on 127\.0\.0\.1:{first.port} for gRPC"):
            async with open_door(port=first.port):
                pass
