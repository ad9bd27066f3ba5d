"""The method table follows the contract, and whatever does not fit stops the start."""

from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.descriptor import ServiceDescriptor

from atp_grpc.domain.tenant import Permission
from atp_grpc.pb.atp.admin.v1 import catalog_service_pb2, operations_service_pb2, policy_service_pb2
from atp_grpc.pb.atp.v1 import decision_service_pb2, observe_service_pb2, permission_pb2, route_service_pb2
from atp_grpc.transport.method import Kind
from atp_grpc.transport.table import MethodTableError, methods_of

CONTRACTS = (
    route_service_pb2,
    observe_service_pb2,
    decision_service_pb2,
    catalog_service_pb2,
    operations_service_pb2,
    policy_service_pb2,
)
SERVICES = [service for contract in CONTRACTS for service in contract.DESCRIPTOR.services_by_name.values()]


class Anything:
    """Serves every method there is."""

    def __getattr__(self, name: str) -> Any:
        async def serve(request: Any, call: Any) -> Any:
            raise NotImplementedError

        return serve


class Nothing:
    """Serves none."""


class Asking:
    async def ask(self, request: Any, call: Any) -> Any:
        raise NotImplementedError


class Blocking:
    def ask(self, request: Any, call: Any) -> Any:
        raise NotImplementedError


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.full_name)
def test_every_method_of_the_contract_gets_a_row_with_its_own_messages(service: ServiceDescriptor) -> None:
    rows = methods_of(service, Anything())

    assert [row.name for row in rows] == [method.name for method in service.methods]
    for row, method in zip(rows, service.methods, strict=True):
        assert row.request_class.DESCRIPTOR is method.input_type
        assert row.response_class.DESCRIPTOR is method.output_type
        assert row.path == f"/{service.full_name}/{method.name}"
        assert isinstance(row.permission, Permission)


def test_permissions_of_the_domain_and_the_contract_are_one_to_one() -> None:
    values = permission_pb2.Permission.DESCRIPTOR.values
    contract = {value.name.removeprefix("PERMISSION_").lower() for value in values} - {"unspecified"}

    assert contract == {permission.value for permission in Permission}


def test_single_requests_take_a_mebibyte_and_batches_sixteen() -> None:
    limits = {method.name: method.max_message_bytes for method in methods_of(SERVICES[0], Anything())}

    assert limits.pop("RouteBatch") == 16 * 1_048_576
    assert set(limits) == {"Route", "RouteStream", "Plan"}
    assert set(limits.values()) == {1_048_576}


def test_a_method_without_a_handler_stops_the_start() -> None:
    with pytest.raises(MethodTableError, match=r"atp\.v1\.RouteService/Route has no async handler in Nothing"):
        methods_of(SERVICES[0], Nothing())


def test_a_handler_that_would_block_the_loop_stops_the_start() -> None:
    with pytest.raises(MethodTableError, match="has no async handler in Blocking"):
        methods_of(made_up(permission_pb2.PERMISSION_ROUTE), Blocking())


def test_a_method_without_a_permission_stops_the_start() -> None:
    with pytest.raises(MethodTableError, match=r"made\.up\.Service/Ask declares no required_permission"):
        methods_of(made_up(permission_pb2.PERMISSION_UNSPECIFIED), Anything())


def test_a_method_that_streams_from_its_caller_only_stops_the_start() -> None:
    with pytest.raises(MethodTableError, match="streams from the caller only"):
        methods_of(made_up(permission_pb2.PERMISSION_ROUTE, client_streaming=True), Anything())


@pytest.mark.parametrize(("from_caller", "kind"), [(False, Kind.SERVER_STREAM), (True, Kind.BIDI_STREAM)])
def test_a_row_knows_which_sides_stream(from_caller: bool, kind: Kind) -> None:
    service = made_up(permission_pb2.PERMISSION_ROUTE, client_streaming=from_caller, server_streaming=True)

    [row] = methods_of(service, Anything())

    assert row.kind is kind


def test_the_first_servicer_with_a_handler_gets_the_method() -> None:
    asking = Asking()

    [row] = methods_of(made_up(permission_pb2.PERMISSION_ROUTE), Nothing(), asking, Anything())

    assert row.handler == asking.ask


def test_a_service_of_others_gets_the_permission_that_the_door_gives_it() -> None:
    service = made_up(permission_pb2.PERMISSION_UNSPECIFIED)

    assert [row.permission for row in methods_of(service, Anything(), permission=None)] == [None]
    assert [row.permission for row in methods_of(service, Anything(), permission=Permission.OPERATE)] == [
        Permission.OPERATE
    ]


def made_up(permission: int, *, client_streaming: bool = False, server_streaming: bool = False) -> ServiceDescriptor:
    """A service with one method `Ask` under a permission."""
    file = descriptor_pb2.FileDescriptorProto(name="made/up.proto", package="made.up", syntax="proto3")
    file.dependency.append("atp/v1/permission.proto")
    file.message_type.add(name="Message")
    method = file.service.add(name="Service").method.add(
        name="Ask",
        input_type=".made.up.Message",
        output_type=".made.up.Message",
        client_streaming=client_streaming,
        server_streaming=server_streaming,
    )
    extension: Any = permission_pb2.required_permission
    if permission:
        method.options.Extensions[extension] = permission
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(descriptor_pb2.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(permission_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    return pool.FindServiceByName("made.up.Service")
