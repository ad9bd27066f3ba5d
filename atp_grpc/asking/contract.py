"""What the story of Ask is told from outside: its terms, and who hears of what happened.

`app` makes both from the settings and the instruments. Nothing here does anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from atp_grpc.domain.ask import Final as Answered
from atp_grpc.domain.ask import Switch
from atp_grpc.domain.decision import Target
from atp_grpc.domain.outcome import AttemptError
from atp_grpc.providers.retrying import DEFAULT_RETRY_RULES, RetryRules


class AskTerms(NamedTuple):
    """How far an Ask goes. Spans are seconds."""

    retry: RetryRules = DEFAULT_RETRY_RULES
    """How many attempts, and how slowly."""
    margin_seconds: float = 0.05
    """How long before a call's deadline its attempts end, so that it is still told what came of them."""
    most_held_bytes: int = 1 << 20
    """Of an answer that is held back until it is known to be good; what is longer is shown."""


DEFAULT_ASK_TERMS: Final = AskTerms()


def _nothing(*_: object) -> None:
    """Nobody listens."""


@dataclass(frozen=True, slots=True)
class Listeners:
    """Who hears of what. They are called in the middle of the story, so they must not wait and must not raise.

    Attributes:
        attempt_ended: target, error or None, seconds, nano-US-dollars.
        answered: the last event of a good call.
        switched: another attempt has begun.
        faulted: a provider raised what its contract does not know; it counts as a malformed answer.
        unsettled: tenant and nano-US-dollars of a bill that could not be written down before the end of the process;
            what was set aside for it stays counted as spent.
    """

    attempt_ended: Callable[[Target, AttemptError | None, float, int], None] = _nothing
    answered: Callable[[Answered], None] = _nothing
    switched: Callable[[Switch], None] = _nothing
    faulted: Callable[[Exception], None] = _nothing
    unsettled: Callable[[str, int], None] = _nothing


NOBODY: Final = Listeners()
