"""An engine that panics on demand, and a quarantine around it beside a twin that never panics.

Entered by the tests of the quarantine. The failing engine is the real reference with a switch that makes it panic,
before or halfway through a call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from atp_grpc.engine.quarantine import QuarantinedEngine
from atp_grpc.engine.reference import ReferenceEngine
from atp_grpc.engine.self_test import pack, spell_choice
from tests.conformance.engine.world import ARMS, NOW, OFFERS, OWN, outcome, query

if TYPE_CHECKING:
    from collections.abc import Sequence

    from atp_grpc.engine.contract import Arm, Choice, EngineError, EngineSummary, Offer, Outcome, Query

FEATURES = pack([0.5, -0.25, 1.0])


class PanicException(BaseException):
    """A Rust panic as Python meets it: under this name, and no Exception."""


class PanickingEngine(ReferenceEngine):
    """The reference under another name, with calls that panic once they are named in `broken`."""

    def __init__(self, error: type[BaseException] = PanicException) -> None:
        super().__init__(OWN)
        self.error = error
        self.broken: set[str] = set()
        self.calls = 0

    @property
    def name(self) -> str:
        return "native"

    def _meet(self, call: str) -> None:
        self.calls += 1
        if call in self.broken:
            raise self.error("index out of bounds: secret prompt text")

    def load(self, arms: Sequence[Arm], offers: Sequence[Offer], generation: int) -> None:
        super().load(arms, offers, generation)
        self._meet("load")

    def features(self, text: str) -> bytes:
        self._meet("features")
        return super().features(text)

    def choose(self, query: Query) -> Choice:
        self._meet("choose")
        return super().choose(query)

    def choose_batch(self, queries: Sequence[Query]) -> list[Choice | EngineError]:
        self._meet("choose_batch")
        return super().choose_batch(queries)

    def learn(self, outcome: Outcome) -> bool:
        if "learn" in self.broken:
            # Half learned: the tokens are in, the rest is not, and nothing has been counted yet.
            self._statistics.arm(outcome.arm).lengths.learn(1.0, np.ones(4), 9999.0)
        self._meet("learn")
        return super().learn(outcome)

    def discount(self, arm: str, keep: float) -> bool:
        if "discount" in self.broken:
            # Half discounted: everybody's sums are, those of the tenants are not.
            self._statistics.arms[arm].rescale_quality(keep)
        self._meet("discount")
        return super().discount(arm, keep)

    def checkpoint(self) -> bytes:
        self._meet("checkpoint")
        return super().checkpoint()

    def restore(self, data: bytes) -> None:
        super().restore(data)
        self._meet("restore")

    def summary(self, now_nanos: int) -> EngineSummary:
        self._meet("summary")
        return super().summary(now_nanos)


class Case:
    """A quarantined pair, the twin that never panics, and what was reported."""

    def __init__(self, error: type[BaseException] = PanicException) -> None:
        self.reasons: list[str] = []
        self.standbys: list[ReferenceEngine] = []
        self.primary = PanickingEngine(error)
        self.engine = QuarantinedEngine(self.primary, self._make_standby, self.reasons.append)
        self.twin = ReferenceEngine(OWN)
        for each in (self.engine, self.twin):
            each.load(ARMS, OFFERS, 3)
        self.teach(range(6))

    def _make_standby(self) -> ReferenceEngine:
        self.standbys.append(ReferenceEngine(OWN))
        return self.standbys[-1]

    def teach(self, sequences: range) -> None:
        for sequence in sequences:
            assert self.engine.learn(lesson(sequence))
            assert self.twin.learn(lesson(sequence))

    def assert_equal(self) -> None:
        assert self.engine.checkpoint() == self.twin.checkpoint()
        ask = query(generation=3, features=FEATURES)
        assert spell_choice(self.engine.choose(ask)) == spell_choice(self.twin.choose(ask))
        assert self.engine.summary(NOW) == self.twin.summary(NOW)
        assert self.engine.generation == self.twin.generation

    def assert_quarantined(self, call: str) -> None:
        assert self.engine.quarantined
        assert self.engine.name == "reference"
        assert self.reasons == [f"{call}: {self.primary.error.__name__}"]
        assert len(self.standbys) == 1
        seen = self.primary.calls
        self.assert_equal()
        assert self.primary.calls == seen


def lesson(sequence: int) -> Outcome:
    return outcome(
        sequence,
        arm=ARMS[sequence % 5].name,
        features=pack([0.1 * (sequence % 7), 0.5, -1.0]),
        quality=(sequence % 11) / 10,
        output_tokens=100.0,
        latency_seconds=0.5,
        failed=sequence % 4 == 0,
        predicted_mean=0.5,
        predicted_linear=0.6,
    )
