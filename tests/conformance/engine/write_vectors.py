"""Writes the vectors: runs every scenario on the reference and keeps what it said.

Run as ``python -m tests.conformance.engine.write_vectors`` after a deliberate change of the model, then read the
difference before committing it. Never run by a test: a test only reads.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

from atp_grpc.engine.reference import ReferenceEngine
from atp_grpc.engine.reference.chance import NORMAL_CELLS, normal_table, uniform, word
from tests.conformance.engine.recorder import Recorder
from tests.conformance.engine.scenarios import SCENARIOS
from tests.conformance.engine.vector_format import plain, write


def main() -> None:
    for name, (parameters, story) in SCENARIOS.items():
        recorder = Recorder(ReferenceEngine(parameters))
        story(recorder)
        write(name, {"about": story.__doc__, "parameters": plain(parameters), "steps": recorder.steps})
    write("chance", {"about": "Counter-based draws and the normal table.", "steps": _chance()})


def _chance() -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = []
    for seed in (0, 1, 42, 2**63, 2**64 - 1, 0x9E3779B97F4A7C15, 1234567890123456789):
        for stream in (1, 2):
            for index in (0, 1, 2, 31, 255, 100_000):
                at = {"seed": seed, "stream": stream, "index": index}
                steps.append({"do": "word", **at, "expect": {"word": word(seed, stream, index)}})
                steps.append({"do": "uniform", **at, "expect": {"uniform": uniform(seed, stream, index)}})
    quantile = NormalDist().inv_cdf
    for cell in (0, 1, 2, 99, 307, 308, 1023, 2047, 2048, 2049, 3787, 3788, 4000, 4094, 4095):
        assert normal_table()[cell] == quantile((cell + 0.5) / NORMAL_CELLS)
        steps.append({"do": "normal", "cell": cell, "expect": {"normal": float(normal_table()[cell])}})
    return steps


if __name__ == "__main__":
    main()
