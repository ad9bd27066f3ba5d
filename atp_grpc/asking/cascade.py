"""Cheap models first: in which order a cascade asks, and whether an answer stands.

The story enters here under policies that have a cascade. After *FrugalGPT* (Chen, Zaharia and Zou, 2023), with the
model's own confidence for a judge. It calls nobody and holds nothing back itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from atp_grpc.domain.ask import FinishReason
from atp_grpc.domain.decision import Candidate
from atp_grpc.domain.policy import Cascade

GOOD_ENDS: Final = frozenset({FinishReason.STOP, FinishReason.TOOL_CALLS})
"""An answer that ended so says all that its model had to say."""


def cheaper_first(candidates: Sequence[Candidate], chosen: int, most: int) -> list[Candidate]:
    """Up to `most` candidates that are expected to cost less than the chosen one, cheapest first.

    A candidate that the engine set aside (propensity 0) is none.
    """
    drawn = candidates[chosen].expected.cost_nano_usd
    cheaper = [one for one in candidates if one.propensity > 0 and one.expected.cost_nano_usd < drawn]
    cheaper.sort(key=lambda one: (one.expected.cost_nano_usd, one.target.model))
    return cheaper[:most]


def stands(cascade: Cascade, reason: FinishReason, confidence: float | None) -> bool:
    """Whether an answer is good enough to be shown; one whose confidence nobody knows is."""
    return reason in GOOD_ENDS and (confidence is None or confidence >= cascade.min_confidence)
