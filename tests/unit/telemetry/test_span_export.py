"""Whoever ends a call never waits for a collector, and every span is delivered or counted as lost."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from atp_grpc.telemetry.collector import Collector, read_headers
from atp_grpc.telemetry.span_encoding import SpanEncoder
from atp_grpc.telemetry.span_export import BATCH_SPANS, Origin, SpanExport
from atp_grpc.telemetry.spans import Begun, Ended
from tests.rpc.tracing.receiver import Receiver, receiving

BEGUN = Begun("4bf92f3577b34da6a3ce929d0e0e4736", 7, "", "", 1_700_000_000_000_000_000)
ORIGIN = Origin({"service.name": "atp"}, "1")


class Exporting:
    def __init__(self, url: str, *, capacity: int = 10_000, **options: Any) -> None:
        self.news: list[str] = []
        settings: dict[str, Any] = {"headers": {}, "is_compressed": False, "timeout_seconds": 10.0} | options
        self.export = SpanExport(
            Collector(url, **settings),
            ORIGIN,
            encode=SpanEncoder().encode,
            capacity=capacity,
            chance=random.Random(1),
            on_trouble=self.news.append,
            on_recovery=lambda: self.news.append("recovered"),
            interval_seconds=0.01,
        )

    def put(self, count: int, first: int = 0) -> None:
        for number in range(first, first + count):
            self.export.put(Ended(BEGUN, str(number), 0.0, 0))

    @property
    def exported(self) -> int:
        return self.export.exported()[()]

    @property
    def dropped(self) -> dict[str, int]:
        return {labels[0]: count for labels, count in self.export.dropped().items() if count}


@contextmanager
def exporting(url: str, **options: Any) -> Iterator[Exporting]:
    desk = Exporting(url, **options)
    try:
        yield desk
    finally:
        desk.export.close(0.01)


def names(receiver: Receiver) -> list[str]:
    return [span.name for span in receiver.spans]


def until(is_true: Callable[[], object]) -> None:
    end = time.monotonic() + 15
    while not is_true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


def test_spans_arrive_whole_in_order_and_in_batches() -> None:
    with receiving() as receiver, exporting(receiver.url) as desk:
        desk.put(3 * BATCH_SPANS + 7)
        desk.export.close(10)

        assert names(receiver) == [str(number) for number in range(3 * BATCH_SPANS + 7)]
        assert len(receiver.requests) >= 4
        assert (desk.exported, desk.dropped, desk.news) == (3 * BATCH_SPANS + 7, {}, [])


def test_a_few_spans_do_not_wait_for_a_batch_to_fill() -> None:
    with receiving() as receiver, exporting(receiver.url) as desk:
        desk.put(2)

        assert len(receiver.wait_for(2)) == 2


def test_a_request_has_the_path_the_headers_and_the_type_that_collectors_expect() -> None:
    with receiving() as receiver:
        headers = read_headers("x-key=a=b, Team=blue")
        for url in (receiver.url, f"{receiver.url}/", f"{receiver.url}/otlp/v1/traces?t=1"):
            with exporting(url, headers=headers) as desk:
                desk.put(1)
                desk.export.close(10)

        assert receiver.paths == ["/v1/traces", "/v1/traces", "/otlp/v1/traces?t=1"]
        sent = receiver.headers[0]
        assert (sent["content-type"], sent["x-key"], sent["team"]) == ("application/x-protobuf", "a=b", "blue")


def test_compressed_spans_arrive_too() -> None:
    with receiving() as receiver, exporting(receiver.url, is_compressed=True) as desk:
        desk.put(100)
        desk.export.close(10)

        assert len(receiver.spans) == 100
        assert receiver.headers[0]["content-encoding"] == "gzip"


def test_a_collector_that_hangs_costs_counted_spans_and_nobody_waits() -> None:
    is_free = threading.Event()
    with receiving(Receiver(before_answer=lambda: is_free.wait(20))) as receiver:
        with exporting(receiver.url, capacity=1_000) as desk:
            desk.put(BATCH_SPANS + 1)
            until(lambda: desk.export.depth <= 1)
            started = time.thread_time()
            desk.put(5_000)
            busy = time.thread_time() - started

            assert desk.export.depth == 1_000
            assert 4_000 <= desk.dropped["queue_full"] <= 4_001
            assert busy < 1.0
            started = time.monotonic()
            desk.export.close(0.05)
            assert time.monotonic() - started < 5
        is_free.set()


def test_a_collector_that_is_away_gets_the_spans_when_it_is_back() -> None:
    with receiving() as gone:
        port = int(gone.url.rpartition(":")[2])
    with exporting(gone.url) as desk:
        desk.put(5)
        until(lambda: desk.news)
        with receiving(port=port) as receiver:
            assert len(receiver.wait_for(5)) == 5
            until(lambda: desk.exported == 5)

        assert desk.news == ["ConnectionRefusedError", "recovered"]
        assert desk.dropped == {}


def test_a_connection_that_was_closed_in_silence_is_opened_again() -> None:
    with receiving() as first:
        port = int(first.url.rpartition(":")[2])
        desk = Exporting(first.url)
        desk.put(1)
        first.wait_for(1)
        until(lambda: desk.exported == 1)
        collector = desk.export._collector
        assert collector._connection is not None
        # What a collector does to a connection that was quiet for long.
        collector._connection.sock.shutdown(2)
    with receiving(port=port) as second:
        desk.put(1, first=1)
        desk.export.close(10)

        assert names(second) == ["1"]
        assert desk.news == []


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_collector_is_asked_again_when_it_said(status: int) -> None:
    receiver = Receiver(statuses=[status, status], answer_headers={"retry-after": "0.01"})
    with receiving(receiver), exporting(receiver.url) as desk:
        desk.put(4)

        assert len(receiver.wait_for(4)) == 4
        until(lambda: desk.exported == 4)
        assert desk.news == [f"HTTP {status}", "recovered"]


@pytest.mark.parametrize("status", [400, 401, 404, 413, 500, 301])
def test_a_collector_that_refuses_is_not_asked_again(status: int) -> None:
    receiver = Receiver(statuses=[status])
    with receiving(receiver), exporting(receiver.url) as desk:
        desk.put(4)
        until(lambda: desk.dropped)
        desk.put(2, first=4)
        desk.export.close(10)

        assert names(receiver) == ["4", "5"]
        assert desk.dropped == {"rejected": 4}
        assert desk.news == [f"HTTP {status}", "recovered"]


def test_a_collector_that_stays_busy_loses_the_batch_and_gets_the_next_one() -> None:
    receiver = Receiver(statuses=[503] * 5, answer_headers={"retry-after": "0"})
    with receiving(receiver), exporting(receiver.url) as desk:
        desk.put(4)
        until(lambda: desk.dropped)
        desk.put(1, first=4)
        desk.export.close(10)

        assert names(receiver) == ["4"]
        assert desk.dropped == {"undeliverable": 4}


def test_spans_that_a_collector_rejects_one_by_one_are_counted() -> None:
    with receiving(Receiver(rejected_spans=3)) as receiver, exporting(receiver.url) as desk:
        desk.put(10)
        desk.export.close(10)

        assert (desk.exported, desk.dropped) == (7, {"rejected": 3})


@pytest.mark.parametrize("answer", [b"nonsense\r\n\r\n", b"", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"])
def test_whatever_answers_there_the_thread_goes_on(answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with exporting(url) as desk:
            desk.put(1)
            until(lambda: desk.export.depth == 0)
            connection, _ = listener.accept()
            connection.recv(65_536)
            connection.sendall(answer)
            connection.close()
            until(lambda: desk.news or desk.exported)

            assert desk.export._thread.is_alive()


def test_closing_sends_what_is_left_to_a_collector_that_answers() -> None:
    with receiving() as receiver, exporting(receiver.url) as desk:
        desk.put(900)
        desk.export.close(10)

        assert len(receiver.spans) == 900
        assert not desk.export._thread.is_alive()
