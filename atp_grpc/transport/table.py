"""Makes the method table from the contract: names, messages and permissions come from service descriptors.

The composition root pairs each service of the contract with its servicer here. A method without a permission, without
a handler or of a kind that is not served stops the start; nothing is ever left open by omission.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message_factory import GetMessageClass

from atp_grpc.domain.tenant import Permission
from atp_grpc.pb.atp.v1 import permission_pb2
from atp_grpc.transport.method import Method

_MEBIBYTE = 1_048_576
MAX_MESSAGE_BYTES = _MEBIBYTE
"""Largest request of a method that is not named below."""
MAX_BATCH_BYTES = 16 * _MEBIBYTE
LARGER_MESSAGES: Mapping[str, int] = MappingProxyType(
    {"atp.v1.RouteService/RouteBatch": MAX_BATCH_BYTES, "atp.v1.ObserveService/ObserveBatch": MAX_BATCH_BYTES}
)
_WORD = re.compile(r"(?<!^)(?=[A-Z])")


class MethodTableError(Exception):
    """The contract and the servicers do not fit together."""


def methods_of(service: ServiceDescriptor, servicer: object) -> tuple[Method, ...]:
    """The rows of one service; its servicer has an `async def` of the same name in snake case for each method.

    Raises:
        MethodTableError: A method has no permission or no handler, or streams.
    """
    return tuple(_row(service, method, servicer) for method in service.methods)


def _row(service: ServiceDescriptor, method: MethodDescriptor, servicer: object) -> Method:
    name = f"{service.full_name}/{method.name}"
    if method.client_streaming or method.server_streaming:
        raise MethodTableError(f"{name} streams; the door serves unary methods only")
    handler = getattr(servicer, _WORD.sub("_", method.name).lower(), None)
    if not inspect.iscoroutinefunction(handler):
        raise MethodTableError(f"{name} has no async handler in {type(servicer).__name__}")
    return Method(
        service=service.full_name,
        name=method.name,
        request_class=GetMessageClass(method.input_type),
        response_class=GetMessageClass(method.output_type),
        handler=handler,
        permission=_permission(name, method),
        max_message_bytes=LARGER_MESSAGES.get(name, MAX_MESSAGE_BYTES),
    )


def _permission(name: str, method: MethodDescriptor) -> Permission:
    extension: Any = permission_pb2.required_permission
    number = method.GetOptions().Extensions[extension]
    if number == permission_pb2.PERMISSION_UNSPECIFIED:
        raise MethodTableError(f"{name} declares no required_permission")
    return Permission(permission_pb2.Permission.Name(number).removeprefix("PERMISSION_").lower())
