"""Who may call what: every method that is served, by everybody there is, where the listener faces the world."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from envoy.service.status.v3 import csds_pb2, csds_pb2_grpc
from google.protobuf import descriptor_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_channelz.v1 import channelz_pb2, channelz_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from atp_grpc.app import open_app
from atp_grpc.config import ServerSettings
from atp_grpc.domain.tenant import Permission
from tests.faults.battery import report
from tests.rpc.serving import key_for, settings_for

TO_THE_WORLD = ServerSettings(port=0, drain_delay_seconds=0.0, shutdown_seconds=5.0, behind_proxy=True)
FOR_OPERATORS = (
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
    "grpc.channelz.v1.Channelz",
    "envoy.service.status.v3.ClientStatusDiscoveryService",
)


class World:
    """A server behind a proxy, and a key of each kind."""

    def __init__(self, channel: grpc.aio.Channel, keys: dict[str, tuple[tuple[str, str], ...]]) -> None:
        self.channel = channel
        self.keys = keys

    async def services(self) -> dict[str, list[str]]:
        """Every service the server lists, with its methods' names, as an operator sees it."""
        stub = reflection_pb2_grpc.ServerReflectionStub(self.channel)

        async def asked(**question: str) -> reflection_pb2.ServerReflectionResponse:
            async def questions() -> AsyncIterator[reflection_pb2.ServerReflectionRequest]:
                yield reflection_pb2.ServerReflectionRequest(**question)

            call = stub.ServerReflectionInfo(questions(), metadata=self.keys["operator"], timeout=10)
            answer: reflection_pb2.ServerReflectionResponse = await call.read()
            return answer

        found: dict[str, list[str]] = {}
        for service in (await asked(list_services="")).list_services_response.service:
            answer = await asked(file_containing_symbol=service.name)
            for packed in answer.file_descriptor_response.file_descriptor_proto:
                file = descriptor_pb2.FileDescriptorProto.FromString(packed)
                for one in file.service:
                    if f"{file.package}.{one.name}" == service.name:
                        found[service.name] = [method.name for method in one.method]
        return found

    async def reason(self, path: str, who: str) -> str:
        """Why a call with an empty message was refused, by the reason in its details; empty when it was not."""
        call = self.channel.stream_stream(path)(iter([b""]), metadata=self.keys[who], timeout=20)
        try:
            # A refusal that comes before the reading begins is told as an end, not as an error.
            if await call.read() is grpc.aio.EOF:
                return _reason_in(await call.trailing_metadata())
        except grpc.aio.AioRpcError as error:
            return _reason_in(error.trailing_metadata())
        finally:
            call.cancel()
        return ""


def _reason_in(trailers: Any) -> str:
    packed = dict(trailers or ()).get("grpc-status-details-bin", b"")
    info = error_details_pb2.ErrorInfo()
    for detail in status_pb2.Status.FromString(packed).details:
        if detail.Unpack(info):
            return str(info.reason)
    return ""


def _resource_of(error: grpc.aio.AioRpcError) -> tuple[str, str]:
    packed = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin", b"")
    missing = error_details_pb2.ResourceInfo()
    for detail in status_pb2.Status.FromString(packed).details:
        if detail.Unpack(missing):
            return missing.resource_type, missing.resource_name
    return "", ""


@asynccontextmanager
async def world(data_dir: Path) -> AsyncIterator[World]:
    tenant_key, tenant = key_for(data_dir, "acme", (Permission.ROUTE,))
    operator_key, operator = key_for(data_dir, "ops", (Permission.OPERATE,))
    settings = settings_for(data_dir, (tenant, operator), server=TO_THE_WORLD)
    async with open_app(settings) as app, grpc.aio.insecure_channel(f"127.0.0.1:{app.door.grpc_port}") as channel:
        keys = {
            "nobody": (),
            "tenant": (("authorization", f"Bearer {tenant_key}"),),
            "operator": (("authorization", f"Bearer {operator_key}"),),
        }
        yield World(channel, keys)


async def test_nothing_but_health_and_load_reports_is_open_to_the_world(tmp_path: Path) -> None:
    to_everybody: set[str] = set()
    to_tenants: set[str] = set()
    checked = 0
    async with world(tmp_path) as there:
        services = await there.services()
        for service, methods in services.items():
            for method in methods:
                path = f"/{service}/{method}"
                checked += 3
                if await there.reason(path, "nobody") != "CREDENTIAL_REFUSED":
                    to_everybody.add(service)
                if await there.reason(path, "tenant") != "PERMISSION_DENIED":
                    to_tenants.add(service)
                assert await there.reason(path, "operator") != "CREDENTIAL_REFUSED"

    assert set(FOR_OPERATORS) <= services.keys()
    assert to_everybody == {"grpc.health.v1.Health", "xds.service.orca.v3.OpenRcaService"}
    # The tenant's key here may only ask for decisions.
    assert to_tenants - to_everybody == {"atp.v1.RouteService"}
    leaks = (to_everybody | to_tenants) & set(FOR_OPERATORS)
    report("F13", n=checked, figure=len(leaks), bar=0, passed=not leaks)


async def test_an_operator_sees_the_servers_sockets(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        stub = channelz_pb2_grpc.ChannelzStub(there.channel)
        metadata = there.keys["operator"]
        servers = await stub.GetServers(channelz_pb2.GetServersRequest(), metadata=metadata, timeout=10)
        newest = max(server.ref.server_id for server in servers.server)
        sockets = await stub.GetServerSockets(
            channelz_pb2.GetServerSocketsRequest(server_id=newest), metadata=metadata, timeout=10
        )
        socket = await stub.GetSocket(
            channelz_pb2.GetSocketRequest(socket_id=sockets.socket_ref[0].socket_id), metadata=metadata, timeout=10
        )

    assert socket.socket.data.streams_started >= 1
    report("E13 channelz", n=3, figure="servers, sockets, a socket", bar="answers", passed=True)


async def test_a_socket_that_does_not_exist_is_not_found_with_its_id(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        stub = channelz_pb2_grpc.ChannelzStub(there.channel)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.GetSocket(
                channelz_pb2.GetSocketRequest(socket_id=987_654_321), metadata=there.keys["operator"], timeout=10
            )

    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    assert _resource_of(caught.value) == ("channelz", "987654321")


async def test_an_operator_can_ask_for_the_xds_configuration(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        stub = csds_pb2_grpc.ClientStatusDiscoveryServiceStub(there.channel)
        request = csds_pb2.ClientStatusRequest()
        once = await stub.FetchClientStatus(request, metadata=there.keys["operator"], timeout=10)
        stream = stub.StreamClientStatus(iter([request, request]), metadata=there.keys["operator"], timeout=10)
        streamed = [answer async for answer in stream]

    assert streamed == [once, once]


async def test_the_administrative_services_can_be_left_out(tmp_path: Path) -> None:
    server = ServerSettings(port=0, drain_delay_seconds=0.0, shutdown_seconds=5.0, admin_services=False)
    key, operator = key_for(tmp_path, "ops", (Permission.OPERATE,))
    settings = settings_for(tmp_path, (operator,), server=server)
    async with open_app(settings) as app, grpc.aio.insecure_channel(f"127.0.0.1:{app.door.grpc_port}") as channel:
        stub = channelz_pb2_grpc.ChannelzStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.GetServers(
                channelz_pb2.GetServersRequest(), metadata=(("authorization", f"Bearer {key}"),), timeout=10
            )

    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
