"""One fixture, two engines: every law runs on the reference and on the native engine.

A missing native engine is a skip that says so, and a failure where `ATP_REQUIRE_NATIVE=1` promises that it is there.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import settings

from atp_grpc.engine.contract import Engine, EngineParameters
from tests.conformance.engine import makers
from tests.native_engine import need_native

# How long an example takes says nothing of a law, and much of what else the machine does.
settings.register_profile("laws", deadline=None)
settings.load_profile("laws")

EngineFactory = Callable[[EngineParameters], Engine]


def _native() -> EngineFactory:
    need_native()
    return makers.make_native


@pytest.fixture(
    scope="session", params=["reference", pytest.param("native", marks=pytest.mark.native)], name="make_engine"
)
def each_engine(request: pytest.FixtureRequest) -> EngineFactory:
    return makers.make_reference if request.param == "reference" else _native()


@pytest.fixture(scope="session")
def make_native() -> EngineFactory:
    return _native()
