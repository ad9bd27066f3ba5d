"""Money, spans, shares and labels as people type them, and as people read them.

The `read_*` functions are types for argparse: a bad value is refused with a sentence before anything is sent. Amounts
go through decimal text, so no nano-dollar is lost. Nothing here knows of messages.
"""

from __future__ import annotations

import math
from argparse import ArgumentTypeError
from decimal import Decimal, InvalidOperation

NANO_PER_USD = 1_000_000_000
MOST_USD = 1_000_000
MOST_SECONDS = 86_400
GREATEST_COUNT = 2**63 - 1
_UNIT_NANOS = {"us": 1_000, "ms": 1_000_000, "s": 1_000_000_000, "m": 60_000_000_000, "h": 3_600_000_000_000}


def read_usd(text: str) -> int:
    """US dollars such as `0.0004` as nano-US-dollars.

    Raises:
        ArgumentTypeError: Not an amount from 0 to 1,000,000, or finer than a nano-dollar.
    """
    amount = _decimal(text.removeprefix("$"))
    if amount is None or not 0 <= amount <= MOST_USD:
        raise ArgumentTypeError(f"{text!r} is not an amount in US dollars from 0 to {MOST_USD:,}, for example 0.0004")
    nano = amount * NANO_PER_USD
    if nano != nano.to_integral_value():
        raise ArgumentTypeError(f"{text!r} is finer than a billionth of a dollar")
    return int(nano)


def read_span(text: str) -> int:
    """A span such as `800ms`, `1.5s`, `2m` or `3` (seconds) as nanoseconds.

    Raises:
        ArgumentTypeError: Not a span from 0 to a day.
    """
    figure = text.rstrip("abcdefghijklmnopqrstuvwxyz")
    unit = text[len(figure) :] or "s"
    amount = _decimal(figure)
    if amount is None or unit not in _UNIT_NANOS or not 0 <= amount * _UNIT_NANOS[unit] <= MOST_SECONDS * NANO_PER_USD:
        raise ArgumentTypeError(f"{text!r} is not a span of at most a day, for example 800ms, 1.5s or 2m")
    return int(amount * _UNIT_NANOS[unit])


def read_share(text: str) -> float:
    """A number from 0 to 1.

    Raises:
        ArgumentTypeError: Anything else.
    """
    share = _number(text)
    if share is None or not 0 <= share <= 1:
        raise ArgumentTypeError(f"{text!r} is not a number from 0 to 1")
    return share


def read_weight(text: str) -> float:
    """A number from 0 to 1,000,000.

    Raises:
        ArgumentTypeError: Anything else.
    """
    weight = _number(text)
    if weight is None or not 0 <= weight <= MOST_USD:
        raise ArgumentTypeError(f"{text!r} is not a weight from 0 to 1,000,000")
    return weight


def read_count(text: str) -> int:
    """A whole number from 0 to the greatest that a message can hold.

    Raises:
        ArgumentTypeError: Anything else.
    """
    # The length is looked at first: int() takes quadratic time.
    if not (
        text.isascii() and text.isdigit() and len(text) <= len(str(GREATEST_COUNT)) and int(text) <= GREATEST_COUNT
    ):
        raise ArgumentTypeError(f"{text!r} is not a whole number from 0 up")
    return int(text)


def read_pair(text: str) -> tuple[str, str]:
    """`KEY=VALUE` as a pair; the value may hold further equals signs.

    Raises:
        ArgumentTypeError: There is no key or no equals sign.
    """
    key, separator, value = text.partition("=")
    if not key or not separator:
        raise ArgumentTypeError(f"{text!r} is not of the form KEY=VALUE")
    return key, value


def usd(nano: int) -> str:
    """Nano-US-dollars as dollars, exactly: `$0.000412`, `$2.50`, `$3.00`."""
    whole, _, fraction = f"{Decimal(nano) / NANO_PER_USD:.9f}".partition(".")
    return f"${whole}.{fraction.rstrip('0').ljust(2, '0')}"


def span(nanos: int) -> str:
    """Nanoseconds as `850 ms` below a second and `1.25 s` above."""
    if nanos < NANO_PER_USD:
        return f"{nanos / 1e6:.4g} ms"
    return f"{nanos / 1e9:.2f} s"


def _decimal(text: str) -> Decimal | None:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
