"""Lines of events and of libraries: one format, no text of any exception."""

import asyncio
import io
import json
import logging
import random
from collections.abc import Iterator
from typing import Any

import pytest

from atp_grpc.domain.clock import ManualClock
from atp_grpc.telemetry.incidents import Incidents
from atp_grpc.telemetry.logs import Logs, open_logs

SECRET = "hunter2"


class Open:
    def __init__(self, logs: Logs, stream: io.StringIO) -> None:
        self.logs = logs
        self.stream = stream

    def text(self) -> str:
        assert self.logs.writer.flush()
        return self.stream.getvalue()

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text().splitlines()]


@pytest.fixture
def opened() -> Iterator[Open]:
    stream = io.StringIO()
    with open_logs(level="info", stream=stream, clock=ManualClock(0)) as logs:
        yield Open(logs, stream)


def failing_deep() -> None:
    try:
        dict[str, int]()[SECRET]
    except KeyError as fault:
        raise RuntimeError(SECRET) from fault


def caught_deep() -> RuntimeError:
    """A fault with a cause and a trace."""
    try:
        failing_deep()
    except RuntimeError as fault:
        return fault
    raise AssertionError


def test_an_event_is_one_json_line_with_time_level_and_name_first(opened: Open) -> None:
    opened.logs.logger.info("reloaded", revision=4, digest="ab\n")

    assert opened.text() == (
        '{"time":"1970-01-01T00:00:00.000Z","level":"info","event":"reloaded","revision":4,"digest":"ab\\n"}\n'
    )


def test_what_lies_below_the_level_is_left_out(opened: Open) -> None:
    opened.logs.logger.debug("noise")
    opened.logs.logger.warning("loud")

    assert [line["event"] for line in opened.lines()] == ["loud"]


def test_a_librarys_line_keeps_its_sentence_and_loses_what_was_filled_in(opened: Open) -> None:
    logging.getLogger("grpc._cython").error("broken for %s", SECRET, exc_info=caught_deep())
    logging.getLogger("asyncio").error(f"future: <Task exception=ValueError('{SECRET}')>")  # noqa: G004 - as asyncio does

    first, second = opened.lines()
    assert (first["logger"], first["sentence"], first["level"]) == ("grpc._cython", "broken for %s", "error")
    assert first["fault"] == ["builtins.RuntimeError", "builtins.KeyError"]
    assert second["sentence"] == ""
    assert SECRET not in opened.text()


def test_libraries_get_their_own_way_back_at_the_end() -> None:
    before = logging.getLogger().handlers[:]
    with open_logs(level="info", stream=io.StringIO(), clock=ManualClock()):
        assert logging.getLogger().handlers != before

    assert logging.getLogger().handlers == before


class TestIncidents:
    def incidents(self, opened: Open, seen: list[int] | None = None) -> Incidents:
        return Incidents(opened.logs.logger, random.Random(1), on_incident=lambda: (seen or []).append(1))

    def test_an_incident_says_kind_and_place_under_the_id_that_is_returned(self, opened: Open) -> None:
        incident = self.incidents(opened).report(caught_deep(), method="m", trace_id="t")

        [line] = opened.lines()
        assert (line["level"], line["incident"], line["method"], line["trace_id"]) == ("error", incident, "m", "t")
        assert len(incident) == 16
        assert line["fault"] == ["builtins.RuntimeError", "builtins.KeyError"]
        assert line["trace"][-1].split(":")[1] == "failing_deep"
        assert SECRET not in opened.text()

    def test_ids_are_distinct_and_each_is_counted(self, opened: Open) -> None:
        seen = [0]
        incidents = self.incidents(opened, seen)

        ids = {incidents.report(ValueError()) for _ in range(50)}

        assert len(ids) == 50
        assert len(seen) == 51

    def test_a_chain_that_bites_its_tail_ends(self, opened: Open) -> None:
        first, second = ValueError(), KeyError()
        first.__cause__, second.__cause__ = second, first

        self.incidents(opened).report(first)

        assert len(opened.lines()[0]["fault"]) == 8

    def test_a_report_never_fails_even_when_the_counter_does(self, opened: Open) -> None:
        def broken() -> None:
            raise RuntimeError(SECRET)

        assert Incidents(opened.logs.logger, random.Random(1), on_incident=broken).report(ValueError())

    async def test_what_falls_out_of_a_task_is_an_incident_without_its_text(self, opened: Open) -> None:
        asyncio.get_running_loop().set_exception_handler(self.incidents(opened).loop_handler)

        def broken() -> None:
            raise ValueError(SECRET)

        asyncio.get_running_loop().call_soon(broken)
        asyncio.get_running_loop().call_soon(
            asyncio.get_running_loop().call_exception_handler, {"message": "a library speaks"}
        )
        await asyncio.sleep(0)
        await asyncio.sleep(0)

        first, second = opened.lines()
        assert (first["event"], first["method"]) == ("incident", "event loop")
        assert second["sentence"] == "a library speaks"
        assert SECRET not in opened.text()
