"""Money: set aside ahead, extended on the way, billed to the nano-dollar, written down once, given back always."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.asking.reserving import Reservation, Spreads
from atp_grpc.domain.ask import AskEvent, Decided, Final, FinishReason, OnCut
from atp_grpc.domain.errors import AnswerCutError, BudgetExhaustedError
from atp_grpc.domain.model import DatedPrices
from atp_grpc.domain.money import TokenPrices
from atp_grpc.domain.outcome import AttemptError, Usage
from atp_grpc.domain.request import Constraints
from atp_grpc.providers.contract import FaultKind, TextDelta, Used
from tests.unit.asking.priced import EXPECTED, LONGEST, staged
from tests.unit.asking.scripted import Step, answer, fault, finished, texts, used
from tests.unit.asking.stage import DEPLOYMENTS, ENDPOINT, Stage, catalogue
from tests.unit.asking.told import asking
from tests.unit.asking.virtual_time import play
from tests.unit.routing.examples import snapshot


@given(usage=st.builds(Usage, *[st.integers(0, 10**9)] * 5))
def test_the_bill_is_price_times_tokens_of_every_class_rounded_once(usage: Usage) -> None:
    async def story() -> None:
        stage = staged(*texts("x"), Used(usage), finished())
        told = await stage.tell()
        full = (usage.input_tokens or 0) + (usage.output_tokens or 0) + (usage.reasoning_tokens or 0)
        kept = (usage.cached_input_tokens or 0) * 300 + (usage.cache_write_input_tokens or 0) * 3_750
        assert told.final.cost_nano_usd == full * 3_000 + kept
        assert told.final.usage == usage
        assert not told.final.is_estimated
        await stage.close()

    play(story())


def test_missing_usage_is_counted_and_marked() -> None:
    async def story() -> None:
        stage = staged(*texts("x" * 41), finished())
        final = (await stage.tell()).final
        assert final.usage == Usage(8, 0, 11, 0, 0)
        assert final.is_estimated
        assert final.attempts[0].is_estimated
        part = staged(*texts("x" * 41), Used(Usage(None, 3, 9, None, 1)), finished())
        final = (await part.tell()).final
        assert final.usage == Usage(4, 3, 9, 0, 1)
        assert final.is_estimated
        await stage.close()
        await part.close()

    play(story())


def test_usage_told_before_more_of_the_answer_came_is_a_lower_bound() -> None:
    async def story() -> None:
        stage = staged(used(1, prompt=20), *texts("x" * 400), finished())
        final = (await stage.tell()).final
        assert final.usage == Usage(20, 0, 100, 0, 0)
        assert final.is_estimated
        await stage.close()

    play(story())


def test_a_price_that_is_a_ceiling_marks_the_bill() -> None:
    async def story() -> None:
        stage = Stage(view=catalogue(good=dataclasses.replace(ENDPOINT, price_is_ceiling=True)))
        final = (await stage.tell()).final
        assert (final.cost_nano_usd, final.is_estimated) == (39_000, True)
        await stage.close()

    play(story())


def test_the_expected_cost_and_two_deviations_are_set_aside_but_no_more_than_the_longest_answer() -> None:
    async def story() -> None:
        for sigmas, cap, reserved in (
            (2.0, None, LONGEST),
            (0.25, None, EXPECTED + EXPECTED // 4),
            (2.0, 300, 924_000),
        ):
            stage = staged(2.0, *answer(), sigmas=sigmas)
            await stage.give(10**9)
            answering = stage.answer(asking(max_output_tokens=cap))
            decided = await anext(answering)
            assert isinstance(decided, Decided)
            assert decided.reserved_nano_usd == reserved
            assert stage.held() == reserved
            rest = [event async for event in answering]
            assert isinstance(rest[-1], Final)
            assert (stage.spent(), stage.held()) == (39_000, 0)
            await stage.close()

    play(story())


def test_a_tenant_without_a_budget_sets_nothing_aside() -> None:
    async def story() -> None:
        stage = staged(*answer())
        await stage.give(10**9, tenant="globex")
        told = await stage.tell()
        assert told.decided.reserved_nano_usd == 0
        assert stage.spent("globex") == 0
        await stage.close()

    play(story())


def test_the_call_upstream_is_streamed_where_money_has_to_be_watched() -> None:
    async def story() -> None:
        stage = staged(*answer())
        await stage.give(10**9)
        await stage.tell(asking(is_streamed=False))
        assert stage.provider.calls[0].generation.is_streamed
        await stage.close()

    play(story())


def test_an_answer_that_outgrows_what_is_set_aside_is_extended_slice_by_slice() -> None:
    async def story() -> None:
        stage = staged(*texts(*["x" * 40] * 39), used(390), finished(), sigmas=0.1)
        await stage.give(10**9)
        held: list[int] = []
        events: list[AskEvent] = []
        async for event in stage.answer():
            events.append(event)
            held.append(stage.held())
        final = events[-1]
        assert isinstance(final, Final)
        assert final.finish_reason is FinishReason.STOP
        assert final.cost_nano_usd == 400 * 3_000
        assert max(held) == LONGEST
        assert sorted(set(held)) == [0, EXPECTED + EXPECTED // 10, LONGEST]
        assert (stage.spent(), stage.held()) == (1_200_000, 0)
        await stage.close()

    play(story())


@pytest.mark.parametrize("is_streamed", [True, False])
def test_an_answer_stops_when_the_money_ends_and_is_a_good_answer(is_streamed: bool) -> None:
    async def story() -> None:
        budget = 1_000_000
        stage = staged(*texts(*["x" * 40] * 39), used(390), finished(), sigmas=0.1)
        await stage.give(budget)
        told = await stage.tell(asking(is_streamed=is_streamed))
        final = told.final
        assert final.finish_reason is FinishReason.BUDGET
        # 333 tokens are what a million nano-dollars buy: 8 of the prompt, and 325 of which the last are half a piece.
        assert len(told.text) == 1_300
        assert final.cost_nano_usd == (8 + 325) * 3_000
        assert final.is_estimated
        assert stage.provider.calls[0].ended == "closed"
        assert final.attempts[0].attempt.error is AttemptError.CANCELLED
        assert (stage.spent(), stage.held(), stage.in_flight) == (final.cost_nano_usd, 0, 0)
        assert isinstance((await stage.tell()).error, BudgetExhaustedError)
        await stage.close()

    play(story())


def test_another_attempt_is_only_made_where_there_is_money_for_it() -> None:
    async def story(on_cut: OnCut) -> None:
        half: Sequence[Step] = [*texts("x" * 400), fault(FaultKind.CUT)]
        stage = Stage(sigmas=0.0)
        for name in DEPLOYMENTS:
            stage.provider.script(name, half)
        await stage.give(1_000_000)
        told = await stage.tell(asking(on_cut=on_cut))
        assert isinstance(told.error, AnswerCutError)
        assert len(stage.provider.calls) == 1
        assert told.said_cost == 108 * 3_000
        assert (stage.spent(), stage.held(), stage.in_flight) == (told.said_cost, 0, 0)
        unary = Stage(sigmas=0.0)
        for name in DEPLOYMENTS:
            unary.provider.script(name, half)
        await unary.give(1_000_000)
        refused = await unary.tell(asking(is_streamed=False))
        assert isinstance(refused.error, BudgetExhaustedError)
        assert (unary.spent(), refused.said_cost) == (told.said_cost, told.said_cost)
        await stage.close()
        await unary.close()

    play(story(OnCut.RESTART))


def test_a_model_that_costs_nothing_is_never_stopped_by_money() -> None:
    async def story() -> None:
        view = catalogue()
        free = [
            dataclasses.replace(one, price_history=(DatedPrices(0, TokenPrices(0, 0)),))
            for one in view.deployments.values()
        ]
        stage = staged(*texts(*["x" * 40] * 39), used(390), finished())
        stage.catalogue.view = snapshot(list(view.models.values()), free, revision=4, generation=4)
        await stage.give(0)
        told = await stage.tell()
        assert (told.final.finish_reason, told.final.cost_nano_usd) == (FinishReason.STOP, 0)
        await stage.close()

    play(story())


def test_the_spread_begins_at_once_the_mean_and_follows_the_bills() -> None:
    spreads = Spreads()
    assert spreads.of("m") == 1.0
    for _ in range(200):
        spreads.learn("m", expected_nano_usd=100, actual_nano_usd=120)
    assert spreads.of("m") == pytest.approx(0.2, abs=0.01)
    spreads.learn("m", expected_nano_usd=0, actual_nano_usd=120)
    spreads.learn("m", expected_nano_usd=1, actual_nano_usd=10**9)
    assert spreads.of("m") <= 1.0
    assert spreads.of("other") == 1.0


def test_a_denial_of_wallet_costs_no_more_than_the_budget_and_one_call() -> None:
    async def story() -> None:
        endless: list[Step] = [TextDelta("x" * 100)] * 2_000
        stage = staged(*endless)
        await stage.give(3_000_000)
        only = Constraints(allowed_models=frozenset({"good"}))
        while True:
            told = await stage.tell(asking(on_cut=OnCut.RESTART, constraints=only))
            if isinstance(told.error, BudgetExhaustedError):
                break
        assert stage.spent() <= 3_000_000 + LONGEST
        await stage.close()

    play(story())


def test_a_paid_stand_in_for_a_model_that_costs_nothing_is_paid_in_few_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    add, slices = Reservation._add, list[int]()

    async def counted(reservation: Reservation, amount: int) -> int:
        slices.append(amount)
        return await add(reservation, amount)

    monkeypatch.setattr(Reservation, "_add", counted)

    async def story() -> None:
        view = catalogue()
        priced = [
            dataclasses.replace(one, price_history=(DatedPrices(0, TokenPrices(0, 0)),)) if one.model == "good" else one
            for one in view.deployments.values()
        ]
        stage = Stage(view=snapshot(list(view.models.values()), priced, revision=4, generation=4))
        await stage.give(10**9)
        for name in ("good@one", "good@two"):
            stage.provider.script(name, [fault(FaultKind.UNAVAILABLE)])
        stage.provider.script("fair@one", [*texts(*["x" * 40] * 39), used(390), finished()])
        told = await stage.tell()
        assert (told.final.target.model, told.final.cost_nano_usd) == ("fair", 400 * 2_000)
        assert (stage.spent(), stage.held()) == (800_000, 0)
        # A slice for every nano-dollar would keep everybody else from the loop.
        assert len(slices) < 100
        await stage.close()

    play(story())
