"""One line a call: failures always, successes as many as a second may have."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from atp_grpc.domain.call import Note
from atp_grpc.domain.clock import ManualClock
from atp_grpc.domain.tenant import Principal
from atp_grpc.telemetry.call_log import CallLog, Facts
from atp_grpc.telemetry.lines import LineWriter

ACME = Principal("acme", "key-1", frozenset())


class Book:
    def __init__(self, *, level: int, per_second: float) -> None:
        self.stream = io.StringIO()
        self.clock = ManualClock(1_700_000_000_250_000_000)
        self.writer = LineWriter(self.stream)
        self.log = CallLog(self.writer, self.clock, level=level, success_logs_per_second=per_second)

    def succeed(self) -> None:
        self.log.succeeded(Facts("atp.v1.RouteService/Route", 0.0004, ACME, "t", lambda: "ipv4:1"))

    def fail(self, level: int = logging.WARNING, **changes: Any) -> None:
        fields: dict[str, Any] = {"code": "NOT_FOUND", "reason": "DECISION_NOT_FOUND"}
        self.log.failed(Facts("m", 0.0, None, "t", lambda: "p"), level=level, **(fields | changes))

    def send_away(self) -> None:
        facts = Facts("m", 0.0, None, "t", lambda: "p")
        self.log.one_of_many(facts, code="UNAVAILABLE", reason="OVERLOADED", level=logging.WARNING)

    def lines(self) -> list[dict[str, Any]]:
        assert self.writer.flush()
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


@pytest.fixture
def book(request: pytest.FixtureRequest) -> Iterator[Book]:
    book = Book(**getattr(request, "param", {"level": logging.INFO, "per_second": 3.0}))
    yield book
    book.writer.close()


def test_a_line_says_when_who_what_and_how_long(book: Book) -> None:
    book.succeed()

    assert book.lines() == [
        {
            "time": "2023-11-14T22:13:20.250Z",
            "level": "info",
            "event": "call",
            "method": "atp.v1.RouteService/Route",
            "code": "OK",
            "duration_ms": 0.4,
            "tenant": "acme",
            "key_id": "key-1",
            "trace_id": "t",
            "peer": "ipv4:1",
        }
    ]


def test_a_line_says_what_the_handler_noted_and_how_often_the_caller_tried(book: Book) -> None:
    notes: dict[str, Note] = {"items": 3, "failed_items": 1, "model": 'na"me\n', "is_replay": True}
    book.log.succeeded(Facts("m", 0.0, ACME, "t", lambda: "p", attempt=2, notes=notes))
    book.succeed()

    noted, plain = book.lines()
    assert noted["attempt"] == 2
    assert noted | notes == noted
    assert plain.keys() == noted.keys() - notes.keys() - {"attempt"}


def test_a_second_has_its_share_of_successes_and_the_next_second_too(book: Book) -> None:
    for _ in range(10):
        book.succeed()
    assert len(book.lines()) == 3

    book.clock.advance(1.0)
    for _ in range(10):
        book.succeed()

    assert len(book.lines()) == 6
    assert book.log.left_out == 14


def test_a_long_silence_saves_up_no_more_than_one_second(book: Book) -> None:
    book.clock.advance(3_600)
    for _ in range(10):
        book.succeed()

    assert len(book.lines()) == 3


@pytest.mark.parametrize("book", [{"level": logging.INFO, "per_second": 0.0}], indirect=True)
def test_no_share_means_no_successes_at_all(book: Book) -> None:
    book.succeed()
    book.clock.advance(1_000)
    book.succeed()
    book.fail()

    assert [line["code"] for line in book.lines()] == ["NOT_FOUND"]


def test_failures_are_never_left_out(book: Book) -> None:
    for _ in range(100):
        book.fail()

    assert len(book.lines()) == 100


def test_a_crowd_shares_the_lines_of_the_successes_and_hides_no_failure(book: Book) -> None:
    for _ in range(100):
        book.send_away()
    book.succeed()
    book.fail()

    assert [line["code"] for line in book.lines()] == [*["UNAVAILABLE"] * 3, "NOT_FOUND"]
    assert book.log.left_out == 98


@pytest.mark.parametrize("book", [{"level": logging.ERROR, "per_second": 1e9}], indirect=True)
def test_a_higher_level_leaves_out_what_lies_below(book: Book) -> None:
    book.succeed()
    book.fail()
    book.fail(logging.ERROR, code="INTERNAL", reason="INTERNAL", incident="0123456789abcdef")

    [line] = book.lines()
    assert (line["level"], line["incident"]) == ("error", "0123456789abcdef")
