"""A discount is a change like an outcome: a panic never costs it, doubles it, or moves it to another place."""

from __future__ import annotations

import pytest

from atp_grpc.engine.contract import EnginePanicError
from atp_grpc.engine.quarantine import REMEMBER_EVERY
from atp_grpc.engine.reference import ReferenceEngine
from tests.conformance.engine.panicking import Case, PanicException
from tests.conformance.engine.world import NOW


@pytest.fixture(params=[PanicException, EnginePanicError])
def case(request: pytest.FixtureRequest) -> Case:
    return Case(request.param)


def _discount(case: Case, arm: str, keep: float) -> None:
    assert case.engine.discount(arm, keep)
    assert case.twin.discount(arm, keep)


def test_a_panic_while_discounting_discounts_exactly_once(case: Case) -> None:
    case.primary.broken = {"discount"}
    _discount(case, "tiny", 0.5)
    case.assert_quarantined("discount")
    assert not case.engine.discount("nobody's", 0.5)


def test_a_discount_keeps_its_place_among_the_outcomes(case: Case) -> None:
    case.teach(range(6, 9))
    _discount(case, "tiny", 0.25)
    case.teach(range(9, 20))
    _discount(case, "small", 0.0)
    case.primary.broken = {"learn", "checkpoint"}
    case.teach(range(20, 21))
    case.assert_quarantined("learn")


def test_a_discount_is_not_mistaken_for_an_outcome_that_got_lost(case: Case) -> None:
    _discount(case, "small", 0.5)
    # Only the primary's own checkpoint knows of this one, so equality says that it was believed.
    ReferenceEngine.discount(case.primary, "tiny", 0.5)
    case.twin.discount("tiny", 0.5)
    case.primary.broken = {"summary"}
    assert case.engine.summary(NOW) == case.twin.summary(NOW)
    case.assert_quarantined("summary")


def test_discounts_do_not_let_the_log_grow(case: Case) -> None:
    for _ in range(REMEMBER_EVERY + 3):
        _discount(case, "tiny", 1.0)
    assert len(case.engine._since) < REMEMBER_EVERY
    case.primary.broken = {"learn", "checkpoint"}
    case.teach(range(6, 7))
    case.assert_quarantined("learn")
