"""What a trial is asked to show, and how it may end.

Whoever starts a trial writes these values; the rest of the room reads them. Nothing here judges.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Side(enum.IntEnum):
    """Which policy decided."""

    CHAMPION = 0
    CHALLENGER = 1


class Verdict(enum.StrEnum):
    """What a trial says. One to one with `atp.admin.v1.TrialVerdict`, by test."""

    GO_ON = "go_on"
    PROMOTE = "promote"
    """Every gate is passed, and stayed so."""
    ROLL_BACK = "roll_back"
    """The challenger is shown to be worse than the margins allow."""
    FUTILE = "futile"
    """The budget of requests is used up, and nothing is shown."""


@dataclass(frozen=True, slots=True)
class Gates:
    """What has to be shown, all of it together; quality first.

    Quality may be lower by `quality_margin` at most (0..1, absolute); beside that, quality must be higher, or cost
    lower by `cost_saving` (a share of the champion's, 0..1). Requests that nobody answered may be more by
    `failure_margin` at most (0..1, absolute), and latency longer by `latency_margin` at most (a share of the
    champion's); None does not ask.
    """

    quality_margin: float = 0.02
    cost_saving: float = 0.1
    failure_margin: float | None = 0.02
    latency_margin: float | None = None


@dataclass(frozen=True, slots=True)
class TrialTerms:
    """A trial as it is asked for.

    `share` of the requests that name no policy go to `challenger`. It is given up after `max_requests` requests that
    something was reported of. A promotion needs its gates to hold for `hold` further graded requests in a row.
    """

    challenger: str
    share: float
    gates: Gates = Gates()
    max_requests: int = 20_000
    hold: int = 100
