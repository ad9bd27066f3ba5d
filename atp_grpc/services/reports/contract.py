"""The promise of reading reports and writing acknowledgements as bytes, without a message object in between.

ObserveService enters here; `reference` and `native` keep the promise, and one suite holds both to it. Whatever a reader
takes is valid by the rules of the contract; what it refuses, it refuses in the reference's words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from atp_grpc.domain.errors import AtpError
from atp_grpc.domain.outcome import Report


class Reading(NamedTuple):
    """A report as it was read. It names its decision by token or by id, exactly one of them."""

    token: bytes | None
    decision_id: str | None
    report: Report


class Acknowledgement(NamedTuple):
    """What a recorded report is answered with. A replica without a name, and sequence 0, say that nothing was new."""

    decision_id: str
    recorded_fields: tuple[str, ...]
    unchanged_fields: tuple[str, ...]
    replica: str
    sequence: int


class Reader(Protocol):
    """Reads reports."""

    def read(self, payload: bytes) -> Reading:
        """The report in the bytes of an `ObserveRequest`.

        Raises:
            MalformedMessageError: no message of that type.
            InvalidFieldError: it breaks a rule.
        """
        ...

    def read_batch(self, payload: bytes) -> list[Reading | AtpError]:
        """The reports in the bytes of an `ObserveBatchRequest`; one that breaks a rule is an error in its own place.

        Raises:
            MalformedMessageError: no message of that type.
            InvalidFieldError: too few reports, or too many.
        """
        ...


class Writer(Protocol):
    """Writes acknowledgements."""

    def response(self, acknowledgement: Acknowledgement) -> bytes:
        """The bytes of an `ObserveResponse`."""
        ...

    def batch(self, results: Sequence[Acknowledgement | AtpError], *, trace_id: str) -> bytes:
        """The bytes of an `ObserveBatchResponse`.

        `trace_id` is the call's; it goes along with every error.
        """
        ...
