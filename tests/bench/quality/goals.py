"""What the project asks of its choices on each outcome file: the bars beside which the table puts its figures.

The table enters here. Bars are data; nothing is measured here. A bar belongs to a protocol: orders 0 to 4, a file
served cold, or half of it served after all outcomes of the other half.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final

LESS_IS_BETTER: Final = frozenset({"cost98", "cost95", "cpt50", "cpt80"})
METRICS: Final = ("share_lin", "share_log", "cost98", "cost95", "q0", "apgr", "cpt50", "cpt80")


class Protocol(enum.StrEnum):
    """What a policy knows when the first request comes."""

    COLD = "cold"
    WARM = "warm"


GOALS: Final[Mapping[tuple[str, Protocol], Mapping[str, float]]] = {
    ("paretobandit_val", Protocol.COLD): {"share_log": 0.06, "share_lin": -0.035, "cost98": 0.034, "cost95": 0.023},
    ("paretobandit_val", Protocol.WARM): {"share_log": 0.17, "share_lin": 0.07, "cost98": 0.029, "cost95": 0.017},
    ("bfcl", Protocol.COLD): {"share_log": -0.26, "share_lin": -0.30, "cost95": 0.058, "q0": 0.910},
    ("bfcl", Protocol.WARM): {"share_log": -0.02, "share_lin": -0.035, "cost98": 0.43, "q0": 0.932},
    ("routellm_mmlu", Protocol.COLD): {
        "apgr": 0.605,
        "cpt50": 0.36,
        "cpt80": 0.68,
        "share_lin": 0.125,
        "share_log": 0.115,
    },
    ("routellm_mmlu", Protocol.WARM): {
        "apgr": 0.57,
        "cpt50": 0.42,
        "cpt80": 0.66,
        "share_lin": 0.13,
        "share_log": 0.105,
    },
    ("routellm_gsm8k", Protocol.COLD): {
        "apgr": 0.565,
        "cpt50": 0.41,
        "cpt80": 0.73,
        "share_lin": 0.075,
        "share_log": 0.065,
    },
    ("routellm_gsm8k", Protocol.WARM): {
        "apgr": 0.615,
        "cpt50": 0.36,
        "cpt80": 0.64,
        "share_lin": 0.15,
        "share_log": 0.13,
    },
    ("llmrouter", Protocol.COLD): {"q0": 0.735},
    ("llmrouter", Protocol.WARM): {"q0": 0.768},
}
"""Least (for costs and calls: most) of each figure, by file and protocol."""


def goals_of(file: str, protocol: str) -> Mapping[str, float]:
    """The bars of a file under a protocol; none for a file that has none."""
    return GOALS.get((file, Protocol(protocol)), {})


def is_met(metric: str, figure: float, goal: float) -> bool:
    """Whether a figure reaches its bar; one that is nan, because it was never reached, does not."""
    return figure <= goal if metric in LESS_IS_BETTER else figure >= goal
