"""Shows an answer: JSON for machines, tables and colour on a terminal, plain lines everywhere else.

`program` enters here once per command. Text that came over the wire is stripped of control characters first, so a
label can neither move the cursor nor break a row.
"""

from __future__ import annotations

import argparse
import json
from typing import TextIO

from atp_grpc.cli.answer import Answer, CommandFailed, Line, Part, Record, Sheet, Verbatim


def add_json_option(parser: argparse.ArgumentParser) -> None:
    """Adds `--json`, which every command takes but the one that serves."""
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def print_answer(answer: Answer, *, as_json: bool, stream: TextIO) -> None:
    """Writes an answer to a stream. A terminal gets tables; a file or a pipe gets tab-separated rows."""
    if answer.document is None:
        return
    if as_json:
        _print_document(answer.document, stream)
    elif stream.isatty():
        from atp_grpc.cli import terminal  # noqa: PLC0415 - rich costs 50 ms that a pipe need not pay.

        terminal.print_parts(answer.parts, stream)
    else:
        print("\n\n".join(_plain(part) for part in answer.parts), file=stream)


def print_failure(failure: CommandFailed, *, as_json: bool, output: TextIO, errors: TextIO) -> None:
    """Tells people why on the error stream, and machines on the output stream when they asked for JSON."""
    if as_json:
        _print_document(failure.document, output)
    first, *others = failure.sentences
    print(f"atp: {clean(first)}", *(f"  {clean(sentence)}" for sentence in others), sep="\n", file=errors)


def clean(text: str) -> str:
    """The text on one line, with a replacement sign for everything that is not printable."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)


def _print_document(document: object, stream: TextIO) -> None:
    print(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False), file=stream)


def _plain(part: Part) -> str:
    match part:
        case Line(text):
            return clean(text)
        case Verbatim(text):
            return text.rstrip("\n")
        case Record(facts):
            return "\n".join(f"{name}: {clean(value)}" for name, value in facts if value)
        case Sheet(_, columns, rows):
            return "\n".join("\t".join(clean(cell) for cell in row) for row in (columns, *rows))
