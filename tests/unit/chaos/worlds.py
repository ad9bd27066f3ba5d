"""A chaos for tests: it may do everything, and remembers what it was told of."""

from __future__ import annotations

from atp_grpc.chaos import Chaos, ChaosFault, ChaosRule, ChaosTarget

ALWAYS = 1.0


class Told:
    """What a chaos told, in order: rule, and whether it was the first by that rule."""

    def __init__(self) -> None:
        self.heard: list[tuple[ChaosRule, bool]] = []

    def __call__(self, rule: ChaosRule, is_first: bool) -> None:
        self.heard.append((rule, is_first))


def chaos(*, is_allowed: bool = True, told: Told | None = None) -> Chaos:
    return Chaos(is_allowed=is_allowed, draw_seed=lambda: 7, on_injected=told or Told())


def rule(
    target: ChaosTarget,
    fault: ChaosFault,
    probability: float = ALWAYS,
    *,
    delay_seconds: float = 0.0,
    deployment: str = "",
) -> ChaosRule:
    return ChaosRule(target, fault, probability, delay_seconds, deployment)


def errors(target: ChaosTarget, probability: float = ALWAYS) -> ChaosRule:
    return rule(target, ChaosFault.ERROR, probability)
