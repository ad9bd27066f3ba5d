"""Servers with TLS for tests: certificates on disk, a look at what a listener shows, and connections of one's own."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import grpc

from atp_grpc.client.messages import RouteRequest, RouteResponse
from atp_grpc.config import TlsSettings
from atp_grpc.pb.atp.v1.route_service_pb2_grpc import RouteServiceStub
from tests.authority import Authority, Issued
from tests.rpc.serving import ACME, Serving, serving


@dataclass
class TlsFolder:
    """A certificate and its key on disk."""

    folder: Path
    authority: Authority = field(default_factory=Authority)

    @property
    def certificate(self) -> Path:
        return self.folder / "tls.crt"

    @property
    def key(self) -> Path:
        return self.folder / "tls.key"

    @property
    def root(self) -> Path:
        """What callers trust, as a file."""
        path = self.folder / "ca.crt"
        path.write_bytes(self.authority.root)
        return path

    def renew(self) -> Issued:
        """Another certificate, put in place."""
        issued = self.authority.issue(middle=True)
        issued.write(self.certificate, self.key)
        return issued

    def settings(self, interval_seconds: float = 0.02) -> TlsSettings:
        return TlsSettings(str(self.certificate), str(self.key), interval_seconds)


@dataclass(frozen=True)
class SecureServing:
    """A server with TLS, its files and its log."""

    server: Serving
    files: TlsFolder
    first: Issued
    log: StringIO

    @property
    def port(self) -> int:
        return self.server.app.door.grpc_port


@asynccontextmanager
async def secure_serving(tmp_path: Path, **sections: object) -> AsyncIterator[SecureServing]:
    """Starts a server that looks at its certificate fifty times a second."""
    files, log = TlsFolder(tmp_path), StringIO()
    first = files.renew()
    sections = {"tls": files.settings(), **sections}
    root = files.authority.root
    async with serving(tmp_path / "data", root_certificates=root, log_stream=log, **sections) as server:  # type: ignore[arg-type]
        yield SecureServing(server, files, first, log)


@dataclass(frozen=True)
class Shown:
    """What a listener agreed to in a handshake, and the first bytes it sent after it."""

    version: str | None
    protocol: str | None
    serial: int
    greeting: bytes


async def handshake(port: int, trusted: bytes, context: ssl.SSLContext | None = None) -> Shown:
    """A TLS handshake with a listener of this machine, by Python's own library.

    Raises:
        OSError: it was refused.
    """
    context = context or ssl.create_default_context(cadata=trusted.decode())
    context.set_alpn_protocols(["h2"])
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")
    try:
        wire: ssl.SSLObject = writer.get_extra_info("ssl_object")
        shown: dict[str, Any] = dict(wire.getpeercert() or {})
        greeting = await asyncio.wait_for(reader.read(64), 5)
        return Shown(wire.version(), wire.selected_alpn_protocol(), int(shown["serialNumber"], 16), greeting)
    finally:
        writer.close()


async def route_on_a_new_connection(target: str, root: bytes, credential: str) -> RouteResponse:
    """A Route that shares no connection with any other call."""
    credentials = grpc.ssl_channel_credentials(root)
    options = (("grpc.use_local_subchannel_pool", 1),)
    async with grpc.aio.secure_channel(target, credentials, options=options) as channel:
        metadata = (("authorization", f"Bearer {credential}"),)
        request = RouteRequest(prompt="hello")
        reply: RouteResponse = await RouteServiceStub(channel).Route(request, metadata=metadata, timeout=10)
        return reply


def key_of(serving: SecureServing) -> str:
    """The first tenant's credential."""
    return serving.server.credentials[ACME]
