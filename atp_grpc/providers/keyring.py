"""Which of a deployment's keys opens the next call, and which ones rest.

The fleet asks for a ready key before a call and tells what the provider said of it: a refusal, an empty account, how
many calls are left. A key is known by its reference and the host it is shown to; what it is, nobody here ever sees. A
fault of a key never speaks against a deployment. It has no clock and does no I/O.

The waits follow RFC 9110 (Retry-After) where the provider names one, else double up to a cap.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final
from urllib.parse import urlsplit

from atp_grpc.domain.endpoint import Endpoint
from atp_grpc.providers.contract import Allowance, FaultKind, ProviderFault

FIRST_REST_SECONDS, MOST_REST_SECONDS = 1.0, 60.0
"""Rest after a refusal for too many calls that names no time: the first, and the longest it doubles to."""

QUOTA_REST_SECONDS: Final = 600.0
"""Rest of a key whose account is empty."""

REFUSED_REST_SECONDS: Final = 3600.0
"""Rest of a key that was refused, unless it changes before; then one call finds out whether that still holds."""

MOST_ASKED_SECONDS: Final = 86_400.0
"""Longest rest that a provider is believed to ask for."""

NO_KEY: Final = ""
"""The reference of an endpoint that needs no key: it has a state all the same, for it may be asked to rest."""


class Key:
    """What is known of one key at one host. Rests while `rests_until` lies ahead."""

    __slots__ = (
        "_left",
        "_left_until",
        "_refusals",
        "_rested_at",
        "_resting",
        "in_flight",
        "reference",
        "rests_until",
        "taken",
    )

    def __init__(self, reference: str, resting: set[Key]) -> None:
        """`resting` is where it says that it rests."""
        self.reference = reference
        self.in_flight = 0
        self.taken = 0
        self.rests_until = float("-inf")
        self._rested_at = float("-inf")
        self._refusals = 0
        self._left: int | None = None
        self._left_until = 0.0
        self._resting = resting

    def take(self, now: float) -> None:
        """A call is made with it. With the last one that the provider allows, it goes to rest."""
        self.in_flight += 1
        self.taken += 1
        if self._left is not None:
            self._left -= 1
            self._rest_when_spent(now)

    def give_back(self) -> None:
        """The call has ended, in whatever way."""
        self.in_flight -= 1

    def succeeded(self) -> None:
        """An answer came to its proper end with it."""
        self._refusals = 0

    def faulted(self, fault: ProviderFault, admitted: float, now: float) -> None:
        """A call that was admitted then failed by the key's fault.

        Calls that were under way when it went to rest prolong the rest if the provider says so, and double nothing.
        """
        asked = min(fault.retry_after_seconds or 0.0, MOST_ASKED_SECONDS)
        if fault.kind is FaultKind.KEY_REFUSED:
            self._rest(now, max(asked, REFUSED_REST_SECONDS))
        elif fault.kind is FaultKind.QUOTA_SPENT:
            self._rest(now, max(asked, QUOTA_REST_SECONDS))
        elif asked:
            self._rest(now, asked)
        elif admitted >= self._rested_at:
            self._rest(now, min(MOST_REST_SECONDS, FIRST_REST_SECONDS * 2**self._refusals))
            self._refusals = min(self._refusals + 1, int(MOST_REST_SECONDS).bit_length())

    def allowed(self, allowance: Allowance, taken: int, now: float) -> None:
        """The provider says what is left, to the call that was the `taken`-th.

        Calls begun since may not be in its count, so they are taken off: rather too early a rest than a wasted call.
        """
        if allowance.reset_seconds is None:
            return
        left = allowance.requests_left
        if left is not None:
            left = max(0, left - (self.taken - taken))
        if allowance.tokens_left is not None and allowance.tokens_left <= 0:
            left = 0
        self._left = left
        self._left_until = now + min(allowance.reset_seconds, MOST_ASKED_SECONDS)
        self._rest_when_spent(now)

    def renew(self) -> None:
        """The key has changed: whatever was said of the old one is forgotten."""
        self.rests_until = self._rested_at = float("-inf")
        self._refusals = 0
        self._left = None
        self._resting.discard(self)

    def _rest_when_spent(self, now: float) -> None:
        if self._left is None:
            return
        if now >= self._left_until:
            self._left = None
        elif self._left <= 0:
            self._left = None
            self._rest(now, self._left_until - now)

    def _rest(self, now: float, seconds: float) -> None:
        self.rests_until = max(self.rests_until, now + seconds)
        self._rested_at = now
        self._resting.add(self)


class Keyring:
    """All keys of a fleet. `resting` holds every key that rests, and maybe some that have rested."""

    def __init__(self) -> None:
        self._keys: dict[tuple[str, str], Key] = {}
        self.resting: set[Key] = set()

    def keys_of(self, endpoint: Endpoint) -> tuple[Key, ...]:
        """The keys of an endpoint, in its order; the same one for the same reference and host."""
        host = urlsplit(endpoint.base_url).netloc or endpoint.base_url
        return tuple(self._key(reference, host) for reference in endpoint.keys or (NO_KEY,))

    def renew(self, reference: str) -> None:
        """The key behind a reference has changed, at every host."""
        for (known, _), key in self._keys.items():
            if known == reference:
                key.renew()

    def keep(self, used: Collection[Key]) -> None:
        """Forgets every other key."""
        self._keys = {name: key for name, key in self._keys.items() if key in used}
        self.resting.intersection_update(used)

    def wake(self, now: float) -> None:
        """Takes those that have rested out of `resting`."""
        for key in [key for key in self.resting if key.rests_until <= now]:
            self.resting.discard(key)

    def _key(self, reference: str, host: str) -> Key:
        key = self._keys.get((reference, host))
        if key is None:
            key = self._keys[reference, host] = Key(reference, self.resting)
        return key


def ready_key(keys: Sequence[Key], now: float) -> Key | None:
    """The least loaded key that does not rest, the first of equals; None when all rest."""
    chosen = None
    for key in keys:
        if key.rests_until <= now and (chosen is None or key.in_flight < chosen.in_flight):
            chosen = key
    return chosen
