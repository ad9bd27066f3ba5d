"""How the suite is shared out among worker processes, and what of it is measured for coverage.

Pytest reads this before every run. With `-n 2` a worker takes whole files, because the tests of a file share a server,
a catalogue or a built wheel. No test is left out here.
"""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import hypothesis
import protovalidate
import pytest
from xdist.scheduler import LoadFileScheduling

# How long an example takes says more of the machine than of the law.
hypothesis.settings.register_profile("suite", deadline=None)
hypothesis.settings.load_profile("suite")

COUNTED_TOGETHER = "tests/rpc/test_error_reasons"
LAWS = Path(__file__).parent / "conformance"


class WholeFiles(LoadFileScheduling):
    """Gives whole files to the workers, and to one worker those whose tests count together what they provoked.

    `--dist loadgroup` would do, but pytest-xdist 3.8 groups nothing under pytest 9.2.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = str(super()._split_scope(nodeid))
        return COUNTED_TOGETHER if file.startswith(COUNTED_TOGETHER) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> WholeFiles:
    return WholeFiles(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Runs the many examples of a law without the tracer of coverage: it doubles the time of what only computes.

    What they reach is reached by the single stories of the same implementations as well. The `no_cover` of pytest-cov
    does nothing in a worker process, which has two collectors (pytest-cov 7.1).
    """
    tracer = sys.gettrace() if _is_law(item) else None
    if tracer is not None:
        sys.settrace(None)
    try:
        yield
    finally:
        if tracer is not None:
            sys.settrace(tracer)


@pytest.fixture(scope="session", autouse=True)
def rules_are_compiled_once() -> Iterator[None]:
    """Every server of a test process validates by one validator: the rules of the contract never change.

    Compiling them is 80 of the 140 ms of CPU that the start of a server takes.
    """
    validator = protovalidate.Validator()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(protovalidate, "Validator", lambda: validator)
        yield


def _is_law(item: pytest.Item) -> bool:
    test = getattr(item, "obj", None)
    is_of_hypothesis = (
        getattr(test, "is_hypothesis_test", False) or item.get_closest_marker("state_machine") is not None
    )
    return bool(is_of_hypothesis) and item.path.is_relative_to(LAWS)
