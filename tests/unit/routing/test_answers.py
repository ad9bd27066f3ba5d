"""The remarks on a decision: what pressed it, and whether it stayed; every refusal has its sentence."""

from __future__ import annotations

import pytest

from atp_grpc.domain.decision import DualPrices, ReasonCode, RefusalCause
from atp_grpc.engine.contract import Choice, Query
from atp_grpc.routing.answers import SENTENCES, reason_codes
from tests.unit.routing.desk import CALL, Desk, text, three_models
from tests.unit.routing.examples import NOW

PRESSED = {ReasonCode.COST_CEILING_PRESSED, ReasonCode.QUALITY_FLOOR_PRESSED}


@pytest.fixture(scope="module")
def choice() -> Choice:
    desk = Desk(three_models())
    desk.router.route(text(), CALL)
    return desk.engine.choose(Query(1, (0, 1, 2), seed=7, now_nanos=NOW, input_tokens=9.0, cost_weight=0.1, text="a"))


@pytest.mark.parametrize(
    ("prices", "said"),
    [
        (DualPrices(), set()),
        (DualPrices(cost=1e-300), {ReasonCode.COST_CEILING_PRESSED}),
        (DualPrices(quality=1e-300), {ReasonCode.QUALITY_FLOOR_PRESSED}),
        (DualPrices(0.25, 2.0), PRESSED),
    ],
)
def test_a_price_above_zero_presses_and_one_of_zero_does_not(
    choice: Choice, prices: DualPrices, said: set[ReasonCode]
) -> None:
    assert PRESSED & set(reason_codes(choice, prices)) == said


def test_a_conversation_stays_when_its_favoured_model_is_the_chosen_one(choice: Choice) -> None:
    stayed = {favoured: ReasonCode.STAYED in reason_codes(choice, favoured=favoured) for favoured in (None, 0, 1, 2)}
    assert stayed == {favoured: favoured == choice.chosen for favoured in stayed}


def test_every_refusal_has_a_sentence() -> None:
    assert set(SENTENCES) == set(RefusalCause)
