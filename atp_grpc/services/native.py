"""What all readers in Rust have in common: what is plainly valid is read there, everything else by the reference.

The readers of requests and of reports enter here and build what reads. Nothing here knows a message or decides what is
valid.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

try:
    import atp_native
except ImportError:
    atp_native = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from atp_grpc.domain.errors import AtpError

Read = TypeVar("Read")
Read_co = TypeVar("Read_co", covariant=True)


class Plain(Protocol[Read_co]):
    """Reads in Rust; None is what is not plain."""

    def read(self, payload: bytes, /) -> Read_co | None:
        """One message."""
        ...

    def read_batch(self, payload: bytes, /) -> Sequence[Read_co | None] | None:
        """The items of a batch."""
        ...


class Full(Protocol[Read]):
    """Reads everything; the `Reader` of a contract."""

    def read(self, payload: bytes) -> Read:
        """One message; see `Reader.read`."""
        ...

    def read_batch(self, payload: bytes) -> list[Read | AtpError]:
        """The items of a batch; see `Reader.read_batch`."""
        ...


class PlainReader(Generic[Read]):
    """A `Reader` that asks Rust first."""

    def __init__(
        self, native: Plain[Read], reference: Full[Read], *, on_fault: Callable[[BaseException], None]
    ) -> None:
        """`reference` reads what is not plain to `native`; `on_fault` hears of what failed."""
        self._native = native
        self._reference = reference
        self._on_fault = on_fault

    def read(self, payload: bytes) -> Read:
        """One message; see `Reader.read`."""
        try:
            found = self._native.read(payload)
        except atp_native.NativeError as fault:
            self._on_fault(fault)
            found = None
        return self._reference.read(payload) if found is None else found

    def read_batch(self, payload: bytes) -> list[Read | AtpError]:
        """The items of a batch; see `Reader.read_batch`."""
        try:
            found = self._native.read_batch(payload)
        except atp_native.NativeError as fault:
            self._on_fault(fault)
            found = None
        if found is None:
            return self._reference.read_batch(payload)
        if None not in found:
            return found  # type: ignore[return-value]
        # Read whole once more: an item that is broken makes the batch malformed, one that breaks a rule does not.
        known = self._reference.read_batch(payload)
        return [other if one is None else one for one, other in zip(found, known, strict=True)]
