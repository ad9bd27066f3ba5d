"""What an Ask leaves behind in memory."""

from __future__ import annotations

import gc

import pytest

from tests.unit.asking.scripted import answer
from tests.unit.asking.stage import Stage
from tests.unit.asking.told import asking
from tests.unit.asking.virtual_time import play


@pytest.mark.parametrize("is_streamed", [True, False])
def test_an_ask_that_ended_is_gone_without_the_collector(is_streamed: bool) -> None:
    async def story() -> list[str]:
        stage = Stage()
        stage.provider.script("good@one", answer("one"), answer("two"))
        await stage.tell(asking(is_streamed=is_streamed))
        gc.collect()
        gc.disable()
        gc.set_debug(gc.DEBUG_SAVEALL)
        try:
            await stage.tell(asking(is_streamed=is_streamed))
            gc.collect()
            return [type(thing).__name__ for thing in gc.garbage]
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()
            await stage.close()

    assert "Run" not in play(story())
