"""The promise of a keeper of secrets: seals what callers carry for us, and signs what they may read.

Routing seals feedback tokens, services sign page tokens; both know this module only. A sealer never says why something
does not open.
"""

from __future__ import annotations

from typing import Protocol


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
