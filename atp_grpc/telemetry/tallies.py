"""Counters and histograms of plain integers, turned into samples when the metrics page is read.

What is counted on the path of every call is counted here: the metrics library takes a lock and two look-ups for each
number, several times what this does. One thread counts, the event loop's; reading at any moment is fine.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

Labels = tuple[str, ...]


class Tally(Collector):
    """A counter by labels. `counts` may be read by anybody."""

    def __init__(self, name: str, sentence: str, labels: Labels = ()) -> None:
        """Args: `name` without `_total`."""
        self._name, self._sentence, self._labels = name, sentence, labels
        # A counter without labels is there from the start: one that appears with its first event has no past.
        self.counts: dict[Labels, int] = {} if labels else {(): 0}

    def add(self, amount: int = 1, labels: Labels = ()) -> None:
        """Counts."""
        self.counts[labels] = self.counts.get(labels, 0) + amount

    def collect(self) -> Iterator[Metric]:
        """The family of the metrics page."""
        return _counter(self._name, self._sentence, self._labels, self.counts)


class WatchedTally(Collector):
    """A counter that somebody else keeps: `read` gives its counts by labels whenever the page is read."""

    def __init__(self, name: str, sentence: str, labels: Labels = ()) -> None:
        """Args: `name` without `_total`."""
        self._name, self._sentence, self._labels = name, sentence, labels
        self.read: Callable[[], Mapping[Labels, int]] = dict

    def collect(self) -> Iterator[Metric]:
        """The family of the metrics page."""
        return _counter(self._name, self._sentence, self._labels, self.read())


class Spread:
    """How many values fell below each bound."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        """Args: `bounds` in rising order; what lies above the last one is counted too."""
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0
        """Sum of the values."""

    def add(self, value: float) -> None:
        """Counts a value; a bound is part of what lies below it."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def join(self, other: Spread) -> None:
        """Counts what another one with the same bounds has counted."""
        self.counts = [mine + theirs for mine, theirs in zip(self.counts, other.counts, strict=True)]
        self.total += other.total

    def cumulative(self) -> list[tuple[float, int]]:
        """Each bound with the values up to it; the last one is infinite."""
        return list(zip((*self.bounds, float("inf")), accumulate(self.counts), strict=True))


def buckets_of(spread: Spread) -> list[tuple[str, float]]:
    """The buckets of a histogram as the metrics library takes them."""
    return [(str(floatToGoString(bound)), count) for bound, count in spread.cumulative()]  # type: ignore[no-untyped-call]


def _counter(name: str, sentence: str, labels: Labels, counts: Mapping[Labels, int]) -> Iterator[Metric]:
    family = CounterMetricFamily(name, sentence, labels=labels)
    for values, count in list(counts.items()):
        family.add_metric(values, count)
    yield family
