"""Drives an engine and writes down every step with what came of it.

Entered by the vector writer, which tells the story of a scenario through this object. It never judges an answer: what
the engine says becomes the expectation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atp_grpc.engine.contract import EngineError
from atp_grpc.engine.self_test import spell_choice, spell_summary, unpack
from tests.conformance.engine.vector_format import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from atp_grpc.engine.contract import Arm, Choice, Engine, Offer, Outcome, Query


class Recorder:
    """An engine whose conversation is kept as vector steps."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.steps: list[dict[str, Any]] = []

    def load(self, arms: Sequence[Arm], offers: Sequence[Offer], generation: int) -> None:
        step = {"arms": [plain(arm) for arm in arms], "offers": [plain(offer) for offer in offers]}
        self._record("load", {**step, "generation": generation}, lambda: self._engine.load(arms, offers, generation))

    def features(self, text: str) -> None:
        self._record("features", {"text": text}, lambda: {"features": unpack(self._engine.features(text))})

    def choose(self, query: Query) -> Choice | None:
        choices: list[Choice] = []

        def act() -> dict[str, Any]:
            choices.append(self._engine.choose(query))
            return {"choice": spell_choice(choices[0])}

        self._record("choose", {"query": plain(query)}, act)
        return choices[0] if choices else None

    def learn(self, outcome: Outcome) -> None:
        self._record("learn", {"outcome": plain(outcome)}, lambda: {"learned": self._engine.learn(outcome)})

    def discount(self, arm: str, keep: float) -> None:
        self._record("discount", {"arm": arm, "keep": keep}, lambda: {"discounted": self._engine.discount(arm, keep)})

    def summary(self, now_nanos: int) -> None:
        self._record(
            "summary", {"now_nanos": now_nanos}, lambda: {"summary": spell_summary(self._engine.summary(now_nanos))}
        )

    def checkpoint(self) -> bytes:
        data = self._engine.checkpoint()
        self._record("checkpoint", {}, lambda: {"checkpoint": data.hex()})
        return data

    def restore(self, data: bytes) -> None:
        self._record("restore", {"checkpoint": data.hex()}, lambda: self._engine.restore(data))

    def _record(self, verb: str, step: dict[str, Any], act: Callable[[], dict[str, Any] | None]) -> None:
        try:
            expect = act() or {}
        except EngineError as error:
            expect = {"error": type(error).__name__}
        self.steps.append({"do": verb, **step, "expect": expect})
