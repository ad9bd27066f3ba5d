"""What the learners look like on data: one picture each, quality against cost and the learning curve.

The command enters here. It draws what was graded and measures nothing of its own.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

from atp_grpc.replay.grading.plots import draw
from atp_grpc.replay.parallel import run_all
from tests.bench.quality.goals import Protocol
from tests.bench.quality.measuring import Block, measure
from tests.bench.quality.policies import LEARNERS

FILE: Final = "paretobandit_val"
STROKES: Final = ("M ", "L ", "C ", "Q ")
"""How lines begin that hold nothing but points of a path."""
COORDINATE: Final = re.compile(r"-?\d+\.\d+")


def draw_learners(folder: Path) -> Iterator[Path]:
    """Writes `learner_NAME.svg` for each of ATP's learners, served cold; gives each path as it is written.

    Raises:
        PictureError: matplotlib is missing.
        NoDataError: there is no outcome data.
    """
    folder.mkdir(parents=True, exist_ok=True)
    yield from run_all(partial(_draw, folder), tuple(LEARNERS), jobs=os.cpu_count() or 1)


def _draw(folder: Path, learner: str) -> Path:
    path = folder / f"learner_{learner}.svg"
    draw([measure(Block(FILE, Protocol.COLD, learner))], path)
    path.write_text("\n".join(map(_lean, path.read_text(encoding="utf-8").splitlines())) + "\n", encoding="utf-8")
    return path


def _lean(line: str) -> str:
    """A line of an svg without what nobody sees: indentation, and points finer than a tenth of a unit."""
    line = line.strip()
    return COORDINATE.sub(lambda found: f"{float(found[0]):.1f}", line) if line.startswith(STROKES) else line
