"""The load that balancers are told: shares and rates over the last second or two, computed now and then."""

from __future__ import annotations

import pytest

from atp_grpc.telemetry.load import IDLE, REFRESH_SECONDS, WINDOW_SECONDS, LoadMeter


class Machine:
    """A clock, a processor and counters that stand still until told otherwise."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.loop = 3.0
        self.cpu = 5.0
        self.calls = 100
        self.errors = 7
        self.looks = 0

    def pass_(self, seconds: float, *, loop: float = 0.0, cpu: float = 0.0, calls: int = 0, errors: int = 0) -> None:
        self.now += seconds
        self.loop += loop
        self.cpu += cpu
        self.calls += calls
        self.errors += errors

    def meter(self) -> LoadMeter:
        def calls() -> int:
            self.looks += 1
            return self.calls

        return LoadMeter(
            monotonic=lambda: self.now,
            calls=calls,
            errors=lambda: self.errors,
            loop_seconds=lambda: self.loop,
            cpu_seconds=lambda: self.cpu,
            cores=4,
        )


def test_a_fresh_meter_reports_nothing() -> None:
    assert Machine().meter().load() == IDLE


def test_shares_and_rates_are_per_second_of_the_window() -> None:
    machine = Machine()
    meter = machine.meter()

    machine.pass_(0.5, loop=0.25, cpu=1.0, calls=50, errors=5)

    load = meter.load()
    assert load.loop_share == pytest.approx(0.5)
    assert load.cpu_share == pytest.approx(0.5)
    assert load.calls_per_second == pytest.approx(100)
    assert load.errors_per_second == pytest.approx(10)


def test_what_lies_two_windows_back_is_forgotten() -> None:
    machine = Machine()
    meter = machine.meter()
    machine.pass_(WINDOW_SECONDS, loop=1.0, calls=1_000)
    assert meter.load().loop_share == pytest.approx(1.0)

    for _ in range(3):
        machine.pass_(WINDOW_SECONDS)
        meter.load()

    assert meter.load() == IDLE


def test_the_window_is_never_shorter_than_a_second_once_there_was_one() -> None:
    machine = Machine()
    meter = machine.meter()
    for _ in range(40):
        machine.pass_(REFRESH_SECONDS, calls=10)
        meter.load()

    # One tenth of a second with a burst moves the rate by no more than its share of the window.
    machine.pass_(REFRESH_SECONDS, calls=110)

    assert meter.load().calls_per_second == pytest.approx(100 + 100 / (WINDOW_SECONDS + REFRESH_SECONDS), rel=0.5)
    assert meter.load().calls_per_second < 100 + 100 / WINDOW_SECONDS


def test_between_two_looks_the_same_figures_are_used_again() -> None:
    machine = Machine()
    meter = machine.meter()
    machine.pass_(REFRESH_SECONDS, calls=10)
    first, looks = meter.load(), machine.looks

    machine.pass_(REFRESH_SECONDS / 2, calls=10)

    assert meter.load() is first
    assert machine.looks == looks


def test_a_loop_that_computes_all_the_time_is_full_and_no_more_than_full() -> None:
    machine = Machine()
    meter = machine.meter()

    machine.pass_(1.0, loop=1.2)

    assert meter.load().loop_share == 1.0
