"""Decisions this process made lately, so that a report by decision id needs no store.

Bounded: the oldest decision leaves when a new one comes. The store and the sealed token outlive it; it never saves
anything.
"""

from __future__ import annotations

from collections import OrderedDict

from atp_grpc.domain.decision import Decision


class Ledger:
    """The latest `size` decisions by tenant and id."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._decisions: OrderedDict[tuple[str, str], Decision] = OrderedDict()

    def open(self, decision: Decision) -> None:
        """Enters a decision."""
        self._decisions[decision.tenant, decision.decision_id] = decision
        if len(self._decisions) > self._size:
            self._decisions.popitem(last=False)

    def find(self, tenant: str, decision_id: str) -> Decision | None:
        """A tenant's decision, or None: also when it is another tenant's."""
        return self._decisions.get((tenant, decision_id))

    def __len__(self) -> int:
        return len(self._decisions)
