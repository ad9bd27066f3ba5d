"""Measures, prints a table and keeps the figures: `python -m tests.bench [PREFIX]`."""

from __future__ import annotations

import sys
from collections.abc import Callable

from tests.bench import results

Rows = list[dict[str, object]]


def _engine() -> Rows:
    from tests.bench import engine_bench

    return engine_bench.rows()


def _route() -> Rows:
    from tests.bench import route_bench

    return route_bench.rows()


def _observe() -> Rows:
    from tests.bench import observe_bench

    return observe_bench.rows()


def _stream() -> Rows:
    from tests.bench import stream_bench

    return stream_bench.rows()


def _edge() -> Rows:
    from tests.bench import edge_bench

    return edge_bench.rows()


def _tracing() -> Rows:
    from tests.bench import tracing_bench

    return tracing_bench.rows()


def _provider() -> Rows:
    from tests.bench import provider_bench

    return provider_bench.rows()


def _start() -> Rows:
    from tests.bench import start_bench

    return start_bench.rows()


def _ask() -> Rows:
    from tests.bench import ask_bench

    return ask_bench.rows()


def _ask_parts() -> Rows:
    from tests.bench import ask_parts

    return ask_parts.rows()


def _scale() -> Rows:
    from tests.bench import scale_bench

    return scale_bench.rows()


def _resilience() -> Rows:
    from tests.bench import resilience_bench

    return resilience_bench.rows()


def _trial() -> Rows:
    from tests.bench import trial_bench

    return trial_bench.rows()


def _evaluate() -> Rows:
    from tests.bench import evaluate_bench

    return evaluate_bench.rows()


def _savings() -> Rows:
    from tests.bench import savings_bench

    return savings_bench.rows()


def _ope() -> Rows:
    from tests.bench import ope_bench

    return ope_bench.rows()


def _pooling() -> Rows:
    from tests.bench import pooling_bench

    return pooling_bench.rows()


def _quality() -> Rows:
    from tests.bench.quality import table
    from tests.bench.quality.files import NoDataError

    try:
        return list(table.measured(table.blocks()))
    except NoDataError as error:
        print(f"quality is left out: {error}", file=sys.stderr)
        return []


BENCHES: dict[str, Callable[[], Rows]] = {
    "engine.": _engine,
    "route.": _route,
    "observe.": _observe,
    "route.stream": _stream,
    "observe.stream": _stream,
    "ask.": _ask,
    "parts.": _ask_parts,
    "provider": _provider,
    "edge": _edge,
    "tracing": _tracing,
    "start": _start,
    "rss": _start,
    "quality": _quality,
    "ope": _ope,
    "savings": _savings,
    "evaluate": _evaluate,
    "pooling": _pooling,
    "resilience": _resilience,
    "scale": _scale,
    "trial": _trial,
}


def main(prefix: str) -> int:
    """Runs the benches that can give a figure whose name starts with the prefix."""
    chosen = dict.fromkeys(
        bench for name, bench in BENCHES.items() if name.startswith(prefix) or prefix.startswith(name)
    )
    if not chosen:
        print(f"no figure starts with {prefix!r}; there are: {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    rows = [row for bench in chosen for row in bench() if str(row["name"]).startswith(prefix)]
    _show(rows)
    results.keep(list(rows))
    return 0


def _show(rows: Rows) -> None:
    """Prints figures of quality beside their bars, others as a list."""
    of_quality = [row for row in rows if str(row["name"]).startswith("quality.")]
    if plain := [row for row in rows if row not in of_quality]:
        results.show(plain)
    if of_quality:
        from tests.bench.quality.table import lines

        print("\n".join(lines(of_quality)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
