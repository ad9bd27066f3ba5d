"""Counts decisions and their expected cost, for the metrics page.

Own integers, turned into samples when the page is read: counting through the metrics library costs a lock and two
look-ups a number, several times what this does. One thread counts; reading at any moment is fine.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

_LABELS = ("model", "policy")


class DecisionTally(Collector):
    """Decisions by model and policy."""

    def __init__(self) -> None:
        self._tallies: dict[tuple[str, str], list[int]] = {}

    def count(self, model: str, policy: str, expected_cost_nano_usd: int) -> None:
        """Counts one decision."""
        tally = self._tallies.get((model, policy))
        if tally is None:
            tally = self._tallies[model, policy] = [0, 0]
        tally[0] += 1
        tally[1] += expected_cost_nano_usd

    def collect(self) -> Iterator[Metric]:
        """The two families of the metrics page."""
        decisions = CounterMetricFamily("atp_decisions", "Decisions made.", labels=_LABELS)
        cost = CounterMetricFamily(
            "atp_expected_cost_nano_usd", "Expected cost of the decisions made, in nano-US-dollars.", labels=_LABELS
        )
        for names, (count, nano_usd) in list(self._tallies.items()):
            decisions.add_metric(names, count)
            cost.add_metric(names, nano_usd)
        yield decisions
        yield cost
