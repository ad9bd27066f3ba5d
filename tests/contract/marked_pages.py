"""Reads the project's Markdown pages: links, headings, code spans, fenced blocks and tables.

The tests of the documentation enter here. It knows just as much Markdown as these pages use, and judges nothing.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHELLS = ("sh", "console")
PROMPT = "$ "

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NOT_RUN = re.compile(r"<!-- not run: ((?:(?!-->).)+?) -->\n+\Z", re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block. A comment `<!-- not run: REASON -->` right above one keeps its commands from being run."""

    language: str
    body: str
    line: int
    not_run: str

    @property
    def shows_commands(self) -> bool:
        return self.language in SHELLS or (self.language == "" and any(self.prompted()))

    def prompted(self) -> Iterator[tuple[str, str]]:
        """Each command after a prompt, and what stands below it up to the next prompt."""
        for piece in f"\n{self.body}".split(f"\n{PROMPT}")[1:]:
            command, rest = piece, ""
            lines = piece.splitlines()
            for number, line in enumerate(lines):
                if not line.endswith("\\"):
                    command, rest = "\n".join(lines[: number + 1]), "\n".join(lines[number + 1 :])
                    break
            yield command, rest


@dataclass(frozen=True, slots=True)
class Page:
    """One Markdown file."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @property
    def prose(self) -> str:
        """The page without fenced blocks and comments."""
        return _COMMENT.sub("", _FENCE.sub("", self.text))

    def blocks(self, *languages: str) -> list[str]:
        """The fenced blocks in one of the languages."""
        return [body for language, body in _FENCE.findall(self.text) if language in languages]

    def fences(self) -> Iterator[Block]:
        """Every fenced block, in order."""
        text = self.text
        for found in _FENCE.finditer(text):
            marker = _NOT_RUN.search(text, 0, found.start())
            line = text.count("\n", 0, found.start()) + 1
            yield Block(found[1], found[2], line, marker[1] if marker else "")

    def spans(self) -> list[str]:
        """What stands between single backticks."""
        return _SPAN.findall(self.prose)

    def links(self) -> list[str]:
        """Link and image targets, as written."""
        return _LINK.findall(_SPAN.sub("", self.prose))

    def anchors(self) -> set[str]:
        """What `#...` may name: headings, lowered, without punctuation, with hyphens for spaces."""
        return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in _HEADING.findall(self.prose)}

    def rows(self) -> Iterator[list[str]]:
        """The cells of each row of each table, heads and rules included."""
        for line in self.prose.splitlines():
            if line.startswith("|") and line.endswith("|"):
                yield [cell.strip() for cell in line[1:-1].split("|")]

    def commands(self) -> Iterator[list[str]]:
        """The words of each shell command in a block: lines of shell blocks, and of others what follows a prompt."""
        for line in (line for body in self.blocks(*SHELLS) for line in _joined(body)):
            yield from _words(line.removeprefix(PROMPT))
        for line in (line for body in self.blocks("") for line in _joined(body) if line.startswith(PROMPT)):
            yield from _words(line.removeprefix(PROMPT))

    def mentions(self) -> Iterator[list[str]]:
        """The words of each code span, as if it were a command; `one|other` is both."""
        for span in self.spans():
            first, bar, rest = span.partition("|")
            other = f"{first.rpartition(' ')[0]} {rest}"
            for line in (first, other) if bar else (span,):
                yield from _words(line)


def pages() -> list[Page]:
    """Every page of the project."""
    top = (ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md"))
    clients = sorted((ROOT / "clients").glob("*/README.md"))
    return [Page(path) for path in (*top, *sorted((ROOT / "docs").rglob("*.md")), *clients)]


def _joined(body: str) -> list[str]:
    """The lines of a block; one that ends in a backslash goes on in the next."""
    return body.replace("\\\n", " ").splitlines()


def _words(line: str) -> Iterator[list[str]]:
    """The commands of a line: cut at pipes, without comments and redirections."""
    try:
        words = shlex.split(line, comments=True)
    except ValueError:
        return  # A code span may hold half a quotation; it is no command then.
    command: list[str] = []
    for word in words:
        if word in {"|", "&&", "&", ">"}:
            yield command
            command = []
        else:
            command.append(word)
    yield command
