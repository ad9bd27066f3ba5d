"""Stories in which tenants grade differently, are known apart, and are forgotten when there are too many.

Entered by the table of scenarios. Chance comes from generators with fixed seeds, so telling a story twice gives the
same vector.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from atp_grpc.engine.self_test import pack
from tests.conformance.engine.world import ARMS, EVERYONE, HOUR, NOW, OFFERS, outcome, query

if TYPE_CHECKING:
    from tests.conformance.engine.recorder import Recorder

GRADES = {"acme": -0.3, "büro": 0.25, "zoo": 0.1, None: 0.0}


def tenants(recorder: Recorder) -> None:
    """Three tenants and nobody in particular ask, grade and ask again, over epochs and a restore."""
    chance = random.Random(25)
    recorder.load(ARMS, OFFERS, 1)
    now = NOW
    for step in range(32):
        now += chance.randrange(HOUR // 2) if step % 12 else 33 * HOUR
        tenant = chance.choice(["acme", "büro", None] if step < 20 else list(GRADES))
        features = pack([chance.uniform(-1, 1) for _ in range(3)])
        choice = recorder.choose(
            query(features=features, tenant=tenant, seed=chance.getrandbits(64), now_nanos=now, cost_weight=0.01)
        )
        assert choice is not None
        assert choice.chosen is not None
        arm = ARMS[OFFERS[EVERYONE[choice.chosen]].arm].name
        grade = 0.5 + GRADES[tenant] * (1 if arm != "tiny" else -1) + 0.1 * chance.random()
        predictions = {"predicted_mean": choice.predicted_mean, "predicted_linear": choice.predicted_linear}
        recorder.learn(
            outcome(
                step,
                arm=arm,
                features=features,
                tenant=tenant,
                decided_nanos=now - chance.choice([0, 0, 5 * HOUR]),
                now_nanos=now,
                quality=round(min(1.0, max(0.0, grade)), 3) if step % 7 else None,
                failed=chance.random() < 0.1,
                **predictions if step % 11 else {},
            )
        )
    data = recorder.checkpoint()
    recorder.summary(now)
    recorder.restore(data)
    for tenant in ("acme", "büro", "zoo", "a stranger", None):
        features = pack([0.4, -0.2, 0.9])
        recorder.choose(query(features=features, tenant=tenant, seed=5, now_nanos=now, cost_weight=0.01))
        recorder.choose(query(features=features, tenant=tenant, quality_floor=0.6, now_nanos=now + 3 * HOUR))
    recorder.learn(
        outcome(
            99, tenant="new", quality=0.0, predicted_mean=0.9, predicted_linear=0.8, decided_nanos=now, now_nanos=now
        )
    )
    recorder.checkpoint()


def start_up(recorder: Recorder) -> None:
    """Two tenants of different minds, a few grades, and a state that is written and restored."""
    recorder.load(ARMS[:3], OFFERS[:3], 1)
    features = pack([0.25, -0.5, 1.0])
    lessons = [("acme", "tiny", 0.2), ("büro", "tiny", 0.9), (None, "small", 0.7), ("acme", "medium", 0.8)]
    for sequence, (tenant, arm, quality) in enumerate(lessons):
        recorder.learn(
            outcome(
                sequence,
                arm=arm,
                features=features,
                tenant=tenant,
                quality=quality,
                predicted_mean=0.9 - 0.1 * sequence,
                predicted_linear=0.7,
            )
        )
    recorder.restore(recorder.checkpoint())
    for seed, tenant in enumerate(("acme", "büro", None)):
        recorder.choose(
            query(
                features=features, tenant=tenant, seed=2**64 - 1 - seed, candidates=(0, 1, 2), now_nanos=NOW + 2 * HOUR
            )
        )
