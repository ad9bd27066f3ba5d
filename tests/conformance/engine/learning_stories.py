"""Stories in which an engine routes, learns, ages and remembers.

Entered by the table of scenarios. Chance comes from generators with fixed seeds, so telling a story twice gives the
same vector.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from atp_grpc.engine.self_test import pack
from tests.conformance.engine.texts import TEXTS
from tests.conformance.engine.world import ARMS, EVERYONE, HOUR, NOW, OFFERS, outcome, query

if TYPE_CHECKING:
    from tests.conformance.engine.recorder import Recorder


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
    recorder.summary(now - 3 * HOUR)
    recorder.choose(query(features=pack([0.1, 0.2, 0.3]), now_nanos=now + 5000 * HOUR))
    recorder.choose(query(features=pack([0.1, 0.2, 0.3]), now_nanos=now - 3 * HOUR))
    recorder.checkpoint()


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


def features(recorder: Recorder) -> None:
    """The built-in marks of many kinds of text."""
    for text in TEXTS:
        recorder.features(text)
    recorder.features("word " * 3000)
    recorder.features("0123456789" * 1000)


def start_up(recorder: Recorder) -> None:
    """A few calls of a day: texts, limits, refusals."""
    recorder.load(ARMS, OFFERS, 1)
    text = TEXTS[9]
    for sequence, arm in enumerate(("giant", "tiny", "medium", "giant")):
        choice = recorder.choose(query(text=text, seed=2**64 - 1 - sequence, latency_weight=0.1))
        assert choice is not None
        recorder.learn(
            outcome(
                sequence,
                arm=arm,
                features=choice.features,
                quality=0.25 * sequence,
                output_tokens=100.0 + sequence,
                latency_seconds=2.0,
                failed=sequence == 1,
                predicted_mean=choice.predicted_mean,
                predicted_linear=choice.predicted_linear,
            )
        )
        text = TEXTS[11 + 5 * sequence]
    recorder.choose(query(text=text, max_cost_nano_usd=3e6, quality_floor=0.9, latency_slo_seconds=1.5))
    recorder.choose(query(text=text, quality_floor=1.0, max_output_tokens=10.0))
    recorder.choose(query(generation=2, text=text))
    recorder.choose(query(text=text, candidates=(2, 3)))
    recorder.summary(NOW)


def ageing(recorder: Recorder) -> None:
    """Decay over epochs, and a state that is written and restored."""
    recorder.load(ARMS, OFFERS, 1)
    features = pack([0.25, -0.5, 1.0])
    for sequence, hours in enumerate((50, 3, 5, 0)):
        decided = NOW - hours * HOUR
        recorder.learn(
            outcome(sequence, features=features, quality=0.3 * sequence, failed=False, decided_nanos=decided)
        )
    recorder.learn(outcome(2, quality=1.0))
    recorder.learn(outcome(9, quality=2.0))
    data = recorder.checkpoint()
    recorder.restore(data[:-1])
    recorder.restore(data)
    recorder.choose(query(features=features, now_nanos=NOW + 2 * HOUR))
