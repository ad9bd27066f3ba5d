"""One account as one process counts it: the lease it may still grant from, and what may have been spent in all.

`Budgets` enters here for every decision and every bill. The one figure a limit depends on is `exposed`; what is held
of it is told to people and decides nothing. Nothing here waits, and nothing here knows a ledger.
"""

from __future__ import annotations

from atp_grpc.domain.budget import HOLD_SECONDS, MOST_EXPOSED_NANO_USD, Account, Share
from atp_grpc.domain.clock import NANOS_PER_SECOND

REST_NANOS = NANOS_PER_SECOND
"""How long a ledger that had nothing left is not asked again, unless something came back meanwhile."""
CALLS_PER_LEASE = 64
"""A lease is for this many calls of what is needed now..."""
LEASES_PER_LIMIT = 1_000
"""...or for this part of the limit, if that is more..."""
LEAST_LEASES_LEFT = 8
"""...but for no more than this part of what is left, so that replicas share the last of it."""
_HOLD_NANOS = HOLD_SECONDS * NANOS_PER_SECOND
_STEP_NANOS = 10 * NANOS_PER_SECOND
"""Holds are summed up by the moment of their decision to this step, so that none of them needs an entry of its own."""


class OpenAccount:
    """This replica's part of an account.

    exposed = leases taken + sum over settled decisions of (bill - hold), so whatever became of a decision is in it
    once: at what was set aside for it until its bill is known, at its bill from then on. Neither the order of bills nor
    the process that learns of one matters, which is why a replay after a crash ends in the same sum.
    """

    def __init__(self, key: Account, share: Share, *, opened_nanos: int, left: int) -> None:
        """`share` is what the ledger keeps; decisions made before `opened_nanos` were another process's."""
        self.key = key
        self.exposed = share.exposed_nano_usd
        self.lease = 0
        """What may be set aside without asking."""
        self.low_water = 1
        """Below this the lease is topped up."""
        self.left = left
        """What the ledger had left when it was last asked; at most the limit."""
        self.is_cut_off = False
        """Whether the ledger failed when it was last asked."""
        self.reported: tuple[int, int] | None = (share.exposed_nano_usd, share.held_nano_usd)
        """What the ledger is known to keep, exposed and held; None while a write is on its way, or was lost."""
        self.taken_through = share.sequence
        self._opened_nanos = opened_nanos
        # What the process before had leased and held: any of it may have been spent.
        self._orphaned = max(0, share.held_nano_usd)
        self._open: dict[int, int] = {}
        self._is_resting = False
        self._rested_nanos = 0

    def share(self, sequence: int) -> Share:
        """What the ledger is to keep, with every observation through `sequence` in it."""
        return Share(self.exposed, self.lease + sum(self._open.values()) + self._orphaned, sequence)

    def lease_for(self, needed: int, limit: int) -> int:
        """How much to ask the ledger for, when so much is needed now."""
        part = max(needed * CALLS_PER_LEASE, limit // LEASES_PER_LIMIT)
        return max(needed, min(part, self.left // LEAST_LEASES_LEFT))

    def grant(self, amount: int) -> None:
        """Adds to the lease what the ledger gave."""
        self.exposed += amount
        self.lease += amount

    def give_back(self) -> None:
        """Lets the lease go; the ledger hears of it with the next share."""
        self.exposed -= self.lease
        self.lease = 0
        self.wake()

    def hold(self, amount: int, now_nanos: int) -> None:
        """Sets money of the lease aside for a decision made now; the caller has seen that it is there."""
        self.lease -= amount
        step = now_nanos // _STEP_NANOS
        self._open[step] = self._open.get(step, 0) + amount

    def settle(self, hold: int, bill: int, decided_nanos: int) -> None:
        """Puts a decision's bill in place of what was set aside for it."""
        change = bill - hold
        self.exposed = max(-MOST_EXPOSED_NANO_USD, min(self.exposed + change, MOST_EXPOSED_NANO_USD))
        if decided_nanos < self._opened_nanos:
            self._orphaned = max(0, self._orphaned - hold)
        elif (step := decided_nanos // _STEP_NANOS) in self._open:
            self._open[step] = max(0, self._open[step] - hold)
        if change < 0:
            self.wake()

    def expire(self, now_nanos: int) -> None:
        """What was set aside long ago counts as spent; what was leased for a period that is over is let go."""
        for step in [step for step in self._open if (step + 1) * _STEP_NANOS + _HOLD_NANOS <= now_nanos]:
            del self._open[step]
        if now_nanos >= self._opened_nanos + _HOLD_NANOS:
            self._orphaned = 0
        if self.lease and now_nanos >= self.key.end_nanos:
            self.give_back()

    def rest(self, now_nanos: int) -> None:
        """Marks that asking the ledger is of no use for a while."""
        self._is_resting = True
        self._rested_nanos = now_nanos

    def rests(self, now_nanos: int) -> bool:
        """Whether asking the ledger is of no use now."""
        # Both ways: a clock that was set back must not keep the account resting.
        return self._is_resting and abs(now_nanos - self._rested_nanos) < REST_NANOS

    def wake(self) -> None:
        """Marks that something came back, so that asking may be of use."""
        self._is_resting = False
