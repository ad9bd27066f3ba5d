"""The name of a decision: what it is made of, and the one thing that can be read from it.

Names are made for each decision and travel wherever a decision does, sealed in its token too, so the bit that says how
the policy was found is known wherever an outcome arrives, days later and after a restart.
"""

from __future__ import annotations

_NANOS_PER_MILLISECOND = 1_000_000
CHANCE_BITS = 80
_ODD_DIGITS = frozenset("13579bdf")


def decision_id(now_nanos: int, chance: int, *, is_dealt: bool) -> str:
    """32 hex digits: 48 bits of milliseconds, 79 of chance (the layout of a UUID of version 7, RFC 9562), and a mark.

    Args:
        now_nanos: the moment of the decision.
        chance: 80 bits of it.
        is_dealt: whether a policy was dealt to the request: it named none, and no conversation that it goes on with
            had one already.
    """
    number = (now_nanos // _NANOS_PER_MILLISECOND) << CHANCE_BITS | chance
    return f"{number | 1 if is_dealt else number & -2:032x}"


def was_dealt(name: str) -> bool:
    """Whether the policy that made a decision was dealt to it, and neither named nor given by a conversation."""
    return name[-1:] in _ODD_DIGITS
