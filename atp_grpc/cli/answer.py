"""What a command has to say: one document for machines, and parts for people.

Commands return an `Answer` and `printing` shows it. Nothing here prints, and nothing here knows of colours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

OK = 0
REFUSED = 1
"""The server refused the call, or could not be reached."""
UNUSABLE = 2
"""The command line or the configuration is wrong; nothing was sent."""


@dataclass(frozen=True, slots=True)
class Line:
    """One sentence or one value on a line of its own."""

    text: str


@dataclass(frozen=True, slots=True)
class Verbatim:
    """Text of several lines that is shown as it is, for example a file to be saved."""

    text: str


@dataclass(frozen=True, slots=True)
class Record:
    """Facts about one thing, in order. A fact without a value is left out."""

    facts: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Sheet:
    """Facts about many things: a heading, columns, a row for each."""

    heading: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


Part = Line | Verbatim | Record | Sheet


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of a command. `document` is anything JSON can hold; None is for commands that have nothing to say."""

    document: object
    parts: Sequence[Part] = ()
    exit_status: int = OK


class CommandFailed(Exception):
    """A command that ends early: what to tell people, what to tell machines, and the exit status."""

    def __init__(self, exit_status: int, sentences: Sequence[str], document: Mapping[str, object]) -> None:
        super().__init__(sentences[0])
        self.exit_status = exit_status
        self.sentences = tuple(sentences)
        self.document = dict(document)


def unusable(sentence: str, *complaints: str) -> CommandFailed:
    """The failure of a command whose options or settings are wrong: what is wrong, then each complaint."""
    document = {"error": {"message": sentence, "complaints": list(complaints)}}
    return CommandFailed(UNUSABLE, (sentence, *complaints), document)
