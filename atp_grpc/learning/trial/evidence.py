"""Everything that a trial has evidence of: for each measure the batches, for each question the wealth of its bet.

`Trial` enters here with one outcome after the other, and asks what is shown. Every question is one-sided and is put so
that what is asked for is a mean above zero; a trial that promotes needs all of its gates, so each may be judged at the
full level (Berger, 1982), and where one of two things suffices, half of the wealth is bet on each. It never decides.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from atp_grpc.learning.trial.batches import Batch, Batches, batch_length
from atp_grpc.learning.trial.terms import Gates, Side
from atp_grpc.learning.trial.wealth import SHOWN, Wealth, log_of_either


class Measure(enum.StrEnum):
    """What is compared of two sides."""

    QUALITY = "quality"
    COST = "cost"
    FAILURE = "failure"
    LATENCY = "latency"


class Question(enum.StrEnum):
    """What may be shown. One to one with `atp.admin.v1.TrialQuestion`, by test."""

    QUALITY_NOT_WORSE = "quality_not_worse"
    QUALITY_BETTER = "quality_better"
    QUALITY_WORSE = "quality_worse"
    COST_LOWER = "cost_lower"
    FAILURE_NOT_WORSE = "failure_not_worse"
    FAILURE_WORSE = "failure_worse"
    LATENCY_NOT_WORSE = "latency_not_worse"


class Heard(NamedTuple):
    """What one report says of one request; None where it says nothing.

    `quality` is 0..1, `cost_nano_usd` what all attempts cost, `latency_seconds` how long they took until an answer,
    `has_failed` whether nobody answered. `is_first` marks the first report on its request.
    """

    side: Side
    quality: float | None = None
    cost_nano_usd: float | None = None
    has_failed: bool | None = None
    latency_seconds: float | None = None
    is_first: bool = True


class Standing(NamedTuple):
    """How both sides did on one measure, in all outcomes: how many there were, and their plain mean (0 for none)."""

    outcomes: tuple[int, int]
    means: tuple[float, float]


_BOUNDED = frozenset({Measure.QUALITY, Measure.FAILURE})


class Evidence:
    """What was heard, as evidence. The same reports in the same order give the same evidence, to the last bit."""

    def __init__(self, gates: Gates, share: float, state: Mapping[str, Any] | None = None) -> None:
        """`share` is the challenger's of what both sides get; `state` what to go on from."""
        kept = state or {}
        length = batch_length(share)
        self._gates = gates
        self._gains = _gains(gates)
        self._batches = {
            measure: Batches(length, is_bounded=measure in _BOUNDED, state=kept.get("batches", {}).get(measure))
            for measure in Measure
        }
        self._sums = {measure: list(kept.get("sums", {}).get(measure, (0, 0, 0.0, 0.0))) for measure in Measure}
        self._wealth = {question: Wealth(kept.get("wealth", {}).get(question)) for question in self._gains}

    @property
    def state(self) -> dict[str, Any]:
        """All there is to know, in plain values."""
        return {
            "batches": {measure.value: batches.state for measure, batches in self._batches.items()},
            "sums": {measure.value: list(sums) for measure, sums in self._sums.items()},
            "wealth": {question.value: wealth.state for question, wealth in self._wealth.items()},
        }

    @property
    def logs(self) -> dict[Question, float]:
        """The natural logarithm of the wealth of every question that is asked; at `SHOWN` and above it is shown."""
        return {question: wealth.log for question, wealth in self._wealth.items()}

    def standing(self, measure: Measure) -> Standing:
        """How both sides did on a measure."""
        champions, challengers, of_champion, of_challenger = self._sums[measure]
        return Standing(
            (champions, challengers),
            (of_champion / champions if champions else 0.0, of_challenger / challengers if challengers else 0.0),
        )

    def learn(self, heard: Heard) -> bool:
        """Takes a report in. Says whether any evidence has changed."""
        side, has_changed = heard.side, False
        for measure, value in (
            (Measure.QUALITY, heard.quality),
            (Measure.COST, heard.cost_nano_usd),
            (Measure.FAILURE, heard.has_failed),
            (Measure.LATENCY, heard.latency_seconds),
        ):
            if value is None:
                continue
            sums = self._sums[measure]
            sums[side] += 1
            sums[2 + side] += value
            batch = self._batches[measure].add(side, float(value))
            if batch is not None:
                self._bet(measure, batch)
                has_changed = True
        return has_changed

    @property
    def passes(self) -> bool:
        """Whether every gate of a promotion is shown to be passed."""
        wealth = self._wealth
        needed = [question for question in _NEEDED if question in wealth]
        return all(wealth[question].log >= SHOWN for question in needed) and (
            log_of_either(wealth[Question.QUALITY_BETTER], wealth[Question.COST_LOWER]) >= SHOWN
        )

    @property
    def is_harmful(self) -> bool:
        """Whether the challenger is shown to be worse than a margin allows."""
        worse = self._wealth[Question.QUALITY_WORSE]
        fails = self._wealth.get(Question.FAILURE_WORSE)
        return (worse.log if fails is None else log_of_either(worse, fails)) >= SHOWN

    def _bet(self, measure: Measure, batch: Batch) -> None:
        for question, (concerned, gain) in self._gains.items():
            if concerned is measure:
                self._wealth[question].bet(gain(batch), batch.weight)


_NEEDED = (Question.QUALITY_NOT_WORSE, Question.FAILURE_NOT_WORSE, Question.LATENCY_NOT_WORSE)


def _gains(gates: Gates) -> dict[Question, tuple[Measure, Callable[[Batch], float]]]:
    """For each question that is asked what it is about, and a gain of -1 or more that is above zero if it is so."""
    worse, fails, slower, saving = gates.quality_margin, gates.failure_margin, gates.latency_margin, gates.cost_saving
    gains: dict[Question, tuple[Measure, Callable[[Batch], float]]] = {
        Question.QUALITY_NOT_WORSE: (Measure.QUALITY, lambda b: b.challenger - b.champion + worse),
        Question.QUALITY_BETTER: (Measure.QUALITY, lambda b: b.challenger - b.champion),
        Question.QUALITY_WORSE: (Measure.QUALITY, lambda b: (b.champion - b.challenger - worse) / (1.0 + worse)),
        Question.COST_LOWER: (Measure.COST, lambda b: (1.0 - saving) * b.champion - b.challenger),
    }
    if fails is not None:
        gains[Question.FAILURE_NOT_WORSE] = (Measure.FAILURE, lambda b: b.champion + fails - b.challenger)
        gains[Question.FAILURE_WORSE] = (
            Measure.FAILURE,
            lambda b: (b.challenger - b.champion - fails) / (1.0 + fails),
        )
    if slower is not None:
        gains[Question.LATENCY_NOT_WORSE] = (
            Measure.LATENCY,
            lambda b: (1.0 + slower) * b.champion - b.challenger,
        )
    return gains
