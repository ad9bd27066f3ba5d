"""Makes the method table from the contract: names, messages and permissions come from service descriptors.

The composition root pairs each service of the contract with its servicer here. A method without a permission, without
a handler or of a kind that is not served stops the start; nothing is ever left open by omission.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message_factory import GetMessageClass

from atp_grpc.domain.tenant import Permission
from atp_grpc.pb.atp.v1 import permission_pb2
from atp_grpc.transport.method import Kind, Method

_MEBIBYTE = 1_048_576
MAX_MESSAGE_BYTES = _MEBIBYTE
"""Largest request of a method that is not named below."""
MAX_BATCH_BYTES = 16 * _MEBIBYTE
MAX_PRIOR_BYTES = 9 * _MEBIBYTE
MAX_ASK_BYTES = 16 * _MEBIBYTE
"""Room for pictures; what may be text of it is judged where it is read."""
LARGER_MESSAGES: Mapping[str, int] = MappingProxyType(
    {
        "atp.v1.RouteService/RouteBatch": MAX_BATCH_BYTES,
        "atp.v1.ObserveService/ObserveBatch": MAX_BATCH_BYTES,
        "atp.v1.AskService/Ask": MAX_ASK_BYTES,
        "atp.v1.AskService/AskStream": MAX_ASK_BYTES,
        "atp.admin.v1.PriorService/ImportPrior": MAX_PRIOR_BYTES,
    }
)
_WORD = re.compile(r"(?<!^)(?=[A-Z])")


class MethodTableError(Exception):
    """The contract and the servicers do not fit together."""


def methods_of(
    service: ServiceDescriptor, *servicers: object, permission: Permission | Literal["declared"] | None = "declared"
) -> tuple[Method, ...]:
    """The rows of one service; a servicer has an `async def` of the same name in snake case for each method.

    Args:
        service: its descriptor.
        servicers: its handlers; the first that has one for a method gets it.
        permission: for services of others, whose contract declares none: the one that every method needs, or None for
            methods that are open to everybody.

    Raises:
        MethodTableError: A method has no permission or no handler, or streams from the caller only.
    """
    return tuple(_row(service, method, servicers, permission) for method in service.methods)


def handler_name(method: str) -> str:
    """The name of the function that handles a method: `GetServerInfo` becomes `get_server_info`."""
    return _WORD.sub("_", method).lower()


def _row(
    service: ServiceDescriptor,
    method: MethodDescriptor,
    servicers: tuple[object, ...],
    permission: Permission | Literal["declared"] | None,
) -> Method:
    name = f"{service.full_name}/{method.name}"
    wanted = handler_name(method.name)
    handler = next((found for one in servicers if (found := getattr(one, wanted, None)) is not None), None)
    if handler is None or not inspect.iscoroutinefunction(handler):
        raise MethodTableError(f"{name} has no async handler in {', '.join(type(one).__name__ for one in servicers)}")
    return Method(
        service=service.full_name,
        name=method.name,
        kind=_kind(name, method),
        request_class=GetMessageClass(method.input_type),
        response_class=GetMessageClass(method.output_type),
        handler=handler,
        permission=_permission(name, method) if permission == "declared" else permission,
        max_message_bytes=LARGER_MESSAGES.get(name, MAX_MESSAGE_BYTES),
        takes_bytes=getattr(handler, "takes_bytes", False),
    )


def _kind(name: str, method: MethodDescriptor) -> Kind:
    if not method.server_streaming:
        if method.client_streaming:
            raise MethodTableError(f"{name} streams from the caller only; the door does not serve that")
        return Kind.UNARY
    return Kind.BIDI_STREAM if method.client_streaming else Kind.SERVER_STREAM


def _permission(name: str, method: MethodDescriptor) -> Permission:
    extension: Any = permission_pb2.required_permission
    number = method.GetOptions().Extensions[extension]
    if number == permission_pb2.PERMISSION_UNSPECIFIED:
        raise MethodTableError(f"{name} declares no required_permission")
    return Permission(permission_pb2.Permission.Name(number).removeprefix("PERMISSION_").lower())
