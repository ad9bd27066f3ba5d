"""Sealing with AES-256-GCM under named keys: one seals, every key that was ever current still opens.

`files` makes a ring from what is on disk. Sealed bytes are: version (1), key id (4), nonce (12), ciphertext, tag (16).
It never reads or writes a file.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from atp_grpc.secrets.contract import SealError
from atp_grpc.secrets.nonces import NONCE_BYTES, Nonces

VERSION = b"\x01"
KEY_ID_BYTES = 4
KEY_BYTES = 32
_TAG_BYTES = 16
_HEADER_BYTES = len(VERSION) + KEY_ID_BYTES
_BODY_AT = _HEADER_BYTES + NONCE_BYTES
OVERHEAD_BYTES = _BODY_AT + _TAG_BYTES
"""How much longer sealed bytes are than what they hide."""


@dataclass(frozen=True, slots=True)
class SealingKey:
    """A key and the 4-byte id that sealed bytes name it by."""

    id: bytes
    key: bytes = field(repr=False)


def new_sealing_key(taken: Sequence[bytes]) -> SealingKey:
    """A fresh key under an id that is not taken."""
    while True:
        key_id = os.urandom(KEY_ID_BYTES)
        if key_id not in taken:
            return SealingKey(key_id, os.urandom(KEY_BYTES))


class SealingRing:
    """An immutable set of keys, one of them current."""

    def __init__(self, keys: Sequence[SealingKey], current: bytes, nonces: Nonces) -> None:
        """`current` is the id of the key that seals.

        Raises:
            KeyError: no key has that id.
        """
        self._ciphers: Mapping[bytes, AESGCM] = {VERSION + key.id: AESGCM(key.key) for key in keys}
        self._header = VERSION + current
        self._cipher = self._ciphers[self._header]
        self._draw = nonces.draw

    def seal(self, plaintext: bytes, associated: bytes) -> bytes:
        """As the contract of `Sealer` says."""
        header, nonce = self._header, self._draw()
        # The header is bound in as well; its length is fixed, so it cannot be confused with the associated data.
        return header + nonce + self._cipher.encrypt(nonce, plaintext, header + associated)

    def open(self, sealed: bytes, associated: bytes) -> bytes:
        """As the contract of `Sealer` says."""
        header = sealed[:_HEADER_BYTES]
        cipher = self._ciphers.get(header)
        if cipher is None or len(sealed) < OVERHEAD_BYTES:
            raise SealError("not sealed here")
        try:
            return cipher.decrypt(sealed[_HEADER_BYTES:_BODY_AT], sealed[_BODY_AT:], header + associated)
        except InvalidTag:
            raise SealError("not sealed here") from None
