"""One table of the catalogue file: takes its values out one by one and notes everything that is wrong with them.

`loader` enters here for each `[[provider]]`, `[[model]]`, `[[deployment]]` and price. A value that is wrong is noted
and replaced by a harmless one, so that reading goes on and one look at the file finds every mistake. It never raises.
"""

from __future__ import annotations

import difflib
import enum
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from atp_grpc.domain.clock import NANOS_PER_SECOND
from atp_grpc.domain.money import NANO_PER_USD

MAX_NAME_LENGTH = 128
MAX_USD_PER_MILLION_TOKENS = 1_000_000
MAX_FIGURE = 1_000_000_000
"""Most tokens, and most seconds, of anything the catalogue states; engines take no larger prior."""
_PRICE_DECIMALS = len(str(NANO_PER_USD)) - 1
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]*")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_YEAR = 2199
_LONGEST_QUOTE = 60
_NO_NAMES: frozenset[str] = frozenset()

_Value = TypeVar("_Value")
_Choice = TypeVar("_Choice", bound=enum.StrEnum)


class Table:
    """A table under a key path such as `model[2]`. Complaints go to a list shared by the whole file."""

    def __init__(self, entries: Mapping[str, Any], where: str, complaints: list[str], *, label: str = "") -> None:
        """`label` names the table for people, beside its path."""
        self.where = where
        self._entries = entries
        self._complaints = complaints
        self._label = f" ({label})" if label else ""
        self._taken: set[str] = set()

    def complain(self, key: str, sentence: str) -> None:
        """Notes what is wrong with a key; the empty key is the table itself."""
        path = f"{self.where}.{key}" if key else self.where
        self._complaints.append(f"{path}{self._label}: {sentence}")

    def has(self, key: str) -> bool:
        """Whether the key is written."""
        return key in self._entries

    def raw(self, key: str) -> Any:
        """The value as it stands in the file, or None."""
        self._taken.add(key)
        return self._entries.get(key)

    def finish(self) -> None:
        """Notes every key that nobody asked for."""
        for key in self._entries:
            if key not in self._taken:
                near = difflib.get_close_matches(key, self._taken, n=1)
                self.complain(key, f"unknown; did you mean {near[0]}?" if near else "unknown")

    def name(self, key: str, *, default: str | None = None) -> str:
        """A name: letters, digits and `._:/@+-`, beginning with a letter or digit. Empty after a complaint."""
        value = self._required(key, default)
        return "" if value is None else self._named(key, value)

    def _named(self, key: str, value: object) -> str:
        if not isinstance(value, str):
            return self._refuse(key, "must be a name", value, "")
        if len(value) > MAX_NAME_LENGTH:
            return self._refuse(key, f"must have at most {MAX_NAME_LENGTH} characters", value, "")
        if not _NAME.fullmatch(value):
            return self._refuse(key, "must be letters, digits and ._:/@+- after a letter or digit", value, "")
        return value

    def text(self, key: str) -> str:
        """Text for people on one line; empty when it is not written."""
        value = self.raw(key)
        if value is None:
            return ""
        if not isinstance(value, str) or not value.isprintable() or len(value) > MAX_NAME_LENGTH:
            return self._refuse(key, f"must be at most {MAX_NAME_LENGTH} printable characters", value, "")
        return value

    def names(self, key: str) -> frozenset[str]:
        """A list of distinct names; empty when it is not written."""
        value = self.raw(key)
        if value is None:
            return _NO_NAMES
        if not isinstance(value, list):
            return self._refuse(key, "must be a list of names", value, _NO_NAMES)
        names = [self._named(f"{key}[{at}]", entry) for at, entry in enumerate(value)]
        for at, name in enumerate(names):
            if name and name in names[:at]:
                self.complain(f"{key}[{at}]", f"{name!r} stands twice")
        return frozenset(names)

    def choice(self, key: str, default: _Choice) -> _Choice:
        """One of an enumeration's words."""
        value = self.raw(key)
        if value is None:
            return default
        words = [str(member) for member in type(default)]
        if value not in words:
            return self._refuse(key, f"must be one of {', '.join(words)}", value, default)
        return type(default)(value)

    def truth(self, key: str) -> bool | None:
        """True or false; None when it is not written."""
        value = self.raw(key)
        if value is None or isinstance(value, bool):
            return value
        return self._refuse(key, "must be true or false", value, None)

    def entries(self, key: str) -> list[object] | None:
        """A list of anything; None when it is not written."""
        value = self.raw(key)
        if value is None or isinstance(value, list):
            return value
        self.complain(key, "must be a list")
        return None

    def table(self, key: str) -> Table | None:
        """A table within this one; None when it is not written."""
        value = self.raw(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            self.complain(key, "must be a table")
            return None
        return Table(value, f"{self.where}.{key}", self._complaints)

    def items(self) -> Iterator[tuple[str, object]]:
        """Every key with its value, for a table whose keys are its writer's own."""
        for key in self._entries:
            yield key, self.raw(key)

    def span(self, key: str, *, maximum: float) -> float | None:
        """A number of seconds above 0; None when it is not written."""
        value = self.raw(key)
        if value is None:
            return None
        amount = _amount(value)
        if amount is None:
            return self._refuse(key, "must be a number of seconds", value, None)
        if not 0 < amount <= maximum:
            return self._refuse(key, f"must be above 0 and at most {maximum:,.15g} seconds", value, None)
        return float(amount)

    def whole(self, key: str) -> int:
        """A whole number from 1 to `MAX_FIGURE`. 1 after a complaint, also that it is missing."""
        value = self._required(key, None)
        if value is None:
            return 1
        if not isinstance(value, int) or isinstance(value, bool):
            return self._refuse(key, "must be a whole number", value, 1)
        if not 1 <= value <= MAX_FIGURE:
            return self._refuse(key, f"must be from 1 to {MAX_FIGURE:,}", value, 1)
        return value

    def number(self, key: str, *, default: float, maximum: float) -> float:
        """A number from 0 to a maximum."""
        value = self.raw(key)
        if value is None:
            return default
        amount = _amount(value)
        if amount is None:
            return self._refuse(key, "must be a number", value, default)
        if not 0 <= amount <= maximum:
            return self._refuse(key, f"must be from 0 to {maximum:,.15g}", value, default)
        return float(amount)

    def price(self, key: str, *, is_required: bool) -> int | None:
        """US dollars per million tokens as nano-US-dollars per million tokens, exactly. None when it is not written."""
        value = self._required(key, None) if is_required else self.raw(key)
        if value is None:
            return None
        amount = _amount(value)
        if amount is None:
            return self._refuse(key, "must be a number of US dollars", value, None)
        if not 0 <= amount <= MAX_USD_PER_MILLION_TOKENS:
            return self._refuse(key, f"must be from 0 to {MAX_USD_PER_MILLION_TOKENS:,} US dollars", value, None)
        nano = nano_of(amount)
        return (
            nano
            if nano is not None
            else self._refuse(key, f"must have at most {_PRICE_DECIMALS} decimals", value, None)
        )

    def moment(self, key: str) -> int | None:
        """A date-time with offset, or a date (00:00 UTC), as Unix nanoseconds; 0 when it is not written.

        None after a complaint.
        """
        value = self.raw(key)
        if value is None:
            return 0
        if not isinstance(value, date):
            return self._refuse(key, "must be a date-time with an offset, or a date", value, None)
        if not isinstance(value, datetime):
            value = datetime(value.year, value.month, value.day, tzinfo=UTC)
        if value.tzinfo is None:
            return self._refuse(key, "needs an offset, for example Z for UTC", value, None)
        if not _EPOCH.year < value.year <= _LAST_YEAR:
            return self._refuse(key, f"must be from 1971 to {_LAST_YEAR}", value, None)
        micros: int = (value - _EPOCH) // timedelta(microseconds=1)
        return micros * (NANOS_PER_SECOND // 1_000_000)

    def _required(self, key: str, default: str | None) -> Any:
        value = self.raw(key)
        if value is None and default is None:
            self.complain(key, "is missing")
        return default if value is None else value

    def _refuse(self, key: str, rule: str, value: object, instead: _Value) -> _Value:
        self.complain(key, f"{rule}, got {_quote(value)}")
        return instead


def _quote(value: object) -> str:
    """A value about as the file has it."""
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value) if isinstance(value, Decimal | date | time) else repr(value)
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}..."


def _amount(value: object) -> Decimal | None:
    """A finite number as the file has it, else None. `bool` is no number, although Python says so."""
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    return value if isinstance(value, Decimal) and value.is_finite() else None


def nano_of(usd: Decimal) -> int | None:
    """A finite, moderate amount times 1e9 if that is whole, else None. Digits are moved, never rounded."""
    sign, digits, exponent = usd.as_tuple()
    written = "".join(map(str, digits)).rstrip("0")
    if not written:
        return 0
    shift = int(exponent) + len(digits) - len(written) + _PRICE_DECIMALS
    if shift < 0:
        return None
    nano: int = int(written) * 10**shift
    return -nano if sign else nano
