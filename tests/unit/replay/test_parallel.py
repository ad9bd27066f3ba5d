"""Work is done once each, in order, by however many; a process that dies is told and never waited for."""

from __future__ import annotations

import os

import pytest

from atp_grpc.replay.parallel import WorkerLostError, run_all


def square(number: int) -> int:
    return number * number


def place(_: int) -> int:
    return os.getpid()


def fail_on_three(number: int) -> int:
    if number == 3:
        raise ValueError("three")
    return number


def die_on_three(number: int) -> int:
    if number == 3:
        os._exit(1)
    return number


@pytest.mark.parametrize("jobs", [1, 2, 9])
def test_results_come_in_the_order_of_the_work(jobs: int) -> None:
    assert list(run_all(square, range(7), jobs=jobs)) == [0, 1, 4, 9, 16, 25, 36]


def test_one_job_stays_in_this_process_and_two_do_not() -> None:
    assert set(run_all(place, range(3), jobs=1)) == {os.getpid()}
    assert os.getpid() not in run_all(place, range(3), jobs=2)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_failure_comes_out_as_it_was(jobs: int) -> None:
    with pytest.raises(ValueError, match="three"):
        list(run_all(fail_on_three, range(8), jobs=jobs))


def test_a_process_that_dies_is_told(recwarn: pytest.WarningsRecorder) -> None:
    with pytest.raises(WorkerLostError, match="ended in the middle"):
        list(run_all(die_on_three, range(8), jobs=2))


def test_nothing_to_do_is_done() -> None:
    assert list(run_all(square, [], jobs=4)) == []
