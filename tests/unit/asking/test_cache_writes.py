"""A prompt that a provider may write to its cache: set aside at the dearer price, and counted whole."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from atp_grpc.domain.ask import Decided, OnCut
from atp_grpc.domain.outcome import Usage
from atp_grpc.providers.contract import FaultKind, Used
from tests.unit.asking.priced import EXPECTED, LONGEST, WRITTEN, staged
from tests.unit.asking.scripted import Step, fault, finished, texts
from tests.unit.asking.stage import DEPLOYMENTS, Stage
from tests.unit.asking.told import asking
from tests.unit.asking.virtual_time import play


@pytest.mark.parametrize(("sigmas", "reserved"), [(0.0, EXPECTED), (0.25, EXPECTED + EXPECTED // 4), (2.0, LONGEST)])
def test_a_prompt_that_is_marked_sets_aside_what_writing_all_of_it_costs(sigmas: float, reserved: int) -> None:
    async def story() -> None:
        for session, more in (("", 0), ("talk", WRITTEN)):
            stage = staged(*texts(*["x" * 40] * 40), Used(Usage(0, 0, 400, 0, 8)), finished(), sigmas=sigmas)
            await stage.give(10**9)
            held: list[int] = []
            async for event in stage.answer(asking(session_id=session)):
                held.append(stage.held())
                if isinstance(event, Decided):
                    assert event.reserved_nano_usd == stage.held() == reserved + more
            assert max(held) == LONGEST + more
            assert (stage.spent(), stage.held()) == (LONGEST + WRITTEN, 0)
            await stage.close()

    play(story())


@pytest.mark.parametrize(("session", "attempts"), [("", 2), ("talk", 1)])
def test_another_attempt_is_only_made_where_there_is_money_for_writing_the_prompt_again(
    session: str, attempts: int
) -> None:
    async def story() -> None:
        half: Sequence[Step] = [*texts("x" * 400), fault(FaultKind.CUT)]
        stage = Stage(sigmas=0.0)
        for name in DEPLOYMENTS:
            stage.provider.script(name, half)
        await stage.give(108 * 3_000 + EXPECTED)
        await stage.tell(asking(on_cut=OnCut.RESTART, session_id=session))
        assert len(stage.provider.calls) == attempts
        assert stage.held() == 0
        await stage.close()

    play(story())


def test_the_meter_learns_from_every_token_of_a_prompt_whatever_was_charged_for_it() -> None:
    async def story() -> None:
        told: Sequence[Step] = [*texts("x" * 41), Used(Usage(8, 8, 11, 0, 16)), finished()]
        untold: Sequence[Step] = [*texts("x"), finished()]
        stage = Stage()
        stage.provider.script("good@one", told, untold)
        stage.provider.script("good@two", untold)
        await stage.tell()
        # 32 bytes were 32 tokens: from 4 bytes a token a twentieth of the way to 1.
        assert (await stage.tell(asking("x" * 3_850))).final.usage.input_tokens == 1_000
        await stage.close()

    play(story())
