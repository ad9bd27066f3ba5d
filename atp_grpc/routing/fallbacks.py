"""What to try next when the chosen target fails.

Candidates only, so every fallback passed the filters that the choice passed; best expected utility first.
"""

from __future__ import annotations

from collections.abc import Sequence

from atp_grpc.domain.decision import Candidate

MAX_FALLBACKS = 3


def fallbacks(candidates: Sequence[Candidate], chosen: int) -> tuple[Candidate, ...]:
    """The best other candidates, at most three; ties go to the cheaper, then to the name.

    A candidate that the engine set aside (propensity 0) is none.
    """
    others = [c for position, c in enumerate(candidates) if position != chosen and c.propensity > 0]
    others.sort(key=lambda c: (-c.utility, c.expected.cost_nano_usd, c.target.model))
    return tuple(others[:MAX_FALLBACKS])
