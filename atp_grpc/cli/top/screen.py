"""Draws the live view of a server: a header, calls by method, decisions by model, and what is wrong.

`atp top` enters here. On a terminal the view moves; into a file or a pipe each look is printed below the last. It
computes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from atp_grpc.cli.printing import clean
from atp_grpc.cli.quantities import span
from atp_grpc.cli.top.rates import MethodRates, ModelShare, Rates

BAR, BAR_CELLS = "", 24
"""Title and width of the column with the bars."""
LEAST_NAME_CELLS, GAP = 20, 2
_METHOD_COLUMNS = ("method", "calls/s", "errors/s", "p50", "p99", "total")
_MODEL_COLUMNS = ("model", "share", BAR, "decisions/s", "total", "$ per 1,000", "quality", "observed")
MOST_METHODS = 12
PLAIN_WIDTH = 110
FINE_MS = 100.0
"""Latencies below this are shown with fractions of a millisecond."""
_STATE_STYLES = {"healthy": "green", "degraded": "yellow", "unhealthy": "bold red"}


@contextmanager
def opened_screen(stream: TextIO, *, is_live: bool) -> Iterator[Callable[[Rates | None, str], None]]:
    """What shows one look after the other."""
    width = None if stream.isatty() else PLAIN_WIDTH
    console = Console(file=stream, highlight=False, width=width)
    if not (is_live and console.is_terminal):
        yield lambda rates, remark: console.print(_view(rates, remark, console.width))
        return
    with Live(console=console, screen=True, auto_refresh=False) as live:
        last: list[Rates] = []

        def show(rates: Rates | None, remark: str) -> None:
            if rates is not None:
                last[:] = [rates]
            live.update(_view(last[0] if last else None, remark, console.width), refresh=True)

        yield show


def _view(rates: Rates | None, remark: str, width: int) -> RenderableType:
    parts: list[RenderableType] = [Text(remark, "bold yellow")] if remark else []
    if rates is not None:
        parts += [_header(rates), Text(), _methods(rates.methods, width), Text(), _models(rates, width)]
        if trouble := _trouble(rates):
            parts += [Text(), *trouble]
    return Group(*parts)


def _header(rates: Rates) -> Text:
    state = "leaving" if rates.draining else _worst(rates)
    style = "bold yellow" if rates.draining else _STATE_STYLES.get(state, "dim")
    queues = ", ".join(f"{name} {depth}" for name, depth in rates.queue_depths.items())
    limit = f" of {rates.call_limit}" if rates.call_limit else ""
    lines = [
        Text.assemble(
            ("atp ", "bold"),
            f"{clean(rates.instance_id)}  up {span(round(rates.uptime_seconds) * 1_000_000_000)}  ",
            (state, style),
            f"  cpu {rates.cpu_share:.0%}  mem {rates.resident_mib:.0f} MiB  loop {rates.loop_lag_ms:.1f} ms late",
        ),
        Text.assemble(
            (f"{rates.calls_per_second:,.1f}", "bold"),
            " calls/s  ",
            (f"{rates.errors_per_second:,.1f}", "bold red" if rates.errors_per_second else "dim"),
            f" errors/s  p50 {_ms(rates.p50_ms)}  p99 {_ms(rates.p99_ms)}  "
            f"{rates.open_calls} inside  {rates.open_streams} streams  "
            f"{rates.queue_depths.get('calls', 0)}{limit} waiting  {rates.overloaded_per_second:,.1f} sent away/s",
        ),
        Text.assemble(
            (f"{rates.decisions_per_second:,.1f}", "bold"),
            f" decisions/s  {_usd(rates.usd_per_thousand)} per 1,000  {rates.learned_per_second:,.1f} learned/s, "
            f"{rates.total_learned:,} in all  context {'on' if rates.context_on else 'off'}  "
            f"engine {_engines(rates)}  queues: {queues or 'none'}",
        ),
    ]
    return Text("\n").join(lines)


def _engines(rates: Rates) -> str:
    """Who decided, and how much of it; before the first decision, who would."""
    shares = rates.engine_shares or {rates.engine: 1.0}
    return ", ".join(f"{clean(name)} {share:.0%}" for name, share in shares.items())


def _methods(methods: tuple[MethodRates, ...], width: int) -> Table:
    rows = [
        (
            clean(one.method),
            f"{one.calls_per_second:,.1f}",
            Text(f"{one.errors_per_second:,.1f}", "red" if one.errors_per_second else "dim"),
            _ms(one.p50_ms),
            _ms(one.p99_ms),
            f"{one.total_calls:,}",
        )
        for one in methods[:MOST_METHODS]
    ]
    return _table(_METHOD_COLUMNS, rows, width, spare=("total", "p50", "errors/s"))


def _models(rates: Rates, width: int) -> Table:
    rows = [_model(one) for one in rates.models]
    return _table(_MODEL_COLUMNS, rows, width, spare=(BAR, "observed", "total", "decisions/s", "quality"))


def _model(one: ModelShare) -> tuple[RenderableType, ...]:
    return (
        clean(one.model),
        f"{one.share:.1%}",
        ProgressBar(total=1.0, completed=one.share, width=BAR_CELLS, complete_style="cyan", finished_style="cyan"),
        f"{one.decisions_per_second:,.1f}",
        f"{one.total_decisions:,}",
        _usd(one.usd_per_thousand),
        "" if one.quality is None else f"{one.quality:.3f}",
        f"{one.observations:,.0f}",
    )


def _trouble(rates: Rates) -> list[Text]:
    lines = [
        Text.assemble((f"{name} {state}: ", _STATE_STYLES.get(state, "")), clean(sentence))
        for name, state, sentence in rates.checks
        if state != "healthy"
    ]
    if rates.errors_by_code:
        codes = "  ".join(f"{clean(code)} {rate:,.1f}/s" for code, rate in sorted(rates.errors_by_code.items()))
        lines.append(Text(codes, "red"))
    if rates.total_incidents:
        lines.append(Text(f"{rates.total_incidents:,} incidents so far; the log has them", "red"))
    return lines


def _worst(rates: Rates) -> str:
    states = {state for _, state, _ in rates.checks}
    return next((state for state in ("unhealthy", "degraded", "healthy") if state in states), "unknown")


def _table(
    columns: Sequence[str], rows: Sequence[Sequence[RenderableType]], width: int, *, spare: Sequence[str]
) -> Table:
    """A table that fits: what is too wide loses columns, `spare` ones in this order, and then letters of the names.

    A number is never cut: half of one is another number.
    """
    widths = {
        name: max(cell_len(name), *(_cells(row[place]) for row in rows), 0) + GAP for place, name in enumerate(columns)
    }
    first, left = columns[0], dict(widths)
    for name in spare:
        if sum(left.values()) - left[first] + min(left[first], LEAST_NAME_CELLS) > width:
            del left[name]
    table = Table(box=None, padding=(0, GAP, 0, 0), header_style="dim", pad_edge=False)
    room = max(width - sum(left.values()) + left[first], LEAST_NAME_CELLS)
    table.add_column(first, no_wrap=True, max_width=min(widths[first] - GAP, room - GAP))
    for name in columns[1:]:
        if name in left:
            table.add_column(name, justify="right", no_wrap=True, width=widths[name] - GAP)
    for row in rows:
        table.add_row(*(cell for name, cell in zip(columns, row, strict=True) if name in left))
    return table


def _cells(cell: RenderableType) -> int:
    return BAR_CELLS if isinstance(cell, ProgressBar) else cell_len(str(cell))


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f} ms" if value < FINE_MS else f"{value:,.0f} ms"


def _usd(value: float | None) -> str:
    return "-" if value is None else f"${value:,.2f}"
