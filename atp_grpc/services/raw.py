"""The mark of a handler that reads its message itself.

The method table looks for it; such a handler is given the bytes that came, already checked for their size, and may
answer with bytes. It never reads anything.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

_Handler = TypeVar("_Handler", bound=Callable[..., Any])


def takes_bytes(handler: _Handler) -> _Handler:
    """Marks a handler: it gets `(payload, call)`, parses and validates, and returns bytes or a message."""
    handler.takes_bytes = True  # type: ignore[attr-defined]
    return handler
