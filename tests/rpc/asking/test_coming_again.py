"""When nobody may be called, callers are told what keeps everybody away, and when the first is back."""

from __future__ import annotations

from pathlib import Path

import pytest

from atp_grpc.mock_provider import Fault, Script
from tests.faults.asking.ledger import QUIET
from tests.faults.asking.world import asked, world

BREAKER_SECONDS = 20.0


@pytest.mark.parametrize(
    ("fault", "cause", "least", "most"),
    [
        (Fault.SERVER_ERROR, "BREAKER_OPEN", 0.5 * BREAKER_SECONDS, BREAKER_SECONDS),
        (Fault.REFUSE_KEY, "KEYS_RESTING", 60.0, 60.0),
    ],
)
async def test_the_cause_is_the_right_one_and_the_time_that_of_the_first_to_be_back(
    tmp_path: Path, fault: Fault, cause: str, least: float, most: float
) -> None:
    async with world(tmp_path, shape=QUIET, ask={"breaker_failures": 1, "breaker_open_seconds": BREAKER_SECONDS}) as at:
        at.strike(Script(fault=fault))
        failed = await asked(at, streamed=False)
        refused = await asked(at, streamed=False)

    assert (failed.status, refused.status) == ("PROVIDERS_UNAVAILABLE", "MODELS_UNAVAILABLE")
    assert failed.error is not None
    assert refused.error is not None
    assert {one.type for one in refused.error.preconditions} == {cause}
    for error in (failed.error, refused.error):
        assert error.retry_after_seconds is not None
        assert least <= error.retry_after_seconds <= most
