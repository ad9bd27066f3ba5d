"""The law of the simulated world: what a model makes of a prompt of a family and a level. `docs/data.md` states it.

`simulate` enters here once per prompt and model. The figures below were set by hand so that no model is best at
everything; they describe no real model, and nothing was fitted to recorded outcomes.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from atp_grpc.domain.money import TokenPrices
from atp_grpc.replay.outcomes import ModelOutcome
from atp_grpc.replay.world.chance import Chance

LEVELS: Final = (1, 2, 3, 4, 5)
MIDDLE_LEVEL: Final = 3
HIDDEN_SPREAD: Final = 0.7
"""Spread of the part of the difficulty that no text shows, the same for every model."""
GRADE_SPREAD: Final = 0.5
LENGTH_SPREAD: Final = 0.35
LATENCY_SPREAD: Final = 0.2
LENGTH_PER_LEVEL: Final = 0.22


class Family(enum.StrEnum):
    """A kind of task."""

    ARITHMETIC = "arithmetic"
    CODING = "coding"
    REPAIR = "repair"
    SUMMARY = "summary"
    TRANSLATION = "translation"
    EXTRACTION = "extraction"
    REASONING = "reasoning"
    CREATIVE = "creative"


GRADED: Final = frozenset({Family.SUMMARY, Family.TRANSLATION, Family.CREATIVE})
"""Families whose answers are better or worse; the others' are right or wrong."""

USUAL_LENGTH: Final[Mapping[Family, float]] = MappingProxyType(
    {
        Family.ARITHMETIC: 140.0,
        Family.CODING: 420.0,
        Family.REPAIR: 300.0,
        Family.SUMMARY: 110.0,
        Family.TRANSLATION: 90.0,
        Family.EXTRACTION: 80.0,
        Family.REASONING: 260.0,
        Family.CREATIVE: 380.0,
    }
)
"""Median output tokens of a plain model at the middle level."""


@dataclass(frozen=True, slots=True)
class Nature:
    """What a simulated model is like.

    `skill` is in logits at the middle level, `frailty` the logits lost per level above it, `verbosity` the factor on
    the usual length, `first_seconds` and `tokens_per_second` make the latency, and `failure` is a share of calls.
    """

    skill: Mapping[Family, float]
    frailty: float
    verbosity: float
    first_seconds: float
    tokens_per_second: float
    failure: float


def _skill(*logits: float) -> Mapping[Family, float]:
    return MappingProxyType(dict(zip(Family, logits, strict=True)))


NATURES: Final[Mapping[str, Nature]] = MappingProxyType(
    {
        #                             arithm code repair summ transl extract reason creat
        "ember-nano": Nature(_skill(-0.2, -1.2, -1.6, 2.0, 1.0, 2.6, -1.4, 0.4), 0.70, 0.9, 0.15, 220.0, 0.004),
        "ember-mini": Nature(_skill(1.0, 0.2, -0.4, 2.4, 2.4, 3.0, -0.6, 1.4), 0.55, 1.0, 0.25, 160.0, 0.004),
        "cobalt-base": Nature(_skill(2.0, 0.8, 0.2, 2.5, 2.7, 3.0, 0.0, 2.4), 0.45, 1.0, 0.40, 110.0, 0.006),
        "cobalt-pro": Nature(_skill(2.4, 3.4, 3.0, 2.2, 2.2, 3.0, 0.8, 1.4), 0.40, 1.1, 0.50, 90.0, 0.006),
        "onyx-large": Nature(_skill(1.8, 1.6, 1.2, 2.7, 3.0, 3.1, 1.8, 3.0), 0.35, 1.2, 0.80, 60.0, 0.008),
        "onyx-reason": Nature(_skill(4.0, 3.4, 3.2, 2.4, 2.5, 3.1, 3.6, 2.0), 0.25, 4.0, 1.50, 80.0, 0.012),
    }
)
"""The six models by name. The last thinks aloud at length: its hidden tokens are billed as output."""


def outcome_of(
    model: str, family: Family, level: int, input_tokens: int, prices: TokenPrices, prompt: Chance
) -> ModelOutcome:
    """What the model makes of the prompt that `prompt` stands for. The same arguments give the same outcome."""
    nature = NATURES[model]
    chance = prompt.under(model)
    jitter = math.exp(LATENCY_SPREAD * chance.normal("latency"))
    if chance.uniform("failure") < nature.failure:
        return ModelOutcome(0.0, 0, input_tokens, 0, nature.first_seconds * jitter, failed=True)
    hidden = HIDDEN_SPREAD * prompt.normal("hidden difficulty")
    margin = nature.skill[family] - nature.frailty * (level - MIDDLE_LEVEL) - hidden
    if family in GRADED:
        quality = _logistic(margin + GRADE_SPREAD * chance.normal("grade"))
    else:
        quality = float(chance.uniform("answer") < _logistic(margin))
    length = USUAL_LENGTH[family] * nature.verbosity * math.exp(LENGTH_PER_LEVEL * (level - MIDDLE_LEVEL))
    output_tokens = max(1, round(length * math.exp(LENGTH_SPREAD * chance.normal("length"))))
    cost = prices.cost_nano_usd(
        input_tokens=input_tokens,
        cached_input_tokens=0,
        cache_write_input_tokens=0,
        output_tokens=output_tokens,
        reasoning_tokens=0,
    )
    latency = (nature.first_seconds + output_tokens / nature.tokens_per_second) * jitter
    return ModelOutcome(quality, cost, input_tokens, output_tokens, latency)


def _logistic(logits: float) -> float:
    return 1.0 / (1.0 + math.exp(-logits))
