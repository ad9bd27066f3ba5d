"""The administrative services of gRPC itself, channelz and CSDS, for operators only.

`grpcdebug` and its like ask here for the connections and calls that grpcio knows of, with their peers' addresses, and
for its xDS configuration. What the packages of gRPC answer is passed on; nothing here looks into it.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import grpc
from envoy.service.status.v3 import csds_pb2
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import DecodeError, Message
from grpc_channelz.v1 import channelz_pb2
from grpc_channelz.v1.channelz import ChannelzServicer
from grpc_csds import ClientStatusDiscoveryServiceServicer

from atp_grpc.domain.call import Call
from atp_grpc.domain.errors import MalformedMessageError, ResourceNotFoundError
from atp_grpc.domain.tenant import Permission
from atp_grpc.services.stream import CallStream
from atp_grpc.transport.method import Method
from atp_grpc.transport.table import handler_name, methods_of

CHANNELZ: ServiceDescriptor = channelz_pb2.DESCRIPTOR.services_by_name["Channelz"]
CSDS: ServiceDescriptor = csds_pb2.DESCRIPTOR.services_by_name["ClientStatusDiscoveryService"]


def admin_rows() -> tuple[Method, ...]:
    """The rows of both services. Every method needs the permission to operate."""
    channelz = SimpleNamespace(
        **{
            handler_name(method.name): _asking(getattr(ChannelzServicer, method.name), f"channelz.{method.name}")
            for method in CHANNELZ.methods
        }
    )
    return (
        *methods_of(CHANNELZ, channelz, permission=Permission.OPERATE),
        *methods_of(CSDS, _ClientStatus(), permission=Permission.OPERATE),
    )


class _Verdict:
    """Stands in for grpcio's context: all that the packages do with one is to set a status."""

    def __init__(self) -> None:
        self.code: grpc.StatusCode | None = None

    def set_code(self, code: grpc.StatusCode) -> None:
        """Takes the code."""
        self.code = code

    def set_details(self, _details: str) -> None:
        """Drops the sentence, which is the text of an exception."""


def _asking(ask: Callable[[Any, Any], Any], what: str) -> Callable[..., Any]:
    """An async handler around one of the package's functions, which look into memory and return at once."""

    async def handle(request: Message, _call: Call) -> Any:
        verdict = _Verdict()
        answer = ask(request, verdict)
        if verdict.code is grpc.StatusCode.NOT_FOUND:
            raise ResourceNotFoundError("channelz", _asked_for(request))
        if verdict.code is not None:
            raise RuntimeError(f"{what} ended with {verdict.code.name}")
        return answer

    return handle


def _asked_for(request: Message) -> str:
    """The id that a request names; every request that can miss names exactly one first."""
    [field, *_] = request.DESCRIPTOR.fields
    return str(getattr(request, field.name))


class _ClientStatus:
    """CSDS: one answer a question, also on a stream."""

    async def fetch_client_status(self, request: Message, _call: Call) -> Any:
        """The xDS configuration that grpcio has, empty where it has none."""
        return ClientStatusDiscoveryServiceServicer.FetchClientStatus(request, None)

    async def stream_client_status(self, stream: CallStream, call: Call) -> None:
        """The same for each question of a stream.

        Raises:
            MalformedMessageError: a question cannot be read.
        """
        async for payload in stream:
            try:
                request = csds_pb2.ClientStatusRequest.FromString(payload)
            except DecodeError:
                raise MalformedMessageError from None
            answer = await self.fetch_client_status(request, call)
            await stream.send(answer.SerializeToString())
