"""One answer, three ways to read it; and nothing that came over the wire can play with a terminal."""

from __future__ import annotations

import io
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.cli.answer import Answer, Line, Part, Record, Sheet, Verbatim, unusable
from atp_grpc.cli.printing import clean, print_answer, print_failure

ANSWER = Answer(
    document={"model": "swift", "cost": "üblich"},
    parts=[
        Record([("model", "swift"), ("remarks", "")]),
        Sheet("Fallbacks", ("model", "quality", "cost"), [("steady", "0.812", "$0.000412"), ("grand", "", "$0.01")]),
        Line("catalogue revision 3"),
        Verbatim("a = 1\nb = 2\n"),
    ],
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(answer: Answer, stream: io.StringIO, *, as_json: bool = False) -> str:
    print_answer(answer, as_json=as_json, stream=stream)
    return stream.getvalue()


@pytest.fixture(autouse=True)
def colourful(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def test_machines_get_one_json_document() -> None:
    assert json.loads(shown(ANSWER, io.StringIO(), as_json=True)) == ANSWER.document


def test_json_is_the_same_on_a_terminal() -> None:
    assert shown(ANSWER, Terminal(), as_json=True) == shown(ANSWER, io.StringIO(), as_json=True)


def test_a_pipe_gets_plain_lines_and_tab_separated_rows() -> None:
    assert shown(ANSWER, io.StringIO()) == (
        "model: swift\n"
        "\n"
        "model\tquality\tcost\n"
        "steady\t0.812\t$0.000412\n"
        "grand\t\t$0.01\n"
        "\n"
        "catalogue revision 3\n"
        "\n"
        "a = 1\nb = 2\n"
    )


def test_a_terminal_gets_a_table_in_colour() -> None:
    text = shown(ANSWER, Terminal())

    assert "\x1b[" in text
    assert "Fallbacks" in text
    assert "steady" in text
    assert "$0.000412" in text
    assert "a = 1\nb = 2\n" in text
    assert "\t" not in text


def test_a_terminal_that_wants_no_colour_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    assert "\x1b[3" not in shown(ANSWER, Terminal())


def test_a_table_without_rows_still_shows_its_columns() -> None:
    text = shown(Answer({}, [Sheet("Models", ("model", "status"), [])]), Terminal())

    assert "model" in text
    assert "status" in text


def test_a_terminal_shows_no_column_that_is_empty() -> None:
    text = shown(Answer({}, [Sheet("Models", ("model", "refused for"), [("swift", ""), ("steady", "")])]), Terminal())

    assert "steady" in text
    assert "refused for" not in text


def test_a_table_that_is_too_wide_for_the_terminal_becomes_a_record_for_each_row(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    rows = [("swift", "x" * 25), ("steady", "y" * 25)]

    text = shown(Answer({}, [Sheet("Models", ("model", "note"), rows)]), Terminal())

    assert (
        re.sub(r"\x1b\[\d*m", "", text)
        == f"Models\n\nmodel  swift\nnote   {'x' * 25}\n\nmodel  steady\nnote   {'y' * 25}\n"
    )


def test_a_long_value_reaches_a_terminal_in_one_piece() -> None:
    token = "x" * 500

    assert token in shown(Answer({}, [Record([("token", token)])]), Terminal())


def test_a_command_that_has_nothing_to_say_prints_nothing() -> None:
    assert shown(Answer(None), io.StringIO()) == ""


def test_a_failure_is_told_in_sentences() -> None:
    output, errors = io.StringIO(), io.StringIO()

    print_failure(unusable("this is wrong", "first", "second"), as_json=False, output=output, errors=errors)

    assert output.getvalue() == ""
    assert errors.getvalue() == "atp: this is wrong\n  first\n  second\n"


def test_a_failure_is_a_document_too_when_json_was_asked_for() -> None:
    output, errors = io.StringIO(), io.StringIO()

    print_failure(unusable("this is wrong", "first"), as_json=True, output=output, errors=errors)

    assert json.loads(output.getvalue()) == {"error": {"message": "this is wrong", "complaints": ["first"]}}
    assert errors.getvalue()


@given(st.text())
def test_cleaned_text_stays_on_its_line_and_off_the_cursor(text: str) -> None:
    assert clean(text).isprintable()
    assert len(clean(text)) == len(text)


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_no_value_moves_the_cursor_or_is_read_as_markup(stream: type[io.StringIO]) -> None:
    evil = "\x1b[2J\rrow\tcell\n[red]word[/red]"
    parts: list[Part] = [Line(evil), Record([("label", evil)]), Sheet("Labels", ("label",), [(evil,)])]

    text = shown(Answer({}, parts), stream())

    assert "\x1b[2J" not in text
    assert "\r" not in text
    assert text.count("[red]word[/red]") == 3
