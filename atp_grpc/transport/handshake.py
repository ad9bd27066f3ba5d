"""A TLS handshake with a listener of this process, held open once the server has answered.

The swap of certificates makes two: one keeps the old certificate's memory alive, one shows that the new certificate is
served. It trusts whatever certificate it is shown, since it talks to itself, and it never sends a request.
"""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from typing import Self

_CHUNK = 65_536


class OpenHandshake:
    """The caller's side of a handshake whose last message has not been sent. Made by `begin`."""

    def __init__(self, writer: asyncio.StreamWriter, last_words: bytes, leaf: bytes) -> None:
        self._writer = writer
        self._last_words = last_words
        self.leaf = leaf
        """SHA-256 of the certificate that the server showed."""

    @classmethod
    async def begin(cls, host: str, port: int) -> Self:
        """Connects and waits for the server's whole answer.

        Raises:
            OSError: the listener cannot be reached, ends the connection or speaks no TLS 1.3.
        """
        reader, writer = await asyncio.open_connection(host, port)
        try:
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = _context().wrap_bio(incoming, outgoing)
            while True:
                try:
                    tls.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    writer.write(outgoing.read())
                incoming.write(await _answer(reader))
            shown = tls.getpeercert(binary_form=True) or b""
        except BaseException:
            writer.close()
            raise
        return cls(writer, outgoing.read(), hashlib.sha256(shown).digest())

    def close(self) -> None:
        """Ends the handshake in good order and hangs up."""
        self._writer.write(self._last_words)
        self._writer.close()


async def _answer(reader: asyncio.StreamReader) -> bytes:
    answer = await reader.read(_CHUNK)
    if not answer:
        raise ConnectionResetError("the listener ended the handshake")
    return answer


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    # In TLS 1.3 the server shows its certificate in its first answer; before, the caller would have to speak again.
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols(["h2"])
    return context
