"""One fixture, two engines: every law runs on the reference and on the native engine.

A missing native engine is a skip that says so, and a failure where `ATP_REQUIRE_NATIVE=1` promises that it is there.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from atp_grpc.engine.contract import Engine, EngineParameters
from atp_grpc.engine.native import NativeEngine, why_unavailable
from atp_grpc.engine.reference import ReferenceEngine

EngineFactory = Callable[[EngineParameters], Engine]


def _native() -> EngineFactory:
    reason = why_unavailable()
    if reason is not None:
        if os.environ.get("ATP_REQUIRE_NATIVE") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return NativeEngine


@pytest.fixture(
    scope="session", params=["reference", pytest.param("native", marks=pytest.mark.native)], name="make_engine"
)
def each_engine(request: pytest.FixtureRequest) -> EngineFactory:
    return ReferenceEngine if request.param == "reference" else _native()


@pytest.fixture(scope="session")
def make_native() -> EngineFactory:
    return _native()
