"""What the person sees: a live view while requests run, then tables and sentences.

The acts enter here. On a terminal it is colour and movement; into a file or a pipe it is a few plain lines. It
computes nothing that is reported elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from atp_grpc.domain.money import NANO_PER_USD
from atp_grpc.replay.scoring import Standing
from demo.answer import ShownAnswer
from demo.result import Result, verdict
from demo.traffic import Tally

MODEL_STYLES: Final = ("cyan", "magenta", "yellow", "green", "blue", "red")
BAR_CELLS: Final = 28
BAR_WIDTH: Final = 74
REFRESHES_PER_SECOND: Final = 8
ANSWER_REFRESHES_PER_SECOND: Final = 30
PLAIN_REPORTS: Final = 4


class Screen:
    """The demo's voice."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @property
    def is_watched(self) -> bool:
        """Whether somebody sees movement."""
        return self._console.is_terminal

    def act(self, title: str) -> None:
        """Opens an act."""
        self._console.print()
        self._console.print(Rule(Text(f" {title} ", style="bold"), style="dim", align="left"))

    def blank(self) -> None:
        """A line of nothing."""
        self._console.print()

    def fact(self, name: str, value: str, style: str = "") -> None:
        """One line: what, and its value."""
        self._console.print(Text.assemble((f"  {name:<9}", "dim"), (value, style)), soft_wrap=True)

    def good(self, sentence: str) -> None:
        """A promise that was kept."""
        self._console.print(Text.assemble(("  ✓ ", "bold green"), sentence), soft_wrap=True)

    @contextmanager
    def live(self, tally: Tally, *, total: int, models: tuple[str, ...]) -> Iterator[Callable[[], None]]:
        """Shows a tally while it grows. The callable yielded is to be called after each step."""
        if self._console.is_terminal:
            view = _LiveView(tally, total, models)
            with Live(get_renderable=view.render, console=self._console, refresh_per_second=REFRESHES_PER_SECOND):
                yield lambda: None
            return

        def step() -> None:
            if (tally.acknowledged * PLAIN_REPORTS) % total < PLAIN_REPORTS:
                self._console.print(Text(f"  {_summary(tally, total)}"))

        yield step

    @contextmanager
    def answer(self, shown: ShownAnswer) -> Iterator[None]:
        """Shows an answer while it comes; where nobody watches, once it has ended."""
        framed = Padding(shown, (0, 0, 0, 2))
        if self._console.is_terminal:
            with Live(framed, console=self._console, refresh_per_second=ANSWER_REFRESHES_PER_SECOND):
                yield
            return
        yield
        with self._console.capture() as captured:
            self._console.print(framed)
        # What fills lines up to the width is of no use in a file.
        plain = "\n".join(line.rstrip() for line in captured.get().splitlines())
        self._console.print(plain, markup=False, soft_wrap=True)

    @contextmanager
    def waiting(self, reason: str) -> Iterator[None]:
        """Says why nothing happens for a moment; silent where nobody watches."""
        with self._console.status(Text(reason, style="dim"), spinner="dots"):
            yield

    def results(self, result: Result) -> None:
        """The table of the first act, and what it means."""
        self._console.print()
        self._console.print(Padding(results_table(result), (0, 0, 0, 2), expand=False))
        self._console.print()
        self._verdict(result)
        self._console.print()
        self.fact("Data", _data(result), "yellow" if result.dataset.is_simulated else "")
        self.fact("Engine", result.engine)
        self.fact(
            "Speed",
            f"{result.decisions_per_second:,.0f} decisions/s, each with its Observe; Route p50 {result.p50_ms:.1f} ms, "
            f"p99 {result.p99_ms:.1f} ms as the client saw it with {result.in_flight} in flight",
        )

    def _verdict(self, result: Result) -> None:
        sentence = Text(verdict(result), style="bold")
        if self._console.is_terminal:
            saved = result.router.usd_per_1k <= result.best.usd_per_1k
            self._console.print(Padding(Panel.fit(sentence, border_style="green" if saved else "red"), (0, 0, 0, 2)))
        else:
            self._console.print(Text.assemble("  ", sentence), soft_wrap=True)


def results_table(result: Result) -> Table:
    """The router beside every reference, costs against the best single model's."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("")
    for heading in ("quality", "US$ per 1,000", "saved", "quality vs best"):
        table.add_column(heading, justify="right")
    refs = result.references
    _row(table, result, "ATP", result.router, style="bold green")
    for model, one in sorted(refs.singles.items(), key=lambda entry: -entry[1].quality):
        tags = [tag for tag, name in (("best", refs.best_single), ("cheapest", refs.cheapest)) if name == model]
        _row(table, result, f"always {result.short(model)}" + (f" ({', '.join(tags)})" if tags else ""), one)
    _row(table, result, "random", refs.random)
    _row(table, result, "oracle (in hindsight)", refs.oracle, style="dim")
    return table


def _row(table: Table, result: Result, name: str, one: Standing, style: str = "") -> None:
    is_best = one is result.best
    saved = "" if is_best else f"{one.saving_against(result.best):+.1%}"
    gap = "" if is_best else f"{one.quality - result.best.quality:+.4f}"
    table.add_row(Text(name), f"{one.quality:.4f}", f"{one.usd_per_1k:,.4f}", saved, gap, style=style)


def _data(result: Result) -> str:
    dataset = result.dataset
    label = "no model was really called; figures are of an invented world" if dataset.is_simulated else dataset.name
    return f"{dataset.description} ({label})"


class _LiveView:
    def __init__(self, tally: Tally, total: int, models: tuple[str, ...]) -> None:
        self._tally = tally
        self._total = total
        self._models = models

    def render(self) -> RenderableType:
        tally = self._tally
        shares = Table.grid(padding=(0, 3, 0, 0))
        for at, model in enumerate(self._models):
            calls = tally.calls[model]
            share = calls / max(tally.acknowledged, 1)
            bar = Text("━" * round(share * BAR_CELLS), style=MODEL_STYLES[at % len(MODEL_STYLES)])
            evidence = tally.evidence.get(model)
            quality = f"quality {evidence.quality / evidence.count:.3f}" if evidence else ""
            shares.add_row(model, f"{share:6.1%}", Text.assemble(bar, " " * (BAR_CELLS - len(bar))), quality)
        progress = Table.grid()
        progress.add_row(ProgressBar(total=self._total, completed=tally.acknowledged, width=BAR_WIDTH))
        return Padding(Group(progress, Text(_summary(tally, self._total)), "", shares), (1, 0, 0, 2))


def _summary(tally: Tally, total: int) -> str:
    done = max(tally.acknowledged, 1)
    usd = tally.cost_nano_usd / done / NANO_PER_USD * 1000
    return f"{tally.acknowledged:,} of {total:,} prompts   quality {tally.quality / done:.4f}   US$ {usd:.3f} per 1,000"
