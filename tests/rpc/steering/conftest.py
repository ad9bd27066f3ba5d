"""Both engines, because steering reaches them as weights, limits and favours of their queries."""

from __future__ import annotations

import pytest

from atp_grpc.config import EngineSettings
from tests.native_engine import need_native

ENGINES = [
    pytest.param("reference", id="reference"),
    pytest.param("native", id="native", marks=pytest.mark.native),
]


@pytest.fixture(params=ENGINES, name="engine")
def each_engine(request: pytest.FixtureRequest) -> EngineSettings:
    """The engine of the server."""
    if request.param == "native":
        need_native()
    return EngineSettings(request.param)
