"""What can go wrong when a listener is opened, in words for whoever starts the server, and how addresses are written.

The listeners raise from here and `app` prints. Nothing here binds.
"""

from __future__ import annotations

NOT_BOUND = -1


class ListenError(Exception):
    """A listener could not be bound. Says which one, where, and what to do."""

    def __init__(self, what: str, host: str, port: int) -> None:
        super().__init__(
            f"cannot listen on {host}:{port} for {what}: the port is taken by another process or the address is not of "
            f"this machine; choose another with ATP_{'OPS' if what == 'ops' else 'SERVER'}_PORT or _HOST"
        )
        self.host = host
        self.port = port


class SocketFileError(Exception):
    """A Unix socket could not be opened. Says where, why, and what to do."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"cannot listen on unix:{path} for gRPC: {why}; choose another with ATP_SERVER_UNIX_SOCKET")
        self.path = path


def host_and_port(host: str, port: int) -> str:
    """An address as gRPC and people write it: `127.0.0.1:7443`, `[::1]:7443`."""
    bare = host.strip("[]")
    return f"[{bare}]:{port}" if ":" in bare else f"{bare}:{port}"
