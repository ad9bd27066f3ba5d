"""The promise of a keeper of secrets: seals what callers carry for us, signs what they may read, knows providers' keys.

Routing seals feedback tokens, services sign page tokens, the catalogue judges references to keys and Ask calls with
them; all know this module only. A sealer never says why something does not open, and no error quotes a secret.
"""

from __future__ import annotations

import re
from typing import Protocol

_REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]{0,127}|file:[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


class SecretsError(RuntimeError):
    """A secret cannot be used as it is, or is not there. The sentence names where it lives and never quotes it."""


class SealError(ValueError):
    """The bytes were not sealed here for these associated data, or were changed."""


class Sealer(Protocol):
    """Hides and protects bytes that go out and come back (authenticated encryption). Safe to call from any thread."""

    def seal(self, plaintext: bytes, associated: bytes) -> bytes:
        """Sealed bytes, 33 longer than the plaintext. `associated` is bound in, not carried."""
        ...

    def open(self, sealed: bytes, associated: bytes) -> bytes:
        """The plaintext that was sealed.

        Raises:
            SealError: not sealed here for `associated`, changed, or sealed under a key that is gone.
        """
        ...


class Signer(Protocol):
    """Protects bytes that go out and come back in the clear. Safe to call from any thread."""

    def sign(self, data: bytes) -> bytes:
        """A signature of 32 bytes."""
        ...

    def verify(self, data: bytes, signature: bytes) -> bool:
        """Whether the signature was made here for the data. Takes the same time for every wrong one."""
        ...


class ProviderKey(str):
    """A provider's key, as it is sent; hides itself from `repr`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "ProviderKey(hidden)"


class ProviderKeys(Protocol):
    """Knows the keys that open providers, by reference: `env:NAME`, a variable, or `file:NAME`, a private file.

    Cheap enough to be asked for every call; a key that was changed is the new one from then on.
    """

    def key(self, reference: str) -> ProviderKey:
        """The key itself, printable and without spaces.

        Raises:
            SecretsError: it is not there, or cannot be used; it may be there when asked again.
        """
        ...


def is_key_reference(text: str) -> bool:
    """Whether a text refers to a key; what does not may be the key itself, and is never to be shown."""
    return _REFERENCE.fullmatch(text) is not None
