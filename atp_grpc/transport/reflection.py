"""Server reflection, where it is open: `grpcurl` and its like can then ask for the contract.

Both names of the protocol are served, `v1` and the older `v1alpha`; their messages are the same on the wire. It never
opens by itself beyond loopback.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, text_format
from google.protobuf.descriptor import FileDescriptor
from google.rpc import error_details_pb2
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.reflection import aio

_OLD = "grpc.reflection.v1alpha"
_NEW = "grpc.reflection.v1"
_SERVICE = "ServerReflection"
SERVICE_NAMES = (f"{_NEW}.{_SERVICE}", f"{_OLD}.{_SERVICE}")


def is_reflection_open(mode: str, *, profile: str, host: str, behind_proxy: bool) -> bool:
    """Whether to serve reflection.

    Args:
        mode: `on`, `off`, or `auto`: in the dev profile, and where only this machine can reach the listener.
        profile: of the server.
        host: the address it binds.
        behind_proxy: whether a proxy brings callers from elsewhere to that address.
    """
    if mode != "auto":
        return mode == "on"
    return profile == "dev" or (_is_loopback(host) and not behind_proxy)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def add_reflection(services: Iterable[str], server: grpc.aio.Server) -> None:
    """Serves reflection over these services and over itself.

    Raises:
        KeyError: A service's contract has not been imported.
    """
    names = (*services, *SERVICE_NAMES)
    servicer = aio.ReflectionServicer(names, pool=_Symbols(_pool(names)))
    handler = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    server.add_generic_rpc_handlers(
        tuple(grpc.method_handlers_generic_handler(name, {"ServerReflectionInfo": handler}) for name in SERVICE_NAMES)
    )


class _Symbols:
    """A pool that finds methods too; protobuf's own finds what holds them only."""

    def __init__(self, pool: descriptor_pool.DescriptorPool) -> None:
        self._pool = pool

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pool, name)

    def FindFileContainingSymbol(self, symbol: str) -> FileDescriptor:  # noqa: N802 - protobuf's name
        """The file of a symbol; KeyError where there is none."""
        try:
            return self._pool.FindFileContainingSymbol(symbol)
        except KeyError:
            service, _, method = symbol.rpartition(".")
            return self._pool.FindServiceByName(service).methods_by_name[method].containing_service.file


def _pool(services: Iterable[str]) -> descriptor_pool.DescriptorPool:
    """The files of these services with all they import, and nothing else this process happens to know."""
    pool = descriptor_pool.DescriptorPool()
    added: set[str] = set()
    pool.Add(_new_contract())
    # Errors carry these inside an Any: without the file, tools print them as bytes.
    _add_with_imports(error_details_pb2.DESCRIPTOR, pool, added)
    for service in services:
        if not service.startswith(f"{_NEW}."):
            _add_with_imports(descriptor_pool.Default().FindServiceByName(service).file, pool, added)
    return pool


def _add_with_imports(file: FileDescriptor, pool: descriptor_pool.DescriptorPool, added: set[str]) -> None:
    if file.name in added:
        return
    added.add(file.name)
    for imported in file.dependencies:
        _add_with_imports(imported, pool, added)
    pool.AddSerializedFile(file.serialized_pb)


def _new_contract() -> descriptor_pb2.FileDescriptorProto:
    """`v1`, derived from `v1alpha`: they differ by the name of the package only, and grpcio ships the older one."""
    old = descriptor_pb2.FileDescriptorProto.FromString(reflection_pb2.DESCRIPTOR.serialized_pb)
    new = descriptor_pb2.FileDescriptorProto()
    text_format.Parse(text_format.MessageToString(old).replace(_OLD, _NEW), new)
    new.name = "grpc/reflection/v1/reflection.proto"
    return new
