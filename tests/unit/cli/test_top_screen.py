"""What `atp top` draws: it fits the terminal, however narrow, and never shows half a number."""

from __future__ import annotations

import io
import re

import pytest

from atp_grpc.cli.top.rates import Rates, rates_between
from atp_grpc.cli.top.screen import PLAIN_WIDTH, opened_screen
from atp_grpc.client import messages as m
from tests.unit.cli.test_top_rates import model, route, stats

NAME = "a-model-of-a-very-long-name-that-nobody-wants-to-read-twice"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def rates() -> Rates:
    after = stats(
        2,
        methods=[route(246_913, 1_357, quick=50)],
        models=[model(NAME, 123_456, 4 * 10**12), model("swift", 123_457)],
        checks=[m.HealthCheck(name="store", state=m.HealthState.HEALTH_STATE_DEGRADED, sentence="slow")],
        total_decisions_by_engine={"native": 30, "reference": 10},
    )
    learned = m.EngineInfo(name="native", arms=[m.ArmInfo(model=NAME, observations=98_765, quality=0.875)])
    return rates_between(stats(0), after, learned)


def drawn(rates: Rates, width: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    with opened_screen(terminal, is_live=False) as show:
        show(rates, "")
    return [line.rstrip() for line in re.sub(r"\x1b\[[0-9;]*m", "", terminal.getvalue()).splitlines()]


def table_numbers(lines: list[str]) -> set[str]:
    """What stands in the rows of both tables beside the names and the bars."""
    rows = [line.split()[1:] for line in lines if line.startswith(("RouteService", "swift", NAME[:10]))]
    return {word for row in rows for word in row if not set(word) & set("━╸╺")}


@pytest.mark.parametrize("width", [40, 50, 60, 80, 110, 160])
def test_the_view_fits_the_terminal(rates: Rates, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert max(map(len, drawn(rates, width, monkeypatch))) <= width


@pytest.mark.parametrize("width", [40, 50, 60, 80, 110, 160])
def test_numbers_of_tables_are_whole_or_left_out(rates: Rates, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = table_numbers(drawn(rates, width, monkeypatch))

    assert numbers
    assert numbers <= table_numbers(drawn(rates, 200, monkeypatch))


def test_a_wide_terminal_shows_everything(rates: Rates, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "\n".join(drawn(rates, 160, monkeypatch))

    assert NAME in text
    for word in ("errors/s", "p50", "total", "quality", "observed", "98,765", "━", "engine native 75%, reference 25%"):
        assert word in text


def test_a_narrow_terminal_keeps_what_matters_most(rates: Rates, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "\n".join(drawn(rates, 40, monkeypatch))

    for word in ("calls/s", "p99", "share", "$ per 1,000", "store degraded"):
        assert word in text
    assert NAME not in text


def test_a_file_gets_the_same_width_whatever_the_terminal_is(rates: Rates, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    page = io.StringIO()
    with opened_screen(page, is_live=True) as show:
        show(rates, "")

    assert 40 < max(map(len, page.getvalue().splitlines())) <= PLAIN_WIDTH
