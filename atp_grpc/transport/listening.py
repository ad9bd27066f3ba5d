"""What can go wrong when a port is bound, in words for whoever starts the server."""

from __future__ import annotations


class ListenError(Exception):
    """A listener could not be bound. Says which one, where, and what to do."""

    def __init__(self, what: str, host: str, port: int) -> None:
        super().__init__(
            f"cannot listen on {host}:{port} for {what}: the port is taken by another process or the address is not of "
            f"this machine; choose another with ATP_{'OPS' if what == 'ops' else 'SERVER'}_PORT or _HOST"
        )
        self.host = host
        self.port = port
