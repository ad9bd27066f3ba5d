"""Whoever logs never waits, and every line is either written or counted as lost."""

import io
import threading

from atp_grpc.telemetry.lines import LineWriter


class Stuck(io.StringIO):
    """A stream that takes nothing until it is let go, like a full pipe."""

    def __init__(self) -> None:
        super().__init__()
        self.is_free = threading.Event()
        self.is_reached = threading.Event()

    def write(self, text: str) -> int:
        self.is_reached.set()
        self.is_free.wait(10)
        return super().write(text)


class Broken(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_lines_come_out_whole_and_in_order() -> None:
    stream = io.StringIO()
    with LineWriter(stream) as writer:
        for number in range(2_000):
            writer.write(f"line {number}")
        assert writer.flush()

    assert stream.getvalue().splitlines() == [f"line {number}" for number in range(2_000)]
    assert writer.dropped == 0


def test_closing_writes_what_is_left() -> None:
    stream = io.StringIO()
    writer = LineWriter(stream)
    writer.write("last words")
    writer.close()

    assert stream.getvalue() == "last words\n"


def test_a_stuck_stream_stops_nobody_and_costs_counted_lines() -> None:
    stream = Stuck()
    with LineWriter(stream, capacity_lines=10) as writer:
        writer.write("first")
        assert stream.is_reached.wait(10)
        for number in range(50):
            writer.write(str(number))

        assert writer.dropped == 40
        assert not writer.flush(timeout_seconds=0.01)
        stream.is_free.set()
        assert writer.flush(timeout_seconds=10)
    assert stream.getvalue().split() == ["first", *map(str, range(10))]


def test_a_broken_stream_loses_lines_and_nothing_else() -> None:
    with LineWriter(Broken()) as writer:
        writer.write("one")
        assert writer.flush()
        writer.write("two")
        assert writer.flush()

    assert writer.dropped == 2


def test_closing_gives_up_on_a_stream_that_does_not_move() -> None:
    stream = Stuck()
    writer = LineWriter(stream)
    writer.write("never")
    assert stream.is_reached.wait(10)

    writer.close(timeout_seconds=0.01)

    stream.is_free.set()
