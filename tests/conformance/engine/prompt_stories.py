"""Stories in which the prompt tells: what arms have in common, how long answers are, and what a change forgets.

Entered by the table of scenarios. Chance comes from generators with fixed seeds, so telling a story twice gives the
same vector.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from atp_grpc.engine.self_test import pack
from tests.conformance.engine.world import ARMS, HOUR, NOW, OFFERS, outcome, query

if TYPE_CHECKING:
    from tests.conformance.engine.recorder import Recorder


def common(recorder: Recorder) -> None:
    """Four models learn over epochs what is hard for all, a fifth begins with it; then fewer models are loaded."""
    chance = random.Random(26)
    recorder.load(ARMS, OFFERS, 1)
    now = NOW
    for step in range(70):
        now += chance.randrange(HOUR // 8) if step != 40 else 40 * HOUR
        side, other = chance.uniform(-1, 1), chance.uniform(-1, 1)
        arm = step * 7 % 4
        quality = 0.6 + 0.1 * arm - 0.3 * side + 0.1 * other * (arm - 2) / 2 + 0.02 * chance.random()
        recorder.learn(
            outcome(
                step,
                arm=ARMS[arm].name,
                features=pack([side, other, 0.5]),
                quality=round(min(1.0, max(0.0, quality)), 3) if step % 9 else None,
                latency_seconds=1.0,
                decided_nanos=now - chance.choice([0, 0, HOUR]),
                now_nanos=now,
            )
        )
        if step % 8 == 0 or step > 66:
            recorder.choose(query(features=pack([side, -other, 0.25]), seed=step, now_nanos=now, cost_weight=0.01))
    data = recorder.checkpoint()
    recorder.restore(data)
    recorder.choose(query(features=pack([1.0, 0.0, 0.5]), candidates=(5,), now_nanos=now))
    recorder.load(ARMS[:2], OFFERS[:2], 2)
    recorder.choose(query(generation=2, features=pack([1.0, 0.0, 0.5]), candidates=(0, 1), now_nanos=now))
    recorder.load(ARMS[4:], [OFFERS[0]], 3)
    recorder.choose(query(generation=3, features=pack([1.0, 0.0, 0.5]), candidates=(0,), now_nanos=now + HOUR))
    recorder.summary(now)


def lengths(recorder: Recorder) -> None:
    """Two kinds of prompts, short answers and long ones, at a price; and prompts unlike any that was seen."""
    chance = random.Random(27)
    recorder.load(ARMS, OFFERS, 1)
    for step in range(40):
        long = step % 2 == 1
        tokens = chance.uniform(600, 900) if long else chance.uniform(10, 40)
        features = pack([1.0 if long else -1.0, chance.uniform(-0.1, 0.1), 0.0])
        recorder.learn(outcome(step, arm=ARMS[step * 3 % 4].name, features=features, output_tokens=round(tokens)))
        if step % 10 == 9:
            for kind in (-1.0, 1.0):
                recorder.choose(query(features=pack([kind, 0.0, 0.0]), seed=step, cost_weight=1.0))
    for values in ([3.0, 2.0, -1.0], [-3.0, 0.0, 0.0], [1e5, 0.0, 0.0], [-1e5, 1e4, 0.0]):
        recorder.choose(query(features=pack(values), cost_weight=1.0))
        recorder.choose(query(features=pack(values), cost_weight=1.0, max_output_tokens=700.0))
    recorder.learn(outcome(99, output_tokens=0.0))
    recorder.summary(NOW)
    recorder.checkpoint()


def discount(recorder: Recorder) -> None:
    """What is known of two models' quality is forgotten in part and in whole, by everybody and for each tenant."""
    chance = random.Random(28)
    recorder.load(ARMS, OFFERS, 1)
    recorder.discount("tiny", 0.5)
    for step in range(36):
        recorder.learn(
            outcome(
                step,
                arm=ARMS[step % 3].name,
                features=pack([chance.uniform(-1, 1) for _ in range(3)]),
                quality=round(chance.random(), 3),
                output_tokens=float(chance.randrange(500)),
                latency_seconds=round(chance.random(), 3),
                failed=step % 5 == 0,
                predicted_mean=0.5,
                predicted_linear=round(chance.random(), 2),
                tenant=chance.choice(["acme", "büro", None]),
            )
        )
    asked = query(features=pack([0.3, 0.1, -0.7]), tenant="acme")
    for arm, keep in (("tiny", 1.0), ("tiny", 0.125), ("small", 0.0), ("giant", 0.5), ("", 0.5), ("tiny", 1.5)):
        recorder.discount(arm, keep)
        recorder.choose(asked)
    recorder.discount("tiny", -0.1)
    recorder.learn(outcome(50, arm="small", quality=1.0))
    recorder.choose(asked)
    recorder.summary(NOW)
    recorder.checkpoint()


def start_up(recorder: Recorder) -> None:
    """Enough grades to read what the arms have in common, an answer's length, a slow answer, a favour, a change."""
    recorder.load(ARMS[:3], OFFERS[:3], 1)
    for step in range(33):
        side = (-1.0, 1.0, 0.5, -0.25)[step % 4]
        recorder.learn(
            outcome(
                step,
                arm=ARMS[step % 2].name,
                features=pack([side, 1.0, 0.0]),
                quality=0.5 + 0.25 * side + 0.125 * (step % 3),
                output_tokens=200.0 + 100.0 * side,
                latency_seconds=6.0 if step % 11 == 0 else 1.0,
            )
        )
    features = pack([0.75, 1.0, 0.0])
    recorder.choose(query(features=features, candidates=(0, 1, 2), latency_slo_seconds=3.0))
    recorder.choose(query(features=features, candidates=(0, 1, 2), seed=3, favoured=2, favour=0.25))
    recorder.discount("small", 0.25)
    recorder.choose(query(features=features, candidates=(0, 1, 2), latency_slo_seconds=30.0, seed=4))
    recorder.checkpoint()
