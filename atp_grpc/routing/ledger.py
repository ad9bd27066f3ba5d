"""Decisions this process made lately, so that a report by decision id needs no store.

Bounded: the oldest decision leaves when a new one comes. What is kept is the record; few are ever looked up, and only
those are decoded. The store and the sealed token outlive it; it never saves anything.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from atp_grpc.domain.decision import Decision


class Ledger:
    """The latest `size` decisions by tenant and id."""

    def __init__(self, size: int, decode: Callable[[bytes], Decision]) -> None:
        """`decode` makes a decision of its record."""
        self._size = size
        self._decode = decode
        self._records: OrderedDict[tuple[str, str], bytes] = OrderedDict()

    def open(self, tenant: str, decision_id: str, record: bytes) -> None:
        """Enters a decision."""
        self._records[tenant, decision_id] = record
        if len(self._records) > self._size:
            self._records.popitem(last=False)

    def find(self, tenant: str, decision_id: str) -> Decision | None:
        """A tenant's decision, or None: also when it is another tenant's."""
        record = self._records.get((tenant, decision_id))
        return None if record is None else self._decode(record)

    def __len__(self) -> int:
        return len(self._records)
