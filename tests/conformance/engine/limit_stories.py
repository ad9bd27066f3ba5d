"""Stories of limits, ties and refusals: what a request may ask, and what an engine turns away.

Entered by the table of scenarios. The numbers are chosen, not drawn: each sits on one side of a rule.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from atp_grpc.engine.contract import Arm, Offer
from atp_grpc.engine.self_test import pack
from tests.conformance.engine.world import ARMS, NOW, OFFERS, outcome, query

if TYPE_CHECKING:
    from tests.conformance.engine.recorder import Recorder


def limits(recorder: Recorder) -> None:
    """Cost limits, quality floors and latency objectives, met and unmet, alone and together."""
    recorder.load(ARMS, OFFERS, 1)
    for sequence, (arm, quality, seconds, tokens) in enumerate(
        [
            ("tiny", 0.2, 0.2, 100.0),
            ("small", 0.5, 0.5, 200.0),
            ("medium", 0.6, 3.0, 300.0),
            ("groß", 0.9, 2.0, 250.0),
            ("giant", 1.0, 9.0, 900.0),
        ]
    ):
        for repeat in range(4):
            recorder.learn(
                outcome(
                    10 * sequence + repeat,
                    arm=arm,
                    features=pack([0.1 * repeat, 0.5, -0.25]),
                    quality=quality,
                    latency_seconds=seconds,
                    output_tokens=tokens,
                    failed=False,
                )
            )
    features = pack([0.1, 0.5, -0.25])
    for max_cost in (None, 0.0, 60_000.0, 300_000.0, 1e9):
        for floor in (None, 0.0, 0.55, 0.8, 1.0):
            for objective in (None, 0.0, 0.7, 2.5, 60.0):
                recorder.choose(
                    query(
                        features=features,
                        seed=11,
                        latency_weight=0.3,
                        max_cost_nano_usd=max_cost,
                        quality_floor=floor,
                        latency_slo_seconds=objective,
                    )
                )
    recorder.choose(query(features=features, candidates=(2,), max_cost_nano_usd=1.0, quality_floor=1.0))
    recorder.choose(query(features=features, candidates=(2,), quality_floor=1.0, latency_slo_seconds=0.001))


def tails(recorder: Recorder) -> None:
    """Objectives between the mean latency and its 95th percentile, for models that vary much, little and not at all."""
    recorder.load(ARMS[:4], OFFERS[:5], 1)
    features = pack([0.1, 0.5, -0.25])
    seconds = {"tiny": (1.0, 1.0, 1.0), "small": (0.9, 1.1, 1.2), "medium": (0.1, 0.3, 9.0), "groß": (0.0, 0.0, 0.0)}
    sequence = 0
    for repeat in range(3):
        for arm, latencies in seconds.items():
            sequence += 1
            recorder.learn(outcome(sequence, arm=arm, features=features, latency_seconds=latencies[repeat]))
    for objective in (0.0, 0.25, 0.9, 1.01, 1.04, 1.4, 3.0, 7.0, 9.0, 12.0, 60.0):
        recorder.choose(query(features=features, candidates=(0, 1, 3, 4), latency_slo_seconds=objective))
        recorder.choose(query(features=features, candidates=(1, 3), latency_slo_seconds=objective))
    recorder.load([Arm("tiny", prior_latency_seconds=0.0), Arm("new", prior_latency_seconds=1e-200)], OFFERS[:2], 2)
    for objective in (0.0, 1e-201, 1e-199, 1.0):
        recorder.choose(query(generation=2, features=features, candidates=(0, 1), latency_slo_seconds=objective))
    recorder.summary(NOW)


def favour(recorder: Recorder) -> None:
    """An offer is favoured among candidates, aside, away and unknown; under every limit, and out of range."""
    recorder.load(ARMS, OFFERS, 1)
    features = pack([0.1, 0.5, -0.25])
    for favoured in (None, 0, 1, 2, 5, 6, 2**63 - 1):
        for weight in (0.0, 0.05, 0.5, 1e9):
            recorder.choose(query(features=features, seed=12, cost_weight=0.3, favoured=favoured, favour=weight))
    limits: list[dict[str, object]] = [
        {"max_cost_nano_usd": 60_000.0},
        {"quality_floor": 0.85},
        {"quality_floor": 1.0},
        {"latency_slo_seconds": 2.0},
        {"latency_slo_seconds": 0.1},
        {"candidates": (5,)},
        {"candidates": (1, 2), "max_cost_nano_usd": 0.0},
    ]
    for limit in limits:
        recorder.choose(query(features=features, **{"favoured": 5, "favour": 0.75, "cost_weight": 0.3, **limit}))
    refused: list[tuple[int | None, float]] = [(-1, 0.5), (2**63, 0.5), (1, -0.5), (1, 2e9), (None, -0.5)]
    for favoured, weight in refused:
        recorder.choose(query(features=features, favoured=favoured, favour=weight))


def ties(recorder: Recorder) -> None:
    """Equal scores go to the cheaper candidate, then to the earlier one."""
    recorder.load(
        [Arm(name) for name in "abcd"],
        [Offer(0, 9_000, 9_000), Offer(1, 3_000, 3_000), Offer(2, 3_000, 3_000), Offer(3, 5_000, 1_000)],
        1,
    )
    features = pack([0.0, 0.0, 0.0])
    for cost_weight in (0.0, 0.1):
        for candidates in ((0, 1, 2, 3), (0, 3), (1, 2), (0,)):
            recorder.choose(query(features=features, candidates=candidates, cost_weight=cost_weight, seed=3))
    recorder.choose(query(features=features, candidates=(0, 1, 2, 3), quality_floor=1.0, seed=2**64 - 1))


def refusals(recorder: Recorder) -> None:
    """What breaks the contract is refused under its own name and changes nothing."""
    recorder.load(ARMS, OFFERS, 5)
    recorder.load(ARMS, OFFERS, 5)
    recorder.load(ARMS, OFFERS, 4)
    recorder.load([Arm("a"), Arm("a")], [], 6)
    recorder.load([Arm("")], [], 6)
    recorder.load([Arm("a")], [Offer(1, 1, 1)], 6)
    recorder.load([Arm("a")], [Offer(0, -1, 1)], 6)
    recorder.load([Arm("a", prior_quality=1.5)], [], 6)
    recorder.load([Arm("a", prior_output_tokens=-1.0)], [], 6)
    recorder.load([Arm("a", prior_latency_seconds=1e10)], [], 6)
    recorder.load([Arm("a", prior_failure_rate=-0.1)], [], 6)
    good = query(generation=5, features=pack([1.0, 2.0, 3.0]))
    bad_queries: list[dict[str, object]] = [
        {"generation": 4},
        {"generation": 6, "candidates": ()},
        {"candidates": ()},
        {"candidates": (6,)},
        {"candidates": (1, 0)},
        {"candidates": (1, 1)},
        {"candidates": (2, 3)},
        {"input_tokens": -1.0},
        {"input_tokens": 2e9},
        {"cost_weight": -0.1},
        {"latency_weight": 1e10},
        {"max_output_tokens": -1.0},
        {"max_cost_nano_usd": -1.0},
        {"quality_floor": 1.1},
        {"quality_floor": -0.1},
        {"latency_slo_seconds": -1.0},
        {"now_nanos": -1},
        {"features": None},
        {"text": "both"},
        {"features": pack([1.0, 2.0])},
        {"features": pack([1.0, 2.0, 1.5e6])},
        {"tenant": ""},
    ]
    for changes in bad_queries:
        recorder.choose(good._replace(**changes))  # type: ignore[arg-type]
    bad_outcomes: list[dict[str, object]] = [
        {"quality": -0.1},
        {"quality": 1.1},
        {"output_tokens": -1.0},
        {"output_tokens": 2e9},
        {"latency_seconds": -0.5},
        {"latency_seconds": 2e9},
        {"predicted_mean": 0.5},
        {"predicted_linear": 0.5},
        {"predicted_mean": 0.5, "predicted_linear": 1e13},
        {"features": pack([1.0])},
        {"features": pack([1.0, 2.0, -1.5e6])},
        {"arm": ""},
        {"replica": ""},
        {"sequence": -1},
        {"decided_nanos": -1},
        {"now_nanos": -1},
        {"tenant": ""},
    ]
    for changes in bad_outcomes:
        recorder.learn(outcome(9, **{"quality": 0.5, **changes}))
    recorder.checkpoint()
    recorder.choose(good)


def sequences(recorder: Recorder) -> None:
    """Each replica's sequence is learned once; an arm that is away is learned too; a bare outcome only moves marks."""
    recorder.load(ARMS[:2], OFFERS[:2], 1)
    recorder.learn(outcome(0, quality=0.5))
    recorder.learn(outcome(0, quality=0.5))
    recorder.learn(outcome(5, quality=1.0))
    recorder.learn(outcome(4, quality=1.0))
    recorder.learn(outcome(5, replica="r2", quality=0.0))
    recorder.learn(outcome(6, replica="r2"))
    recorder.learn(outcome(7, replica="r2", arm="giant", failed=True))
    recorder.learn(outcome(8, replica="r2", arm="giant", failed=False))
    recorder.learn(outcome(6, replica="r2", quality=0.9))
    recorder.learn(outcome(2**63 - 1, replica="zürich", arm="small", output_tokens=12.0))
    recorder.summary(NOW)
    recorder.checkpoint()
    recorder.load(ARMS, OFFERS, 2)
    recorder.summary(NOW)


def checkpoints(recorder: Recorder) -> None:
    """A state is written, forgotten, restored, and refused when it is damaged or foreign."""
    recorder.load(ARMS, OFFERS, 1)
    empty = recorder.checkpoint()
    chance = random.Random(24)
    for sequence in range(12):
        recorder.learn(
            outcome(
                sequence,
                arm=chance.choice(ARMS).name,
                features=pack([chance.uniform(-1, 1) for _ in range(3)]),
                quality=round(chance.random(), 2),
                failed=chance.random() < 0.5,
                predicted_mean=0.5,
                predicted_linear=round(chance.random(), 2),
            )
        )
    full = recorder.checkpoint()
    recorder.restore(empty)
    recorder.checkpoint()
    recorder.restore(full)
    recorder.checkpoint()
    recorder.choose(query(features=pack([0.3, 0.1, -0.7])))
    recorder.restore(b"")
    recorder.restore(full[:-1])
    recorder.restore(full + b"\0")
    recorder.restore(b"X" + full[1:])
    recorder.restore(full[:40] + bytes([full[40] ^ 1]) + full[41:])
    recorder.checkpoint()
