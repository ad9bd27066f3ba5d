"""A bounded way out for spans: whoever ends a call never waits for the collector.

`spans` puts ended spans in; one thread encodes and sends them in batches. While the collector is away or slow, spans
are kept as far as the room goes, and dropped and counted beyond that. It never raises, and it gives up at the end of
its time.
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from atp_grpc.telemetry.collector import Collector, CollectorAwayError, CollectorRefusedError
from atp_grpc.telemetry.otlp import export_request
from atp_grpc.telemetry.span_encoding import SpanEncoder
from atp_grpc.telemetry.spans import Ended
from atp_grpc.telemetry.tallies import Labels

BATCH_SPANS = 512
CHUNK_SPANS, CHUNK_PAUSE_SECONDS = 64, 0.002
"""The interpreter is kept from the event loop for one chunk, less than half a millisecond, and then left to it for the
pause. Smaller chunks cost more than they encode: each time the thread comes back, the loop has to hand over."""
INTERVAL_SECONDS = 1.0
"""Spans wait this long at most where the collector takes them."""
ATTEMPTS = 5
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.5, 30.0
TIMEOUT_SECONDS = 10.0
FLUSH_SECONDS = 1.0
"""What the end of the process may cost where the collector does not answer."""
SCOPE = "atp_grpc"


@dataclass(frozen=True, slots=True)
class Origin:
    """Who sends the spans: attributes of the process, and the version of the program."""

    resource: Mapping[str, str]
    version: str


class SpanExport:
    """Sends spans from its own thread. The event loop puts, anybody may read the counts."""

    def __init__(
        self,
        collector: Collector,
        origin: Origin,
        *,
        encode: Callable[[Ended], bytes],
        capacity: int,
        chance: random.Random,
        on_trouble: Callable[[str], None],
        on_recovery: Callable[[], None],
        interval_seconds: float = INTERVAL_SECONDS,
    ) -> None:
        """Starts the thread.

        Args:
            collector: where spans go.
            origin: who sends them.
            encode: makes the bytes of a span, in the thread.
            capacity: most spans waiting.
            chance: spreads the tries of many processes.
            on_trouble: hears, in the thread, why spans cannot be delivered; once until they can again.
            on_recovery: hears, in the thread, that they can again.
            interval_seconds: longest wait for a batch to fill.
        """
        self._collector = collector
        self._origin = origin
        self._encode = encode
        self._capacity = capacity
        self._chance = chance
        self._interval_seconds = interval_seconds
        self._on_trouble, self._on_recovery = on_trouble, on_recovery
        self._waiting: deque[Ended] = deque()
        self._is_wanted = threading.Event()
        self._closing = threading.Event()
        self._gives_up_at = float("inf")
        self._is_in_trouble = False
        self._is_full = 0
        self._delivered = self._rejected = self._undeliverable = 0
        self._thread = threading.Thread(target=self._run, name="spans", daemon=True)
        self._thread.start()

    @property
    def depth(self) -> int:
        """Spans waiting."""
        return len(self._waiting)

    def put(self, span: Ended) -> None:
        """Hands a span over; never waits."""
        depth = len(self._waiting)
        if depth >= self._capacity:
            self._is_full += 1
            return
        self._waiting.append(span)
        if depth == BATCH_SPANS:
            self._is_wanted.set()

    def exported(self) -> Mapping[Labels, int]:
        """How many spans the collector took."""
        return {(): self._delivered}

    def dropped(self) -> Mapping[Labels, int]:
        """How many spans were lost, by cause."""
        return {
            ("queue_full",): self._is_full,
            ("undeliverable",): self._undeliverable,
            ("rejected",): self._rejected,
        }

    def close(self, timeout_seconds: float = FLUSH_SECONDS) -> None:
        """Sends what is left and ends the thread; gives up on a collector that does not answer."""
        self._gives_up_at = time.monotonic() + timeout_seconds
        self._closing.set()
        self._is_wanted.set()
        self._thread.join(timeout_seconds)

    def _run(self) -> None:
        while not self._closing.is_set():
            is_batch_full = self._is_wanted.wait(self._interval_seconds)
            self._is_wanted.clear()
            while len(self._waiting) >= BATCH_SPANS:
                self._deliver(self._batch())
            # A request costs as much as fifty spans: a few of them are sent only once they have waited for more.
            if self._waiting and not is_batch_full:
                self._deliver(self._batch())
        while self._waiting:
            self._deliver(self._batch())
        self._collector.close()

    def _batch(self) -> list[Ended]:
        return [self._waiting.popleft() for _ in range(min(BATCH_SPANS, len(self._waiting)))]

    def _body(self, spans: Sequence[Ended]) -> bytes:
        encoded: list[bytes] = []
        for start in range(0, len(spans), CHUNK_SPANS):
            if start and not self._closing.is_set():
                time.sleep(CHUNK_PAUSE_SECONDS)
            encoded += map(self._encode, spans[start : start + CHUNK_SPANS])
        return export_request(encoded, resource=self._origin.resource, scope=SCOPE, version=self._origin.version)

    def _deliver(self, spans: Sequence[Ended]) -> None:
        """Sends a batch, as often as makes sense, and counts what became of it."""
        try:
            body = self._body(spans)
        except Exception as fault:  # noqa: BLE001 - a mistake of ours costs these spans, not those to come
            self._trouble(type(fault).__name__)
            self._undeliverable += len(spans)
            return
        for attempt in range(ATTEMPTS):
            left = self._gives_up_at - time.monotonic()
            if left <= 0:
                break
            self._collector.timeout_seconds = min(TIMEOUT_SECONDS, left)
            try:
                rejected = min(self._collector.post(body), len(spans))
            except CollectorAwayError as fault:
                self._trouble(fault.cause)
                if attempt + 1 == ATTEMPTS or self._closing.wait(self._wait_seconds(attempt, fault)):
                    break
            except CollectorRefusedError as fault:
                self._trouble(fault.cause)
                self._rejected += len(spans)
                return
            else:
                self._recovered()
                self._delivered += len(spans) - rejected
                self._rejected += rejected
                return
        self._undeliverable += len(spans)

    def _wait_seconds(self, attempt: int, fault: CollectorAwayError) -> float:
        asked = fault.retry_after_seconds
        wait = asked if asked is not None else FIRST_WAIT_SECONDS * 2**attempt
        return min(wait, LONGEST_WAIT_SECONDS) * self._chance.uniform(0.8, 1.2)

    def _trouble(self, cause: str) -> None:
        if not self._is_in_trouble:
            self._is_in_trouble = True
            self._on_trouble(cause)

    def _recovered(self) -> None:
        if self._is_in_trouble:
            self._is_in_trouble = False
            self._on_recovery()


@contextmanager
def open_span_export(
    collector: Collector,
    origin: Origin,
    *,
    capacity: int,
    on_trouble: Callable[[str], None],
    on_recovery: Callable[[], None],
) -> Iterator[SpanExport]:
    """Sends spans until the block ends, then what is left."""
    export = SpanExport(
        collector,
        origin,
        encode=SpanEncoder().encode,
        capacity=capacity,
        chance=random.Random(),  # noqa: S311 - spreads tries, nothing more
        on_trouble=on_trouble,
        on_recovery=on_recovery,
    )
    try:
        yield export
    finally:
        export.close()
