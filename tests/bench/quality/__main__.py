"""`python -m tests.bench.quality`: the table for some files and policies, or the pictures of the learners."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from atp_grpc.cli.quantities import read_count, read_pair
from atp_grpc.config import ConfigurationError, load
from atp_grpc.replay.pool import PoolError
from tests.bench import results
from tests.bench.quality import table
from tests.bench.quality.files import FILES, NoDataError, data_folder
from tests.bench.quality.pictures import draw_learners
from tests.bench.quality.policies import POLICIES


def main(arguments: Sequence[str]) -> int:
    """Prints what was asked for; the figures of the table itself are kept beside those of the other benches."""
    options = _parser().parse_args(arguments)
    overrides = dict(options.set)
    try:
        data_folder()
        load(None, {}, overrides)
    except (NoDataError, PoolError, ConfigurationError) as error:
        print(error, file=sys.stderr)
        return 2
    if options.pictures:
        for path in draw_learners(options.pictures):
            print(path)
        return 0
    begun = time.monotonic()
    rows = list(table.measured(table.blocks(options.files, options.policies, overrides, options.first_order)))
    print("\n".join(table.lines(rows)))
    print(f"{time.monotonic() - begun:.0f} s", file=sys.stderr)
    if not overrides and not options.first_order:
        results.keep(list(rows))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.quality", description=__doc__)
    parser.add_argument("--files", nargs="+", choices=FILES, default=list(FILES))
    parser.add_argument("--policies", nargs="+", choices=POLICIES, default=list(POLICIES))
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        type=read_pair,
        action="append",
        default=[],
        help="a setting of ATP's learners; figures are then shown and not kept",
    )
    parser.add_argument(
        "--first-order",
        metavar="SEED",
        type=read_count,
        default=0,
        help="another one than 0 is for looking at settings; figures are then shown and not kept",
    )
    parser.add_argument("--pictures", metavar="FOLDER", type=Path, help="draw the learners instead")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
