"""The start-up test finds an engine that answers wrongly, fails, or cannot be built."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from atp_grpc.engine.reference import ReferenceEngine
from atp_grpc.engine.self_test import EngineSelfTestError, run_self_test
from tests.conformance.engine.panicking import PanicException

if TYPE_CHECKING:
    from atp_grpc.engine.contract import Choice, EngineParameters, Outcome, Query


class Forgetful(ReferenceEngine):
    """Learns every second outcome only."""

    def learn(self, outcome: Outcome) -> bool:
        return outcome.sequence % 2 == 0 and super().learn(outcome)


class Biased(ReferenceEngine):
    """Draws with another seed than it was given."""

    def choose(self, query: Query) -> Choice:
        return super().choose(query._replace(seed=1))


class Panicking(ReferenceEngine):
    """Panics at its first choice."""

    def choose(self, query: Query) -> Choice:
        raise PanicException("attempt to divide by zero")


def _unbuildable(parameters: EngineParameters) -> ReferenceEngine:
    raise MemoryError("a text that nobody should read")


@pytest.mark.parametrize("wrong", [Forgetful, Biased, Panicking, _unbuildable])
def test_a_wrong_engine_does_not_pass(wrong: type[ReferenceEngine]) -> None:
    with pytest.raises(EngineSelfTestError) as caught:
        run_self_test(wrong)
    assert "nobody should read" not in str(caught.value)
    assert "divide by zero" not in str(caught.value)


def test_an_interruption_stops_the_test_as_itself() -> None:
    def interrupted(parameters: EngineParameters) -> ReferenceEngine:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_self_test(interrupted)
