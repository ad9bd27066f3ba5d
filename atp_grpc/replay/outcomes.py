"""Outcome files: what each of several models returned on the same prompts, one JSON object a line, gzipped or not.

The demo, the tests and replay enter here to turn files into frozen rows; `docs/data.md` states the format. A file is
taken whole or refused with the place of its first fault; nothing here repairs a value, invents a missing one or
writes a file.
"""

from __future__ import annotations

import enum
import gzip
import json
import math
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO, Final

from atp_grpc.domain.money import NANO_PER_USD

GZIP_MAGIC: Final = b"\x1f\x8b"
MOST_TOKENS: Final = 1_000_000_000
MOST_USD: Final = 1_000_000.0
MOST_MILLISECONDS: Final = 86_400_000.0


class FaultKind(enum.StrEnum):
    """What is wrong with an outcome file."""

    UNREADABLE = "unreadable"
    EMPTY_FILE = "empty_file"
    NOT_UTF8 = "not_utf8"
    NOT_JSON = "not_json"
    MISSING_FIELD = "missing_field"
    WRONG_TYPE = "wrong_type"
    NOT_FINITE = "not_finite"
    OUT_OF_RANGE = "out_of_range"
    MISSING_MODEL = "missing_model"
    DUPLICATE_PROMPT = "duplicate_prompt"


class OutcomeFileFault(ValueError):
    """A file that cannot be used: which, at which line (1 is the first, 0 the file as a whole), and why."""

    def __init__(self, kind: FaultKind, path: Path, line: int, complaint: str) -> None:
        place = f"{path}:{line}" if line else str(path)
        super().__init__(f"{place}: {complaint}")
        self.kind = kind
        self.path = path
        self.line = line
        self.complaint = complaint


@dataclass(frozen=True, slots=True)
class ModelOutcome:
    """What one model did with one prompt. None is a value the source does not have.

    Quality is 0..1, cost nano-US-dollars for the one request, latency seconds. A failed call gave no answer: quality 0.
    """

    quality: float
    cost_nano_usd: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    latency_seconds: float | None = None
    failed: bool = False


@dataclass(frozen=True, slots=True)
class OutcomeRow:
    """One prompt and what every model made of it, by model name."""

    prompt_id: str
    source: str
    category: str
    prompt: str
    outcomes: Mapping[str, ModelOutcome]


def read_outcomes(paths: Sequence[Path], *, required_models: Collection[str] = ()) -> tuple[OutcomeRow, ...]:
    """Reads files in order, each from its first line to its last.

    Args:
        paths: the files; a prompt id may occur once in all of them together.
        required_models: models that every row must have.

    Raises:
        OutcomeFileFault: the first thing that is wrong, with its file and line.
    """
    rows: list[OutcomeRow] = []
    places: dict[str, str] = {}
    for path in paths:
        before = len(rows)
        for number, line in _lines(path):
            row = _Line(path, number).row(line, required_models)
            if row.prompt_id in places:
                complaint = f"prompt id {row.prompt_id!r} stands already at {places[row.prompt_id]}"
                raise OutcomeFileFault(FaultKind.DUPLICATE_PROMPT, path, number, complaint)
            places[row.prompt_id] = f"{path.name}:{number}"
            rows.append(row)
        if len(rows) == before:
            raise OutcomeFileFault(FaultKind.EMPTY_FILE, path, 0, "the file holds no rows")
    return tuple(rows)


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Numbered lines that hold something."""
    number = 0
    try:
        with path.open("rb") as plain:
            stream: BinaryIO | gzip.GzipFile = plain
            if plain.peek(len(GZIP_MAGIC)).startswith(GZIP_MAGIC):
                stream = gzip.GzipFile(fileobj=plain)
            for number, line in enumerate(stream, start=1):
                if line.strip():
                    yield number, line
    except (OSError, EOFError, zlib.error) as error:
        # strerror is the system's own words; a damaged archive has none and is called what it is.
        reason = getattr(error, "strerror", None) or "damaged or cut short"
        raise OutcomeFileFault(
            FaultKind.UNREADABLE, path, number + 1 if number else 0, f"cannot be read: {reason}"
        ) from None


class _NotFinite(ValueError):
    pass


def _refuse_constant(name: str) -> float:
    raise _NotFinite(name)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return made


@dataclass(frozen=True, slots=True)
class _Line:
    """One line under judgement; every complaint knows its place."""

    path: Path
    number: int

    def row(self, line: bytes, required_models: Collection[str]) -> OutcomeRow:
        fields = self._mapping("the line", self._decode(line))
        outcomes = self._mapping("outcomes", self._field(fields, "outcomes"))
        if not outcomes:
            raise self._fault(FaultKind.MISSING_MODEL, "outcomes holds no model")
        for model in required_models:
            if model not in outcomes:
                raise self._fault(FaultKind.MISSING_MODEL, f"outcomes lacks the model {model!r}")
        return OutcomeRow(
            prompt_id=self._text(fields, "prompt_id"),
            source=self._text(fields, "source"),
            category=self._text(fields, "category"),
            prompt=self._text(fields, "prompt"),
            outcomes=MappingProxyType({model: self._outcome(model, value) for model, value in outcomes.items()}),
        )

    def _decode(self, line: bytes) -> object:
        try:
            decoded: object = json.loads(line.decode(), parse_constant=_refuse_constant, object_pairs_hook=_object)
        except UnicodeDecodeError:
            raise self._fault(FaultKind.NOT_UTF8, "the line is not UTF-8") from None
        except _NotFinite as error:
            raise self._fault(FaultKind.NOT_FINITE, f"{error} is not a number") from None
        except json.JSONDecodeError as error:
            raise self._fault(FaultKind.NOT_JSON, f"not JSON at column {error.colno}: {error.msg}") from None
        except RecursionError:
            raise self._fault(FaultKind.NOT_JSON, "nested too deeply") from None
        except ValueError as error:
            raise self._fault(FaultKind.NOT_JSON, str(error)) from None
        return decoded

    def _outcome(self, model: str, value: object) -> ModelOutcome:
        where = f"outcomes[{model!r}]"
        if not model:
            raise self._fault(FaultKind.MISSING_MODEL, "a model has no name")
        fields = self._mapping(where, value)
        quality = self._number(where, fields, "quality", most=1.0)
        if quality is None:
            raise self._fault(FaultKind.MISSING_FIELD, f"{where} lacks a quality")
        cost = self._number(where, fields, "cost_usd", most=MOST_USD)
        latency = self._number(where, fields, "latency_ms", most=MOST_MILLISECONDS)
        failed = fields.get("failed", False)
        if not isinstance(failed, bool):
            raise self._fault(FaultKind.WRONG_TYPE, f"{where}.failed is neither true nor false")
        if failed and quality > 0:
            raise self._fault(FaultKind.OUT_OF_RANGE, f"{where} failed and has a quality above 0")
        return ModelOutcome(
            quality=quality,
            cost_nano_usd=None if cost is None else round(cost * NANO_PER_USD),
            input_tokens=self._count(where, fields, "input_tokens"),
            output_tokens=self._count(where, fields, "output_tokens"),
            latency_seconds=None if latency is None else latency / 1000,
            failed=failed,
        )

    def _number(self, where: str, fields: Mapping[str, object], name: str, *, most: float) -> float | None:
        """A finite number in 0..most, or None where there is none."""
        value = fields.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._fault(FaultKind.WRONG_TYPE, f"{where}.{name} is not a number")
        if isinstance(value, float) and not math.isfinite(value):
            raise self._fault(FaultKind.NOT_FINITE, f"{where}.{name} is not finite")
        if not 0 <= value <= most:
            raise self._fault(FaultKind.OUT_OF_RANGE, f"{where}.{name} is outside 0..{most:g}")
        return float(value)

    def _count(self, where: str, fields: Mapping[str, object], name: str) -> int | None:
        value = self._number(where, fields, name, most=MOST_TOKENS)
        if value is not None and not value.is_integer():
            raise self._fault(FaultKind.WRONG_TYPE, f"{where}.{name} is not a whole number")
        return None if value is None else int(value)

    def _text(self, fields: Mapping[str, object], name: str) -> str:
        value = self._field(fields, name)
        if not isinstance(value, str):
            raise self._fault(FaultKind.WRONG_TYPE, f"{name} is not text")
        if not value:
            raise self._fault(FaultKind.MISSING_FIELD, f"{name} is empty")
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise self._fault(FaultKind.NOT_UTF8, f"{name} holds half a character")
        return value

    def _field(self, fields: Mapping[str, object], name: str) -> object:
        if name not in fields:
            raise self._fault(FaultKind.MISSING_FIELD, f"{name} is missing")
        return fields[name]

    def _mapping(self, where: str, value: object) -> Mapping[str, object]:
        if not isinstance(value, dict):
            raise self._fault(FaultKind.WRONG_TYPE, f"{where} is not an object")
        return value

    def _fault(self, kind: FaultKind, complaint: str) -> OutcomeFileFault:
        return OutcomeFileFault(kind, self.path, self.number, complaint)
