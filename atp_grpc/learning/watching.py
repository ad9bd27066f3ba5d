"""Lets an arm's old evidence give way when its quality is found to have changed.

The learner enters here with every outcome that its engine has just learned, in their order, also when it replays them
after a restart: the same outcomes raise the same alarms. It never looks at a clock and never decides who serves.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from atp_grpc.engine.contract import ContextMode, Engine, Outcome
from atp_grpc.learning.change import WARM_UP, Alarm, ChangeDetector


class Watch:
    """The detector of one engine, and what an alarm does to it."""

    def __init__(self, engine: Engine, on_changed: Callable[[Alarm], None]) -> None:
        """`on_changed` hears of each alarm that was acted upon."""
        self._engine = engine
        self._on_changed = on_changed
        self._detector = ChangeDetector()
        self._judged_from: dict[str, int] = {}
        parameters = engine.parameters
        self._reads_context = parameters.learner.is_contextual and parameters.context is not ContextMode.OFF
        self.is_on = True
        """Whether alarms are acted upon; the detector watches all the same."""

    def expected(self, predicted_mean: float, predicted_linear: float) -> float:
        """The prediction that a decision relied on, of the two that travel with it."""
        return predicted_linear if self._reads_context else predicted_mean

    def learn(self, outcome: Outcome) -> None:
        """Watches an outcome that the engine has learned; only a grade with predictions says anything.

        Grades may come days late. What was predicted before the arm was known at all, or before its last alarm, is no
        longer what is believed of it, so a grade of a decision from then is no surprise.
        """
        mean, linear, quality = outcome.predicted_mean, outcome.predicted_linear, outcome.quality
        if quality is None or mean is None or linear is None:
            return
        if outcome.decided_nanos < self._judged_from.get(outcome.arm, 0):
            return
        alarm = self._detector.learn(outcome.arm, quality - self.expected(mean, linear))
        if alarm is not None or self._detector.outcomes(outcome.arm) == WARM_UP:
            self._judged_from[outcome.arm] = outcome.now_nanos
        if alarm is None or not self.is_on:
            return
        # As of the outcome's own moment, so that a replay keeps the same share.
        arms = self._engine.summary(outcome.now_nanos).arms
        evidence = next((arm.observations for arm in arms if arm.name == alarm.arm), 0.0)
        self._engine.discount(alarm.arm, alarm.keep(evidence))
        self._on_changed(alarm)

    def state(self, learned: int) -> str:
        """The detector, and how many outcomes the engine had learned."""
        return json.dumps({"learned": learned, "arms": self._detector.state(), "judged_from": self._judged_from})

    def restore(self, text: str, learned: int) -> None:
        """Goes on where `state` was taken, if the engine stands where it stood then; else the detector begins anew."""
        self._detector, self._judged_from = ChangeDetector(), {}
        try:
            state = json.loads(text)
            if state["learned"] == learned:
                judged_from = {arm: int(moment) for arm, moment in state["judged_from"].items()}
                self._detector.restore(state["arms"])
                self._judged_from = judged_from
        except (ValueError, KeyError, TypeError, AttributeError):
            self._detector = ChangeDetector()
