"""Every provider keeps every promise of the contract that can be looked at from outside."""

from __future__ import annotations

import pytest

from atp_grpc.adapter.conformance import Outcome, examine
from tests.conformance.provider.subjects import SUBJECTS

LEFT_OUT = {
    # Nobody is asked, so there is nobody to look at.
    "dry_run": {
        "leaving reader ends the call",
        "cancelled reader ends the call",
        "reader that leaves before the first event ends the call",
        "slow reader holds the upstream back",
    }
}


@pytest.mark.parametrize("name", SUBJECTS)
async def test_a_provider_keeps_every_promise(name: str) -> None:
    async with SUBJECTS[name]() as subject:
        findings = await examine(subject)

    assert [finding for finding in findings if finding.outcome is Outcome.FAILED] == []
    left_out = {finding.check for finding in findings if finding.outcome is Outcome.LEFT_OUT}
    assert left_out == LEFT_OUT.get(name, set())
