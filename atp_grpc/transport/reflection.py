"""Server reflection: `grpcurl` and its like ask here for the contract.

Both names of the protocol are served by the same rows, `v1` and the older `v1alpha`; their messages are the same on the
wire. Who may ask is decided by the listener: everybody where only this machine can reach it, operators elsewhere.
"""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import AsyncIterator, Iterable
from typing import Any, Literal

from google.protobuf import descriptor_pb2, descriptor_pool, text_format
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.reflection import aio

from atp_grpc.domain.call import Call
from atp_grpc.domain.errors import MalformedMessageError, MessageTooLargeError
from atp_grpc.domain.tenant import Permission
from atp_grpc.services.stream import CallStream
from atp_grpc.transport.method import Method
from atp_grpc.transport.table import methods_of

_OLD = "grpc.reflection.v1alpha"
_NEW = "grpc.reflection.v1"
_SERVICE = "ServerReflection"
SERVICE_NAMES = (f"{_NEW}.{_SERVICE}", f"{_OLD}.{_SERVICE}")
HEALTH_SERVICE: str = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
Access = Literal["everybody", "operators", "nobody"]


def reflection_access(mode: str, *, profile: str, host: str, behind_proxy: bool) -> Access:
    """Who may ask for the contract.

    Args:
        mode: `on` (everybody), `operators`, `off` (nobody), or `auto`: everybody in the dev profile and where only this
            machine can reach the listener, operators elsewhere.
        profile: of the server.
        host: the address it binds.
        behind_proxy: whether a proxy brings callers from elsewhere to that address.
    """
    if mode == "auto":
        return "everybody" if profile == "dev" or (_is_loopback(host) and not behind_proxy) else "operators"
    return {"on": "everybody", "operators": "operators"}.get(mode, "nobody")  # type: ignore[return-value]


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def reflection_rows(services: Iterable[str], access: Access) -> tuple[Method, ...]:
    """The rows that serve reflection over these services, over health and over itself.

    Raises:
        KeyError: A service's contract has not been imported.
    """
    if access == "nobody":
        return ()
    reflection = Reflection(services)
    [old] = methods_of(
        reflection_pb2.DESCRIPTOR.services_by_name[_SERVICE],
        reflection,
        permission=None if access == "everybody" else Permission.OPERATE,
    )
    return tuple(dataclasses.replace(old, service=name) for name in SERVICE_NAMES)


class Reflection:
    """Serves `ServerReflectionInfo`."""

    def __init__(self, services: Iterable[str]) -> None:
        """Raises KeyError when a service's contract has not been imported."""
        names = tuple(dict.fromkeys((*services, HEALTH_SERVICE, *SERVICE_NAMES)))
        self._answers = aio.ReflectionServicer(names, pool=_Symbols(_pool(names)))

    async def server_reflection_info(self, stream: CallStream, _call: Call) -> None:
        """Answers each question in its place.

        Raises:
            MalformedMessageError, MessageTooLargeError: a question cannot be read.
        """
        async for answer in self._answers.ServerReflectionInfo(_questions(stream), None):
            await stream.send(answer.SerializeToString())


async def _questions(stream: CallStream) -> AsyncIterator[Any]:
    async for payload in stream:
        if len(payload) > stream.max_message_bytes:
            raise MessageTooLargeError("message", limit_bytes=stream.max_message_bytes, size_bytes=len(payload))
        try:
            yield reflection_pb2.ServerReflectionRequest.FromString(payload)
        except DecodeError:
            raise MalformedMessageError from None


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
