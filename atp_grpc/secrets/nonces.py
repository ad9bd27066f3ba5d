"""Nonces for AES-GCM that never repeat under one key, however many are drawn.

A nonce is 8 random bytes that name a series and a 4-byte count within it (NIST SP 800-38D, 8.2.1). Purely random nonces
would allow 2^32 seals under a key, some weeks of a busy server; here chance decides once per process and 2^32 seals. It
never touches a key.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable

PREFIX_BYTES = 8
COUNT_BYTES = 4
NONCE_BYTES = PREFIX_BYTES + COUNT_BYTES
_COUNTS = 2 ** (8 * COUNT_BYTES)


class Nonces:
    """Draws nonces. Safe to call from any thread, and from a forked process, which begins a series of its own."""

    def __init__(self, chance: Callable[[int], bytes] = os.urandom, *, first_count: int = 0) -> None:
        """`chance` gives random bytes; `first_count` is where the first series begins to count."""
        self._chance = chance
        self._begin(first_count)

    def draw(self) -> bytes:
        """The next nonce, 12 bytes."""
        while True:
            # Read in one step, so that no thread pairs an old prefix with a new count.
            prefix, counts, process = self._series
            count = next(counts)
            if count < _COUNTS and process == os.getpid():
                return prefix + count.to_bytes(COUNT_BYTES, "big")
            self._begin(0)

    def _begin(self, first_count: int) -> None:
        self._series = (self._chance(PREFIX_BYTES), itertools.count(first_count), os.getpid())
