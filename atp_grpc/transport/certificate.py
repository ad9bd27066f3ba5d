"""The certificate in force: taken from its files at start, swapped whole when they change, kept when they go bad.

The composition root opens it and lets it watch the files. It never decides how a certificate is served.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from atp_grpc.domain.clock import Clock
from atp_grpc.transport.tls import Pair, PairFiles, UnusablePairError

Swap = Callable[[Pair], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class CertificateStatus:
    """What health and operators may know. `failure` says why the files as they are now are not served, or is empty."""

    subject: str
    expires_nanos: int
    failure: str


class LiveCertificate:
    """The pair in force and the watch over its files. Made by `open`."""

    def __init__(
        self,
        files: PairFiles,
        pair: Pair,
        clock: Clock,
        *,
        on_change: Callable[[Pair], None],
        on_failure: Callable[[str], None],
    ) -> None:
        self._files = files
        self._clock = clock
        self._on_change = on_change
        self._on_failure = on_failure
        self.pair = pair
        self._failure = ""
        # What the last look found, and what is in force: the watch acts only when two looks agree.
        self._seen = self._served = _digest(pair.certificate, pair.key)

    @classmethod
    async def open(
        cls,
        files: PairFiles,
        clock: Clock,
        *,
        on_change: Callable[[Pair], None] = lambda _: None,
        on_failure: Callable[[str], None] = lambda _: None,
    ) -> LiveCertificate:
        """Reads the files for the first time.

        Args:
            files: where the certificate and its key stand.
            clock: says what is in its time.
            on_change: hears of every pair that was put in force.
            on_failure: hears of every state of the files that could not be; of one that stays bad, once.

        Raises:
            UnusablePairError: they cannot be served.
        """
        data = await asyncio.to_thread(files.read)
        pair = await asyncio.to_thread(files.judge, *data, clock.now_nanos())
        return cls(files, pair, clock, on_change=on_change, on_failure=on_failure)

    @property
    def status(self) -> CertificateStatus:
        """The state at this moment."""
        return CertificateStatus(self.pair.subject, self.pair.expires_nanos, self._failure)

    async def watch(
        self,
        swap: Swap,
        interval_seconds: float,
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """Looks at the files again and again, until cancelled; bad files never end it."""
        while True:
            await sleep(interval_seconds)
            await self.look(swap)

    async def look(self, swap: Swap) -> None:
        """Takes changed files once two looks in a row find the same bytes: two files are never replaced in one moment.

        What goes wrong is kept in `status` and tried again at the next look: a certificate may still come into its
        time. What is in force stays. `swap` serves another pair, or raises.
        """
        found, seen = await asyncio.to_thread(_find, self._files)
        is_settled, self._seen = seen == self._seen, seen
        if not is_settled:
            return
        try:
            if seen != self._served:
                await self._take(await self._judge(found), swap)
        except UnusablePairError as fault:
            self._note_failure(str(fault))
        except Exception as fault:  # noqa: BLE001 - the old certificate serves on, whatever happened to the new one
            self._note_failure(f"the new certificate could not be put in force ({type(fault).__name__})")
        else:
            self._served = seen
            self._failure = ""

    async def _take(self, pair: Pair, swap: Swap) -> None:
        """Puts a pair in force, if it is another one."""
        if (pair.leaf, pair.certificate) != (self.pair.leaf, self.pair.certificate):
            await swap(pair)
            self.pair = pair
            self._on_change(pair)

    async def _judge(self, found: tuple[bytes, bytes] | UnusablePairError) -> Pair:
        if isinstance(found, UnusablePairError):
            raise found
        return await asyncio.to_thread(self._files.judge, *found, self._clock.now_nanos())

    def _note_failure(self, failure: str) -> None:
        """Keeps a failure, unless it is still the last one."""
        if failure != self._failure:
            self._failure = failure
            self._on_failure(failure)


def _find(files: PairFiles) -> tuple[tuple[bytes, bytes] | UnusablePairError, bytes]:
    """The content of the files, or why there is none; and what tells it from another."""
    try:
        found = files.read()
    except UnusablePairError as fault:
        return fault, str(fault).encode()
    return found, _digest(*found)


def _digest(certificate: bytes, key: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(certificate).digest() + key).digest()
