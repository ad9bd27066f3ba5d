"""What a decision carries about money: the hold, the prices that pressed it, and the remarks; both scribes alike."""

from __future__ import annotations

import pytest

from atp_grpc.domain.decision import DualPrices, ReasonCode
from atp_grpc.domain.money import TokenPrices
from atp_grpc.domain.request import RouteRequest
from atp_grpc.pb.atp.v1 import route_service_pb2 as pb
from atp_grpc.routing.feedback import FeedbackTokens
from atp_grpc.services.convert.decisions import REASON_CODES
from atp_grpc.store.decision_codec import decode_decision
from tests.conformance.scribe.both import Both, desk, writers
from tests.native_engine import need_native
from tests.unit.routing.desk import CALL, Plain, three_models
from tests.unit.routing.examples import NOW, deployment, model, snapshot

pytestmark = pytest.mark.native


@pytest.fixture(autouse=True)
def native() -> None:
    need_native()


def test_money_that_no_field_holds_is_the_most_that_one_does() -> None:
    scribe = Both()
    prices = TokenPrices(2**62, 2**62)
    dear = snapshot([model("dear", context_tokens=10**9)], [deployment("dear", prices=prices)])
    routed = desk(dear, scribe).router.route(RouteRequest(text="a", input_tokens=10**8), CALL)
    assert routed.expected_cost_nano_usd == scribe.written[0][1].expected_cost_nano_usd == 2**63 - 1
    assert decode_decision(routed.record).lesson.hold_nano_usd == 2**63 - 1
    _, native = writers()
    assert pb.RouteResponse.FromString(native.response(routed)).expected.cost_nano_usd == 2**63 - 1


@pytest.mark.parametrize(
    ("prices", "said"),
    [
        (DualPrices(), set()),
        (DualPrices(cost=0.25), {ReasonCode.COST_CEILING_PRESSED}),
        (DualPrices(quality=2.0), {ReasonCode.QUALITY_FLOOR_PRESSED}),
        (DualPrices(0.25, 2.0), {ReasonCode.COST_CEILING_PRESSED, ReasonCode.QUALITY_FLOOR_PRESSED}),
    ],
)
def test_what_pressed_a_choice_is_recorded_and_told(prices: DualPrices, said: set[ReasonCode]) -> None:
    scribe = Both(prices)
    desk(three_models(), scribe).router.route(RouteRequest(text="a"), CALL)
    ((ours, theirs),) = scribe.written
    reference, native = writers()
    for one, reply in ((ours, native.response(ours)), (theirs, reference.response(theirs))):
        decision, message = decode_decision(one.record), pb.RouteResponse.FromString(reply)
        assert decision.dual_prices == prices
        assert set(decision.reason_codes) - {ReasonCode.EXPLORED, ReasonCode.CONTEXT_USED} == said
        assert message.HasField("dual_prices") == any(prices)
        assert (message.dual_prices.cost, message.dual_prices.quality) == prices
        assert list(message.reason_codes) == [REASON_CODES[code] for code in decision.reason_codes]


@pytest.mark.parametrize("written", [None, 0, 1_250_000_000, 2**62])
def test_the_price_of_writing_a_cache_travels_in_token_and_record_of_both_scribes(written: int | None) -> None:
    scribe, prices = Both(), TokenPrices(10**9, 10**9, 10**8, None, written)
    desk(snapshot([model("only")], [deployment("only", prices=prices)]), scribe).router.route(
        RouteRequest(text="a"), CALL
    )
    ((ours, theirs),) = scribe.written
    assert (ours.token, ours.record) == (theirs.token, theirs.record)
    assert FeedbackTokens(Plain()).open(ours.token, tenant="acme", now_nanos=NOW).prices == prices
    assert decode_decision(ours.record).lesson.prices == prices


@pytest.mark.parametrize("favoured", [None, 0, 1, 2])
def test_staying_is_told_of_the_favoured_model_and_of_no_other(favoured: int | None) -> None:
    scribe = Both(favoured=favoured)
    writing = desk(three_models(), scribe)
    for number in range(40):
        writing.router.route(RouteRequest(text="a" * number), CALL)
    both = [decode_decision(one.record) for pair in scribe.written for one in pair]
    assert all((ReasonCode.STAYED in one.reason_codes) == (one.chosen == favoured) for one in both)


def test_what_is_set_aside_is_the_expected_cost_of_the_chosen_model() -> None:
    scribe = Both()
    routed = desk(three_models(), scribe).router.route(RouteRequest(text="a"), CALL)
    decision = decode_decision(routed.record)
    token = FeedbackTokens(Plain()).open(routed.token, tenant="acme", now_nanos=NOW)
    chosen = decision.candidates[decision.chosen]
    assert token.hold_nano_usd == decision.lesson.hold_nano_usd == chosen.expected.cost_nano_usd > 0
    assert routed.expected_cost_nano_usd == token.hold_nano_usd
