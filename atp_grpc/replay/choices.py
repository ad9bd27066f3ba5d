"""Choices as JSON lines: which model a replay sent each prompt to, and with which propensity.

Replay writes them and grading reads them; any scorer can, because a line holds names and nothing else of ours. Nothing
here judges a choice.
"""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, NamedTuple

SUFFIX: Final = ".gz"
_TYPES: Final = {"dataset": str, "setting": str, "seed": int, "prompt_id": str, "model": str, "propensity": float}


class ChoicesFault(ValueError):
    """A file that does not hold choices: which, at which line (1 is the first), and why."""

    def __init__(self, path: Path, line: int, complaint: str) -> None:
        super().__init__(f"{path}:{line}: {complaint}" if line else f"{path}: {complaint}")
        self.path = path
        self.line = line
        self.complaint = complaint


class ChoiceLine(NamedTuple):
    """One choice: for a prompt of a data set, under a setting, in the order of a seed, with its exact probability."""

    dataset: str
    setting: str
    seed: int
    prompt_id: str
    model: str
    propensity: float


def write_choices(path: Path, choices: Iterable[ChoiceLine]) -> None:
    """Writes choices in the order in which they come, gzipped when the name ends in .gz.

    The same choices give the same bytes, gzipped or not.

    Raises:
        OSError: the file cannot be written.
    """
    with _opened_to_write(path) as stream:
        stream.writelines(json.dumps(choice._asdict(), ensure_ascii=False) + "\n" for choice in choices)


def read_choices(path: Path) -> Iterator[ChoiceLine]:
    """The choices of a file, in its order.

    Raises:
        ChoicesFault: the file cannot be read, or a line is not a choice with exactly its keys.
    """
    number = 0
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == SUFFIX else path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                yield _choice(path, number, line)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or "damaged or cut short"
        raise ChoicesFault(path, number + 1 if number else 0, f"cannot be read: {reason}") from None
    except UnicodeDecodeError:
        raise ChoicesFault(path, number + 1, "the line is not UTF-8") from None


def _choice(path: Path, number: int, line: str) -> ChoiceLine:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        raise ChoicesFault(path, number, "not a line of JSON") from None
    if not isinstance(fields, dict) or fields.keys() != _TYPES.keys():
        raise ChoicesFault(path, number, f"a choice has exactly the keys {', '.join(_TYPES)}")
    for name, kind in _TYPES.items():
        if type(fields[name]) is not kind:
            raise ChoicesFault(path, number, f"{name} is not {_NOUNS[kind]}")
    return ChoiceLine(**fields)


_NOUNS: Final = {str: "text", int: "a whole number", float: "a fraction"}


@contextmanager
def _opened_to_write(path: Path) -> Iterator[IO[str]]:
    with path.open("wb") as plain:
        if path.suffix != SUFFIX:
            with io.TextIOWrapper(plain, encoding="utf-8", newline="\n") as text:
                yield text
            return
        # Without a name and a time in the header, the same choices are the same bytes.
        packed = gzip.GzipFile(filename="", mode="wb", fileobj=plain, mtime=0)
        with io.TextIOWrapper(packed, encoding="utf-8", newline="\n") as text:
            yield text
