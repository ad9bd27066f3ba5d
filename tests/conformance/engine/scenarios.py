"""The scenarios behind the vectors: small stories that together visit every rule of the engine.

Entered by `write_vectors`. Each story is told to a `Recorder`; chance comes from a generator with a fixed seed, so
writing twice gives the same files. Nothing here says what is right: the reference does.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable
from typing import Final

from atp_grpc.engine.contract import Arm, ContextMode, EngineParameters, Learner, Offer, Outcome, Query
from tests.conformance.engine.recorder import Recorder
from tests.conformance.engine.texts import TEXTS
from tests.conformance.engine.vector_format import pack

NOW: Final = 1_800_000_000_000_000_000
HOUR: Final = 3_600_000_000_000

FLAGS: Final = EngineParameters(
    pool="shop/default", schema_id="flags.v1", dimension=15, cost_scale_nano_usd=2e6, latency_scale_seconds=10.0
)
OWN: Final = EngineParameters(
    pool="büro/eigen", schema_id="own.v3", dimension=3, cost_scale_nano_usd=5e5, latency_scale_seconds=4.0
)
ARMS: Final = (
    Arm("tiny"),
    Arm("small", prior_quality=0.8, prior_output_tokens=180.0),
    Arm("medium", prior_latency_seconds=2.5),
    Arm("groß", prior_quality=0.9, prior_failure_rate=0.05),
    Arm("giant", prior_output_tokens=700.0, prior_latency_seconds=6.0),
)
OFFERS: Final = (
    Offer(0, 50_000_000, 200_000_000),
    Offer(1, 150_000_000, 600_000_000),
    Offer(2, 500_000_000, 1_500_000_000),
    Offer(2, 400_000_000, 1_700_000_000),
    Offer(3, 2_500_000_000, 10_000_000_000),
    Offer(4, 15_000_000_000, 75_000_000_000),
)
EVERYONE: Final = (0, 1, 3, 4, 5)

Story = Callable[[Recorder], None]


def query(**changes: object) -> Query:
    fields: dict[str, object] = {
        "generation": 1,
        "candidates": EVERYONE,
        "seed": 7,
        "now_nanos": NOW,
        "input_tokens": 220.0,
        "cost_weight": 0.1,
    }
    return Query(**{**fields, **changes})  # type: ignore[arg-type]


def outcome(sequence: int, /, **changes: object) -> Outcome:
    fields: dict[str, object] = {
        "arm": "tiny",
        "replica": "r1",
        "sequence": sequence,
        "decided_nanos": NOW,
        "now_nanos": NOW,
        "features": pack([0.5, -1.0, 2.0]),
    }
    return Outcome(**{**fields, **changes})  # type: ignore[arg-type]


def routing(recorder: Recorder) -> None:
    """Texts come in, the drawn arm answers, its outcome is learned."""
    chance = random.Random(20)
    recorder.load(ARMS, OFFERS, 1)
    for step in range(40):
        choice = recorder.choose(
            query(
                text=TEXTS[step % len(TEXTS)],
                seed=chance.getrandbits(64),
                input_tokens=float(chance.randrange(2000)),
                cost_weight=chance.choice([0.0, 0.1, 0.5, 3.0]),
                latency_weight=chance.choice([0.0, 0.0, 0.2]),
                max_output_tokens=chance.choice([None, None, 64.0]),
            )
        )
        assert choice is not None
        assert choice.chosen is not None
        arm = OFFERS[EVERYONE[choice.chosen]].arm
        recorder.learn(
            outcome(
                step + 1,
                arm=ARMS[arm].name,
                features=choice.features,
                quality=round(min(1.0, 0.4 + 0.1 * arm + 0.2 * chance.random()), 3),
                output_tokens=float(chance.randrange(20, 900)),
                latency_seconds=round(0.3 + arm * chance.random(), 3),
                failed=chance.random() < 0.1,
                predicted_mean=choice.predicted_mean,
                predicted_linear=choice.predicted_linear,
            )
        )
    recorder.summary(NOW)


def vectors_of_a_caller(recorder: Recorder) -> None:
    """A caller's own schema: features in, text refused, every context mode's figures told by the state."""
    chance = random.Random(21)
    recorder.load(ARMS, OFFERS, 3)
    recorder.features("text has no meaning here")
    recorder.choose(query(generation=3, text="text has no meaning here"))
    for step in range(40):
        features = pack([chance.uniform(-2, 2) for _ in range(3)])
        arm = chance.choice(ARMS).name
        recorder.learn(outcome(step, arm=arm, features=features, quality=round(chance.random(), 3)))
        recorder.choose(query(generation=3, features=features, seed=chance.getrandbits(64), candidates=(1, 2, 5)))
    recorder.summary(NOW)


def decay(recorder: Recorder) -> None:
    """Evidence ages by half-lives, arrives late, and crosses epochs."""
    chance = random.Random(22)
    recorder.load(ARMS, OFFERS, 1)
    recorder.learn(outcome(1, output_tokens=30.0, decided_nanos=NOW - 400 * HOUR, now_nanos=NOW))
    now = NOW
    for step in range(2, 60):
        now += chance.randrange(0, 3 * HOUR) if step % 20 else 45 * HOUR
        late = chance.choice([0, 0, HOUR // 3, 20 * HOUR, -HOUR])
        recorder.learn(
            outcome(
                step,
                arm=chance.choice(ARMS).name,
                features=pack([chance.uniform(-1, 1) for _ in range(3)]),
                decided_nanos=now - late,
                now_nanos=now,
                quality=round(chance.random(), 3),
                output_tokens=float(chance.randrange(500)),
                latency_seconds=round(chance.random() * 5, 3),
                failed=chance.random() < 0.3,
                predicted_mean=round(chance.random(), 3),
                predicted_linear=round(chance.random(), 3),
            )
        )
        if step % 3 == 0:
            features = pack([chance.uniform(-1, 1) for _ in range(3)])
            recorder.choose(query(features=features, seed=step, now_nanos=now + chance.randrange(2 * HOUR)))
    recorder.summary(now)
    recorder.summary(now + 7 * HOUR)
    recorder.summary(now + 5000 * HOUR)
    recorder.summary(1000)
    recorder.choose(query(features=pack([0.1, 0.2, 0.3]), now_nanos=now + 5000 * HOUR))
    recorder.choose(query(features=pack([0.1, 0.2, 0.3]), now_nanos=0))
    recorder.checkpoint()


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


def context(recorder: Recorder) -> None:
    """Context is switched on while it predicts better than the mean, and off when it stops doing so."""
    chance = random.Random(23)
    recorder.load(ARMS, OFFERS, 1)
    sequence = 0
    for phase in ("explains", "misleads"):
        for _ in range(30):
            sequence += 1
            side = chance.choice([-1.0, 1.0])
            features = pack([side, chance.uniform(-1, 1), 0.5])
            choice = recorder.choose(query(features=features, seed=chance.getrandbits(64), candidates=(0, 1)))
            assert choice is not None
            assert choice.chosen is not None
            misled = choice.predicted_linear > choice.predicted_mean
            quality = 0.5 + 0.4 * side if phase == "explains" else 1.0 - misled
            recorder.learn(
                outcome(
                    sequence,
                    arm=ARMS[choice.chosen].name,
                    features=features,
                    quality=quality,
                    predicted_mean=choice.predicted_mean,
                    predicted_linear=choice.predicted_linear,
                )
            )
    recorder.summary(NOW)


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
    ]
    for changes in bad_queries:
        recorder.choose(dataclasses.replace(good, **changes))  # type: ignore[arg-type]
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


def features(recorder: Recorder) -> None:
    """The built-in marks of many kinds of text."""
    for text in TEXTS:
        recorder.features(text)
    recorder.features("word " * 3000)
    recorder.features("0123456789" * 1000)


SCENARIOS: Final[dict[str, tuple[EngineParameters, Story]]] = {
    "features": (FLAGS, features),
    "routing_thompson": (FLAGS, routing),
    "routing_linucb": (dataclasses.replace(FLAGS, learner=Learner.LINUCB, context=ContextMode.ON), routing),
    "routing_greedy": (dataclasses.replace(FLAGS, learner=Learner.GREEDY, context=ContextMode.OFF), routing),
    "own_schema": (OWN, vectors_of_a_caller),
    "own_schema_linear": (
        dataclasses.replace(OWN, context=ContextMode.ON, slope_precision=0.25, scale=0.4, epsilon=0.2),
        vectors_of_a_caller,
    ),
    "decay": (dataclasses.replace(OWN, half_life_nanos=HOUR, context=ContextMode.ON, scale=0.3), decay),
    "decay_uneven": (dataclasses.replace(OWN, half_life_nanos=HOUR + 12_345, context_min_weight=2.0), decay),
    "limits": (OWN, limits),
    "ties_greedy": (dataclasses.replace(OWN, learner=Learner.GREEDY), ties),
    "ties_linucb": (dataclasses.replace(OWN, learner=Learner.LINUCB, epsilon=1.0), ties),
    "ties_thompson_still": (dataclasses.replace(OWN, scale=0.0, epsilon=0.0), ties),
    "context": (dataclasses.replace(OWN, context_min_weight=8.0), context),
    "refusals": (OWN, refusals),
    "sequences": (OWN, sequences),
    "checkpoints": (OWN, checkpoints),
}
