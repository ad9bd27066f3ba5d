"""How cost grows: choice time with arms and dimension, memory with models and tenants, Route with the catalogue.

`make bench ONLY=scale` enters here; run as a module with `--plot FILE` it also draws the figures. The baseline of each
row is linear growth from the size before, so a ratio up to 1 is linear or better. Sizes take turns in short rounds,
figures of time are medians of CPU time; memory is read by processes that hold one engine each.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import io
import itertools
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

import numpy as np

from atp_grpc.app import open_rooms
from atp_grpc.config import CatalogSettings, Settings, StoreSettings
from atp_grpc.domain.call import Call
from atp_grpc.domain.request import RouteRequest
from atp_grpc.domain.tenant import Principal
from atp_grpc.engine.contract import Arm, ContextMode, Engine, EngineParameters, Offer, Outcome, Query
from atp_grpc.engine.native import NativeEngine
from atp_grpc.engine.reference import ReferenceEngine
from tests.bench import results, scale_picture
from tests.bench.messages import PROMPT
from tests.bench.scale_picture import ARMS, DIMENSIONS, TENANTS

Work = Callable[[], object]
Row = dict[str, object]
Figures = Mapping[int, float]

SERVED_ARMS, SERVED_DIMENSION = 8, 48
ENGINES: Final[Mapping[str, Callable[[EngineParameters], Engine]]] = {
    "native": NativeEngine,
    "reference": ReferenceEngine,
}
LESSONS = 12
ROUNDS, ROUND_SECONDS = 9, 0.03
COMMAND = "make bench ONLY=scale"
CALL = Call("/atp.v1.RouteService/Route", Principal("acme", "key", frozenset()), 1e18, "trace")


class Subject:
    """An engine of a size, taught a little on every arm, with queries to answer."""

    def __init__(self, kind: str, arms: int, dimension: int, tenant_limit: int = 1_000) -> None:
        context, size = ContextMode.ON, dimension - 1
        parameters = EngineParameters("bench", "bench.v1", size, 1e6, 1.0, context=context, tenant_limit=tenant_limit)
        self.engine: Engine = ENGINES[kind](parameters)
        self.arms = arms
        offers = [Offer(arm, 10**8 * (arm + 1), 4 * 10**8 * (arm + 1)) for arm in range(arms)]
        self.engine.load([Arm(f"arm-{arm}") for arm in range(arms)], offers, 1)
        vectors = (np.random.default_rng(7).standard_normal((64, size)) / np.sqrt(size)).astype("<f4")
        self.packed = [vector.tobytes() for vector in vectors]
        self.sequence = itertools.count()

    def learn(self, lessons: int, tenants: int = 0) -> None:
        """Lessons to the arms in turn, of tenants in turn."""
        for number in itertools.islice(self.sequence, lessons):
            tenant = f"tenant-{number // self.arms % tenants}" if tenants else None
            quality = 0.5 + 0.4 * float(np.sin(number * 12.9898))
            self.engine.learn(
                Outcome(
                    arm=f"arm-{number % self.arms}",
                    replica="bench",
                    sequence=number,
                    decided_nanos=1,
                    now_nanos=1,
                    features=self.packed[number % 64],
                    quality=quality,
                    predicted_mean=0.5,
                    predicted_linear=0.6,
                    tenant=tenant,
                )
            )

    def choices(self) -> Work:
        """A choice among all arms, with another vector and seed each time."""
        everyone = tuple(range(self.arms))
        queries = itertools.cycle([Query(1, everyone, s, 1, 200.0, 0.1, features=self.packed[s]) for s in range(64)])
        return lambda: self.engine.choose(next(queries)).chosen


def rows() -> list[Row]:
    """Every figure named `scale.`; takes a minute or two."""
    made: list[Row] = []
    for kind in ENGINES:
        infix = "" if kind == "native" else f"{kind}_"
        made += _grown(f"scale.{infix}arms", _choice_micros([(kind, n, SERVED_DIMENSION) for n in ARMS], ARMS))
        pairs = [(kind, SERVED_ARMS, n) for n in DIMENSIONS]
        made += _grown(f"scale.{infix}dimension", _choice_micros(pairs, DIMENSIONS))
    made += _grown("scale.route", asyncio.run(_route_micros()), unit="us CPU per Route")
    made += _grown("scale.models", {n: _child_kib("models", n) for n in ARMS}, unit="KiB")
    made += _grown("scale.tenants", {n: _child_kib("tenants", n) for n in TENANTS}, unit="KiB, 1,000 kept")
    return made


def _grown(name: str, figures: Figures, unit: str = "us CPU") -> list[Row]:
    """Rows that each stand beside linear growth from the size before."""
    sizes = sorted(figures)
    made: list[Row] = []
    for size, before in zip(sizes, [sizes[0], *sizes], strict=False):
        linear = figures[before] * size / before
        made.append(
            {
                "name": f"{name}{size}",
                "value": figures[size],
                "unit": unit,
                "baseline": f"linear from {before}",
                "baseline_value": linear,
                "ratio": figures[size] / linear,
                "n": 1 if unit.startswith("KiB") else ROUNDS,
                "command": COMMAND,
            }
        )
    return made


def _choice_micros(subjects: Sequence[tuple[str, int, int]], sizes: Sequence[int]) -> Figures:
    """Median microseconds of CPU for one choice, by size."""
    calls: dict[int, Work] = {}
    for size, (kind, arms, dimension) in zip(sizes, subjects, strict=True):
        subject = Subject(kind, arms, dimension)
        subject.learn(LESSONS * arms)
        calls[size] = subject.choices()
    return _in_turn(calls)


def _in_turn(calls: Mapping[int, Work]) -> Figures:
    """Rounds in which the sizes take turns, so that a slow moment of the machine meets all of them."""
    counts = {size: _calls_per_round(call) for size, call in calls.items()}
    spent: dict[int, list[float]] = {size: [] for size in calls}
    for _ in range(ROUNDS):
        for size, call in calls.items():
            before = time.process_time_ns()
            for _ in range(counts[size]):
                call()
            spent[size].append((time.process_time_ns() - before) / counts[size] / 1e3)
    return {size: statistics.median(rounds) for size, rounds in spent.items()}


def _calls_per_round(call: Work) -> int:
    call()
    before, count = time.perf_counter(), 0
    while time.perf_counter() - before < ROUND_SECONDS:
        call()
        count += 1
    return count


async def _route_micros() -> Figures:
    """Median CPU of one Route without a socket, by number of models in the catalogue, one deployment each."""
    async with AsyncExitStack() as stack:
        return _in_turn({size: await stack.enter_async_context(_routing(size)) for size in ARMS})


@asynccontextmanager
async def _routing(models: int) -> AsyncIterator[Work]:
    request = RouteRequest(text=PROMPT)
    with _settings(models) as settings:
        async with open_rooms(settings, log_stream=io.StringIO()) as rooms:
            yield lambda: rooms.router.route(request, CALL)


@contextmanager
def _settings(models: int) -> Iterator[Settings]:
    """A catalogue of so many models with one deployment each, decisions kept in memory."""
    entry = """
[[model]]
name = "model-{number}"
context_tokens = 131_072
max_output_tokens = 8_192

[[deployment]]
model = "model-{number}"
provider = "bench"

[[deployment.price]]
input_usd_per_million_tokens = {price}
output_usd_per_million_tokens = {price}
"""
    listed = (entry.format(number=number, price=(number + 1) / 10) for number in range(models))
    with tempfile.TemporaryDirectory() as folder:
        catalogue = Path(folder) / "catalogue.toml"
        catalogue.write_text('[[provider]]\nname = "bench"\n' + "".join(listed))
        yield Settings(
            profile="ci",
            data_dir=Path(folder) / "data",
            catalog=CatalogSettings(path=str(catalogue)),
            store=StoreSettings(kind="memory"),
        )


def _child_kib(kind: str, size: int) -> float:
    """What an engine of a size holds, as a process of its own finds."""
    command = [sys.executable, "-m", "tests.bench.scale_bench", "--hold", kind, str(size)]
    return float(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout))


def _held_kib(kind: str, size: int) -> float:
    """Resident memory that one engine of a size adds, KiB: of many when they are small, because pages are coarse."""
    warm, copies = _taught(kind, 1), max(4, 512 // size)
    gc.collect()
    before = _resident_kib()
    held = [_taught(kind, size) for _ in range(copies)]
    gc.collect()
    added = _resident_kib() - before
    del warm, held
    return added / copies


def _taught(kind: str, size: int) -> Subject:
    subject = Subject("native", size if kind == "models" else SERVED_ARMS, SERVED_DIMENSION)
    subject.learn(2 * subject.arms * (size if kind == "tenants" else 1), tenants=size if kind == "tenants" else 0)
    subject.choices()()
    return subject


def _resident_kib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1024


def main(arguments: Sequence[str]) -> None:
    """Measures, prints and draws; `--hold` is how this module asks itself from another process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plot", type=Path, help="svg or png to draw the figures to")
    parser.add_argument("--hold", nargs=2, metavar=("KIND", "SIZE"))
    given = parser.parse_args(arguments)
    if given.hold:
        print(json.dumps(_held_kib(given.hold[0], int(given.hold[1]))))
        return
    figures = rows()
    results.show(figures)
    results.keep(list(figures))
    if given.plot:
        scale_picture.draw(figures, given.plot)


if __name__ == "__main__":
    main(sys.argv[1:])
