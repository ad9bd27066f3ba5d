"""Money for what nobody has counted yet: a burst that outgrows it, a tool call, a picture."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from atp_grpc.domain.ask import Delta, FinishReason
from atp_grpc.domain.conversation import PICTURE_TOKENS, ImagePart, Prompt, Role, TextPart, Turn
from atp_grpc.domain.outcome import Usage
from atp_grpc.domain.request import Constraints
from atp_grpc.providers.contract import ToolCallDelta, Used
from tests.unit.asking.priced import EXPECTED, staged
from tests.unit.asking.scripted import Step, finished, texts, used
from tests.unit.asking.stage import Stage
from tests.unit.asking.told import asking
from tests.unit.asking.virtual_time import play


@pytest.mark.parametrize("letter", ["x", "ü", "語", "🙂"])
@pytest.mark.parametrize("is_streamed", [True, False])
@pytest.mark.parametrize("budget", [EXPECTED, EXPECTED + 1, 1_000_000])
def test_however_much_comes_at_once_no_more_is_shown_and_billed_than_is_paid_for(
    letter: str, is_streamed: bool, budget: int
) -> None:
    async def story() -> None:
        size = len(letter.encode())
        stage = staged(*texts(letter * (1_600 // size)), used(400), finished(), sigmas=0.0)
        await stage.give(budget)
        told = await stage.tell(asking(is_streamed=is_streamed))
        assert told.final.finish_reason is FinishReason.BUDGET
        assert told.text == letter * len(told.text)
        assert budget - 3_000 * (1 + size / 4) < told.final.cost_nano_usd <= budget
        assert (stage.spent(), stage.held(), stage.in_flight) == (told.final.cost_nano_usd, 0, 0)
        await stage.close()

    play(story())


def test_a_picture_is_estimated_and_teaches_nothing_of_texts() -> None:
    async def story() -> None:
        seen = Prompt(
            (Turn(Role.USER, (TextPart("What is this? " * 10), ImagePart("https://pictures.example/1.png"))),)
        )
        told: Sequence[Step] = [*texts("x" * 40), Used(Usage(1_200, 0, 10, 0, 0)), finished()]
        untold: Sequence[Step] = [*texts("x" * 40), finished()]
        stage, fair = Stage(), Constraints(allowed_models=frozenset({"fair"}))
        stage.provider.script("fair@one", *[told] * 50, untold, untold)
        for _ in range(50):
            await stage.tell(asking(prompt=seen, constraints=fair))
        guessed = (await stage.tell(asking(prompt=seen, constraints=fair))).final
        assert (guessed.usage.input_tokens, guessed.is_estimated) == (35 + PICTURE_TOKENS, True)
        assert (await stage.tell(asking(constraints=fair))).final.usage.input_tokens == 8
        await stage.close()

    play(story())


def test_a_tool_call_that_outgrows_the_money_is_broken_off_within_it() -> None:
    async def story() -> None:
        stage = staged(ToolCallDelta(0, "id", "add", "1" * 1_000), finished(), sigmas=0.0)
        await stage.give(1_000_000)
        told = await stage.tell()
        assert told.final.finish_reason is FinishReason.BUDGET
        assert 990_000 < told.final.cost_nano_usd <= 1_000_000
        assert told.of(Delta)[0].name == "add"
        await stage.close()

    play(story())
