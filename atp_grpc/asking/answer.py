"""A complete answer, as the story holds it until its bill is durable.

A run makes one when an attempt has come to its end, for itself, for a cascade that may hold it back, and for the cache.
It never judges whether an answer stands.
"""

from __future__ import annotations

from atp_grpc.asking.attempt import AttemptUnderWay
from atp_grpc.asking.cache import Kept
from atp_grpc.domain.ask import Billed, Delta, FinishReason
from atp_grpc.domain.decision import Target
from atp_grpc.domain.outcome import Usage


class Answer:
    """A complete answer: what it says, and the call that gave it."""

    __slots__ = ("confidence", "deltas", "finish_reason", "revision", "target", "usage")

    def __init__(
        self, under_way: AttemptUnderWay, billed: Billed, finish_reason: FinishReason, deltas: list[Delta]
    ) -> None:
        """`deltas` are empty when the answer was not kept."""
        self.deltas = deltas
        self.target: Target = billed.target
        self.usage: Usage = billed.attempt.usage
        self.finish_reason = finish_reason
        self.revision = under_way.finished.revision if under_way.finished is not None else ""
        self.confidence = under_way.confidence

    def kept(self) -> Kept:
        """The same for the cache."""
        return Kept(tuple(self.deltas), self.target, self.finish_reason, self.revision, self.confidence)
