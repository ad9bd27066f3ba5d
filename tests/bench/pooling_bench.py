"""What one tenant's false grades cost the others, and what many tenants weigh: `make bench ONLY=pooling`.

`python -m tests.bench.pooling_bench` prints the table of `docs/quality.md`. Figures are means over the orders; the
memory is that of a process of its own.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from atp_grpc.engine.contract import Arm, Engine, EngineParameters, Offer, Outcome
from atp_grpc.engine.native import NativeEngine
from atp_grpc.engine.reference import ReferenceEngine
from tests.bench.pooling_world import SIMULATED, Crowd, Lie, Overrides, World, equal, served, world_of
from tests.bench.quality.files import NoDataError

Row = dict[str, object]

FILES: Final = ("paretobandit_val", "bfcl", "routellm_mmlu")
CROWDS: Final = {"2": equal(2), "10": equal(10), "50": equal(50), "10_half_the_liars": Crowd(10, 0.5)}
LIES: Final = tuple(lie for lie in Lie if lie is not Lie.NONE)
ORDERS: Final = range(10)
REQUESTS: Final = 2_000
COST_WEIGHT: Final = 0.1

ALIKE: Final[Overrides] = (("policy.tenant_limit", "0"),)
OWN_TRUTH: Final = Crowd(10, 0.1, by_category=True)

TENANTS, ARMS = 10_000, 16


def rows() -> list[Row]:
    """All figures named `pooling.`: regret in every world, and the memory of many tenants."""
    found: list[Row] = []
    for name in (*FILES, SIMULATED):
        try:
            world = world_of(name, COST_WEIGHT, REQUESTS)
        except NoDataError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
            continue
        found += _lied_to(world)
        found.append(_with_truths_of_their_own(world))
    return [*found, *_memory()]


def _lied_to(world: World) -> Iterator[Row]:
    for crowd_name, crowd in CROWDS.items():
        truth = regrets(world, crowd, Lie.NONE)
        honest = statistics.fmean(truth)
        for lie in LIES:
            told = regrets(world, crowd, lie)
            value = statistics.fmean(told)
            differences = [one - other for one, other in zip(told, truth, strict=True)]
            yield {
                "name": f"pooling.{world.name}.of_{crowd_name}.{lie.value}",
                "value": value,
                "unit": "regret per request of the others",
                "baseline": "the liar tells the truth",
                "baseline_value": honest,
                "ratio": value / honest,
                "standard_error": statistics.stdev(differences) / math.sqrt(len(ORDERS)) / honest,
                "n": len(ORDERS),
            }


def _with_truths_of_their_own(world: World) -> Row:
    """Ten honest tenants who ask different kinds of prompts, told apart and not."""
    value, alike = (statistics.fmean(regrets(world, OWN_TRUTH, Lie.NONE, overrides)) for overrides in ((), ALIKE))
    return {
        "name": f"pooling.{world.name}.of_10.own_prompts",
        "value": value,
        "unit": "regret per request",
        "baseline": "without room for tenants",
        "baseline_value": alike,
        "ratio": value / alike,
        "n": len(ORDERS),
    }


def regrets(world: World, crowd: Crowd, lie: Lie, overrides: Overrides = ()) -> list[float]:
    """For each order the mean regret per request of those who do not lie, in quality."""
    return [served(world, crowd, lie, order, overrides).of_the_others() for order in ORDERS]


def _memory() -> Iterator[Row]:
    for kind in ("native", "reference"):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            tenants_mib, checkpoint_mib = pool.apply(weighed, (kind,))
        for what, value in (("memory", tenants_mib), ("checkpoint", checkpoint_mib)):
            yield {
                "name": f"pooling.{what}.{kind}",
                "value": value,
                "unit": f"MiB of {TENANTS} tenants, {ARMS} arms each",
                "baseline": "three numbers each",
                "baseline_value": TENANTS * ARMS * 24 / 2**20,
                "ratio": value / (TENANTS * ARMS * 24 / 2**20),
                "n": 1,
            }


def weighed(kind: str) -> tuple[float, float]:
    """MiB by which a process grows when so many tenants have been taught on every arm, and MiB of the state.

    Raises:
        AssertionError: one tenant more did not make the first one go.
    """
    parameters = EngineParameters("bench", "bench.v1", 1, 1e6, 1.0, tenant_limit=TENANTS)
    engine: Engine = NativeEngine(parameters) if kind == "native" else ReferenceEngine(parameters)
    engine.load([Arm(f"arm-{arm}") for arm in range(ARMS)], [Offer(arm, 1, 1) for arm in range(ARMS)], 1)
    for arm in range(ARMS):
        engine.learn(_lesson(arm, "tenant-00000", arm))
    before = _resident_mib()
    for sequence in range(ARMS, TENANTS * ARMS):
        engine.learn(_lesson(sequence, f"tenant-{sequence // ARMS:05}", sequence % ARMS))
    grown, state = _resident_mib() - before, engine.checkpoint()
    engine.learn(_lesson(TENANTS * ARMS, "one-more", 0))
    after = engine.checkpoint()
    if b"tenant-00000" in after or b"tenant-00001" not in after:
        raise AssertionError("the tenant that was taught from longest ago is not the one that was forgotten")
    return grown, len(state) / 2**20


def _lesson(sequence: int, tenant: str, arm: int) -> Outcome:
    return Outcome(
        f"arm-{arm}",
        "bench",
        sequence,
        1,
        1,
        bytes(4),
        quality=0.5,
        predicted_mean=0.4,
        predicted_linear=0.6,
        tenant=tenant,
    )


def _resident_mib() -> float:
    """Memory that this process holds now, in MiB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> None:
    """Prints, for each world and crowd, by how much regret grows with each lie, and the other figures as a list."""
    found = {str(row["name"]): row for row in rows()}
    print("| outcomes | tenants | regret, all honest |", " | ".join(LIES), "|")
    for name in (*FILES, SIMULATED):
        for crowd in CROWDS:
            told = [found.pop(f"pooling.{name}.of_{crowd}.{lie.value}") for lie in LIES]
            print(f"| {name} | {crowd} | {told[0]['baseline_value']:.4f} |", " | ".join(map(_growth, told)), "|")
    for name, row in found.items():
        print(f"{name}: {row['value']:.4f} ({row['baseline']}: {row['baseline_value']:.4f})")


def _growth(row: Row) -> str:
    ratio, error = (float(str(row[name])) for name in ("ratio", "standard_error"))
    return f"{100 * (ratio - 1):+.0f} ± {100 * error:.0f} %"


if __name__ == "__main__":
    main()
