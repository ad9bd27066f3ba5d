"""One arm, and answers of it that tenants grade: what the laws of tenants and of their offsets are told with.

Entered by those two. Features are all nought, so the linear model and the mean see the same; nothing here is a law.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from atp_grpc.engine.contract import Arm, ContextMode, Offer
from atp_grpc.engine.self_test import pack
from tests.conformance.engine.world import OWN, outcome, query

if TYPE_CHECKING:
    from atp_grpc.engine.contract import Choice, Engine, EngineParameters, Outcome
    from tests.conformance.engine.conftest import EngineFactory

FEATURES: Final = pack([0.0, 0.0, 0.0])
HALF: Final = Arm("tiny", prior_quality=0.5)
STILL: Final = dataclasses.replace(OWN, context=ContextMode.OFF)


def single(make_engine: EngineFactory, parameters: EngineParameters = STILL) -> Engine:
    """An engine with the arm `tiny` alone."""
    engine = make_engine(parameters)
    engine.load([HALF], [Offer(0, 1, 1)], 1)
    return engine


def grade(sequence: int, tenant: str | None, quality: float, **changes: object) -> Outcome:
    """A graded answer of the arm `tiny`, of which the mean had said 0.5 and the linear model 0.6."""
    fields: dict[str, object] = {"tenant": tenant, "quality": quality, "predicted_mean": 0.5, "predicted_linear": 0.6}
    return outcome(sequence, features=FEATURES, **{**fields, **changes})


def others_grade(engine: Engine, count: int, quality: float = 0.5, **changes: object) -> None:
    """Teaches answers that nobody in particular graded; their replica is one of its own."""
    for sequence in range(count):
        engine.learn(grade(sequence, None, quality, replica="others", **changes))


def ask(engine: Engine, tenant: str | None, **changes: object) -> Choice:
    """A choice of the first offer, for a tenant."""
    fields: dict[str, object] = {"features": FEATURES, "candidates": (0,), "tenant": tenant, **changes}
    return engine.choose(query(generation=engine.generation, **fields))


def expected(engine: Engine, tenant: str | None, **changes: object) -> float:
    """The quality that a tenant is told to expect of the first offer."""
    return ask(engine, tenant, **changes).quality[0]
