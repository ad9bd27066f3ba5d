"""Writes the vectors: runs every scenario on the reference and keeps what it said.

Run as ``python -m tests.conformance.engine.write_vectors`` after a deliberate change of the model, then read the
difference before committing it. Never run by a test: a test only reads.
"""

from __future__ import annotations

from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import atp_grpc.engine
from atp_grpc.engine.reference.chance import NORMAL_CELLS, normal_table, uniform, word
from atp_grpc.engine.self_test import CONVERSATIONS, TEXT_CONVERSATIONS
from tests.conformance.engine.makers import make_reference
from tests.conformance.engine.recorder import Recorder
from tests.conformance.engine.scenarios import SCENARIOS, SELF_TEST, TEXT_SELF_TEST
from tests.conformance.engine.vector_format import VECTORS, plain, spell, write

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atp_grpc.engine.contract import EngineParameters
    from tests.conformance.engine.scenarios import Story

SELF_TEST_FILE = Path(atp_grpc.engine.__path__[0]) / CONVERSATIONS
TEXT_SELF_TEST_FILE = Path(atp_grpc.engine.__path__[0]) / TEXT_CONVERSATIONS


def main() -> None:
    for name, (parameters, story) in SCENARIOS.items():
        write(VECTORS / f"{name}.json", tell(parameters, story))
    write(VECTORS / "chance.json", spell({"about": "Counter-based draws and the normal table.", "steps": _chance()}))
    write(SELF_TEST_FILE, self_test_text(SELF_TEST))
    write(TEXT_SELF_TEST_FILE, self_test_text(TEXT_SELF_TEST))


def tell(parameters: EngineParameters, story: Story) -> str:
    """The document of one scenario, as the reference answers today."""
    recorder = Recorder(make_reference(parameters))
    story(recorder)
    return spell({"about": story.__doc__, "parameters": plain(parameters), "steps": recorder.steps})


def self_test_text(scenarios: Mapping[str, tuple[EngineParameters, Story]]) -> str:
    """Built-in conversations of the server's self-test."""
    return "[\n" + ",\n".join(tell(parameters, story) for parameters, story in scenarios.values()) + "\n]"


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
