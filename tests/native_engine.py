"""Whether the native engine is here, said in one place: a skip with its reason, and a failure where it was promised."""

from __future__ import annotations

import os

import pytest

from atp_grpc.engine.native import why_unavailable


def need_native() -> None:
    """Skips the test without a native engine; fails it where `ATP_REQUIRE_NATIVE=1` promises one."""
    reason = why_unavailable()
    if reason is None:
        return
    if os.environ.get("ATP_REQUIRE_NATIVE") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def no_fault(fault: BaseException) -> None:
    """What a native part that must not fail tells its faults."""
    raise fault
