"""The credentials of the TLS listener, whose certificate is swapped while callers connect.

The listener is opened with them, and the watch over the files hands a new pair in. They never read a file, and nobody
ever waits for them in a handshake.
"""

from __future__ import annotations

import asyncio
from collections import deque

import grpc

from atp_grpc.transport.handshake import OpenHandshake
from atp_grpc.transport.tls import Pair

SWAP_SECONDS = 5.0
"""Time for both handshakes of a swap."""
PIN_SECONDS = 5.0
"""Time that the old certificate is kept alive; a handshake that met it needs microseconds to take its own hold."""


class SwapError(Exception):
    """The listener did not take the new certificate; it may be tried again."""


class LiveCredentials:
    """Server credentials with a pair that can be swapped.

    grpcio's core frees the old certificate at a swap although another thread may be about to begin a handshake with it
    (grpc issue 36693, open; seen here as a crash about once in ten thousand swaps under load). So a swap first opens a
    handshake of its own, which holds the old certificate, and ends it seconds later.
    """

    def __init__(self, pair: Pair) -> None:
        self._offers: deque[grpc.ServerCertificateConfiguration] = deque(maxlen=1)
        self._pins: set[OpenHandshake] = set()
        self.credentials = grpc.dynamic_ssl_server_credentials(_configuration(pair), self._fetch)

    async def swap(self, pair: Pair, host: str, port: int) -> None:
        """Serves another pair from now on, once a handshake with the listener has shown that it is.

        Raises:
            SwapError: the listener cannot be reached, or goes on serving another certificate.
        """
        try:
            async with asyncio.timeout(SWAP_SECONDS):
                self._pin(await OpenHandshake.begin(host, port))
                self._offers.append(_configuration(pair))
                proof = await OpenHandshake.begin(host, port)
        except OSError as fault:
            raise SwapError("a handshake with the listener failed") from fault
        finally:
            # What the core has not taken by now it must not take later, when nothing holds the old certificate.
            self._offers.clear()
        proof.close()
        if proof.leaf != pair.leaf:
            raise SwapError("the listener serves another certificate")

    def close(self) -> None:
        """Ends the handshakes that are still held."""
        for pin in tuple(self._pins):
            self._unpin(pin)

    def _fetch(self) -> grpc.ServerCertificateConfiguration | None:
        """Asked by the core at the begin of every handshake, on its own threads: the pair on offer, once."""
        try:
            return self._offers.pop()
        except IndexError:
            return None

    def _pin(self, pin: OpenHandshake) -> None:
        self._pins.add(pin)
        asyncio.get_running_loop().call_later(PIN_SECONDS, self._unpin, pin)

    def _unpin(self, pin: OpenHandshake) -> None:
        if pin in self._pins:
            self._pins.discard(pin)
            pin.close()


def _configuration(pair: Pair) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration([(pair.key, pair.certificate)])
