"""Server reflection as grpcurl uses it, under both names of its protocol."""

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool
from grpc_reflection.v1alpha import reflection_pb2

from atp_grpc.transport.reflection import reflection_access
from tests.faults.battery import report
from tests.rpc.door.probe import AS_ACME, AS_GLOBEX, Door, info_of, open_door, refused

Metadata = tuple[tuple[str, str], ...]
V1, V1ALPHA = "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"


async def ask(door: Door, service: str, metadata: Metadata = (), **question: Any) -> Any:
    async def questions() -> AsyncIterator[Any]:
        yield reflection_pb2.ServerReflectionRequest(**question)

    call = door.channel.stream_stream(
        f"/{service}/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )(questions(), timeout=10, metadata=metadata)
    return await call.read()


@pytest.mark.parametrize("name", [V1, V1ALPHA])
async def test_the_list_names_every_service(door: Door, name: str) -> None:
    reply = await ask(door, name, list_services="")

    assert {service.name for service in reply.list_services_response.service} == {
        "atp.v1.RouteService",
        "atp.v1.ObserveService",
        "grpc.health.v1.Health",
        V1,
        V1ALPHA,
    }


@pytest.mark.parametrize("name", [V1, V1ALPHA])
@pytest.mark.parametrize(
    "symbol", ["atp.v1.RouteService", "atp.v1.RouteService.Route", "grpc.health.v1.Health", V1, V1ALPHA]
)
async def test_every_listed_symbol_comes_with_all_files_that_explain_it(door: Door, name: str, symbol: str) -> None:
    reply = await ask(door, name, file_containing_symbol=symbol)

    pool = descriptor_pool.DescriptorPool()
    for file in reversed(reply.file_descriptor_response.file_descriptor_proto):
        _add(pool, descriptor_pb2.FileDescriptorProto.FromString(file), reply)
    service = symbol.removesuffix(".Route")
    assert pool.FindServiceByName(service).full_name == service


async def test_a_file_can_be_asked_for_by_its_name(door: Door) -> None:
    reply = await ask(door, V1, file_by_filename="atp/v1/route_service.proto")

    files = map(descriptor_pb2.FileDescriptorProto.FromString, reply.file_descriptor_response.file_descriptor_proto)
    assert "atp/v1/route_service.proto" in {file.name for file in files}


async def test_a_symbol_nobody_serves_is_not_found(door: Door) -> None:
    reply = await ask(door, V1, file_containing_symbol="google.protobuf.SourceContext")
    method = await ask(door, V1, file_containing_symbol="atp.v1.RouteService.Steer")

    assert reply.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]
    assert method.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]


async def test_closed_reflection_is_a_method_nobody_knows() -> None:
    async with open_door(reflection="nobody") as door:
        error = await refused(ask(door, V1, list_services=""))

    assert info_of(error).reason == "METHOD_UNKNOWN"


@pytest.mark.parametrize("name", [V1, V1ALPHA])
async def test_reflection_for_operators_asks_for_an_operators_key(name: str) -> None:
    async with open_door(reflection="operators") as door:
        stranger = await refused(ask(door, name, list_services=""))
        tenant = await refused(ask(door, name, AS_GLOBEX, list_services=""))
        operator = await ask(door, name, AS_ACME, list_services="")

    assert info_of(stranger).reason == "CREDENTIAL_REFUSED"
    assert info_of(tenant).reason == "PERMISSION_DENIED"
    assert dict(info_of(tenant).metadata) == {"permission": "operate"}
    assert operator.list_services_response.service


async def test_a_question_that_cannot_be_read_ends_the_stream_with_a_reason(door: Door) -> None:
    call = door.channel.stream_stream(f"/{V1}/ServerReflectionInfo")(timeout=10)
    await call.write(b"\xff\xff")

    error = await refused(call.read())

    assert info_of(error).reason == "MALFORMED_MESSAGE"


async def test_a_question_of_no_kind_is_answered_in_its_place(door: Door) -> None:
    reply = await ask(door, V1)

    assert reply.error_response.error_code == grpc.StatusCode.INVALID_ARGUMENT.value[0]


async def test_both_names_answer_with_equal_descriptors(door: Door) -> None:
    new = await ask(door, V1, file_containing_symbol="atp.v1.RouteService")
    old = await ask(door, V1ALPHA, file_containing_symbol="atp.v1.RouteService")

    assert new == old
    own = descriptor_pool.Default().FindServiceByName("atp.v1.RouteService").file.serialized_pb
    assert own in new.file_descriptor_response.file_descriptor_proto
    report("E13 reflection", n=2, figure="equal descriptors", bar="equal descriptors", passed=new == old)


@pytest.mark.parametrize(
    ("mode", "profile", "host", "behind_proxy", "access"),
    [
        ("on", "prod", "0.0.0.0", True, "everybody"),
        ("operators", "dev", "127.0.0.1", False, "operators"),
        ("off", "dev", "127.0.0.1", False, "nobody"),
        ("auto", "dev", "0.0.0.0", True, "everybody"),
        ("auto", "prod", "127.0.0.1", False, "everybody"),
        ("auto", "prod", "::1", False, "everybody"),
        ("auto", "ci", "localhost", False, "everybody"),
        ("auto", "prod", "127.0.0.1", True, "operators"),
        ("auto", "prod", "0.0.0.0", False, "operators"),
        ("auto", "prod", "atp.example", False, "operators"),
    ],
)
def test_reflection_opens_by_itself_only_where_it_stays_at_home(
    mode: str, profile: str, host: str, behind_proxy: bool, access: str
) -> None:
    assert reflection_access(mode, profile=profile, host=host, behind_proxy=behind_proxy) == access


def _add(pool: descriptor_pool.DescriptorPool, file: descriptor_pb2.FileDescriptorProto, reply: Any) -> None:
    """Adds a file after what it imports, which must all be in the reply."""
    by_name = {
        one.name: one
        for one in map(
            descriptor_pb2.FileDescriptorProto.FromString, reply.file_descriptor_response.file_descriptor_proto
        )
    }
    for imported in file.dependency:
        _add(pool, by_name[imported], reply)
    pool.Add(file)
