"""Where the server of the grpcio package listens: the port, with or without TLS, a loopback port, a Unix socket.

The server binds them before it starts and closes them after its last call. Nothing here knows what is served.
"""

from __future__ import annotations

import grpc

from atp_grpc.transport.grpcio.credentials import LiveCredentials
from atp_grpc.transport.grpcio.options import ListenerSettings
from atp_grpc.transport.listening import NOT_BOUND, ListenError, SocketFileError, host_and_port
from atp_grpc.transport.socket_file import SocketFile
from atp_grpc.transport.tls import Pair

LOOPBACK = "127.0.0.1"
_OWN_ADDRESS = {"0.0.0.0": LOOPBACK, "::": "::1"}  # noqa: S104 - where to reach what is bound to every address
"""How a server calls itself where it is bound to every address."""


class Listeners:
    """The listeners of one server; with a `pair` the port speaks TLS."""

    def __init__(self, settings: ListenerSettings, pair: Pair | None = None) -> None:
        self._settings = settings
        self._credentials = None if pair is None else LiveCredentials(pair)
        self._socket_file: SocketFile | None = None
        self.port = self.loopback_port = NOT_BOUND

    @property
    def addresses(self) -> tuple[str, ...]:
        """Every address, for people."""
        found = []
        if self.port != NOT_BOUND:
            found.append(host_and_port(self._settings.host, self.port) + (" (TLS)" if self._credentials else ""))
        if self.loopback_port != NOT_BOUND:
            found.append(host_and_port(LOOPBACK, self.loopback_port))
        if self._socket_file is not None:
            found.append(f"unix:{self._settings.unix_socket}")
        return tuple(found)

    def bind(self, server: grpc.aio.Server) -> None:
        """Binds everything that the settings name.

        Raises:
            ListenError: a port is taken, or the address is not of this machine. SocketFileError: the Unix socket cannot
                be had.
        """
        settings = self._settings
        if settings.port != NOT_BOUND:
            self.port = self._bind_port(server, settings.host, settings.port, is_secure=self._credentials is not None)
        if settings.loopback_port != NOT_BOUND:
            self.loopback_port = self._bind_port(server, LOOPBACK, settings.loopback_port, is_secure=False)
        if settings.unix_socket:
            self._bind_socket(server, settings.unix_socket)

    async def swap(self, pair: Pair) -> None:
        """Serves another certificate.

        Raises:
            SwapError: the old one is still served. RuntimeError: this server has no TLS.
        """
        if self._credentials is None:
            raise RuntimeError("a server that was opened without TLS has no certificate to swap")
        host = self._settings.host.strip("[]")
        await self._credentials.swap(pair, _OWN_ADDRESS.get(host, host), self.port)

    def close(self) -> None:
        """Takes the socket's file away; the server has closed the ports."""
        if self._credentials is not None:
            self._credentials.close()
        if self._socket_file is not None:
            self._socket_file.release()
            self._socket_file = None

    def _bind_port(self, server: grpc.aio.Server, host: str, port: int, *, is_secure: bool) -> int:
        address = host_and_port(host, port)
        try:
            if is_secure and self._credentials is not None:
                return int(server.add_secure_port(address, self._credentials.credentials))
            return int(server.add_insecure_port(address))
        except RuntimeError as fault:
            raise ListenError("gRPC", host, port) from fault

    def _bind_socket(self, server: grpc.aio.Server, path: str) -> None:
        self._socket_file = SocketFile.claim(path)
        try:
            self._socket_file.bind(lambda: server.add_insecure_port(f"unix:{path}"), self._settings.unix_socket_mode)
        except (RuntimeError, OSError) as fault:
            raise SocketFileError(path, "it cannot be made there") from fault
