"""What an Ask attempted is for the server to report: a caller who is quicker teaches nobody, and is billed as told."""

from __future__ import annotations

from pathlib import Path

import pytest

from atp_grpc.client import AtpCallError
from atp_grpc.client.messages import Attempt, AttemptError, GetDecisionRequest, ObserveRequest
from atp_grpc.mock_provider import Script
from tests.faults.asking.ledger import LARGE, QUIET
from tests.faults.asking.world import question, world
from tests.rpc.spending import give, standing
from tests.rpc.waiting import eventually

MADE_UP = Attempt(model="one", error=AttemptError.ATTEMPT_ERROR_UNAVAILABLE)


async def test_a_caller_who_reports_attempts_before_the_bill_is_refused_and_the_bill_is_not(tmp_path: Path) -> None:
    async with world(tmp_path, shape=QUIET) as at:
        await give(at.server, LARGE)
        at.strike(Script(first_token_seconds=0.3))
        async with at.acme.ask_stream(question()) as stream:
            decided = (await anext(aiter(stream))).decision
            for named in ({"feedback_token": decided.feedback_token}, {"decision_id": decided.decision_id}):
                with pytest.raises(AtpCallError) as refused:
                    await at.acme.observe(ObserveRequest(attempts=[MADE_UP], quality=0.1, **named))
                assert (refused.value.reason, refused.value.code) == ("OUTCOME_CONFLICT", "ALREADY_EXISTS")
            said = await at.acme.observe(ObserveRequest(decision_id=decided.decision_id, quality=0.9))
            answer = await stream.collect()
        with pytest.raises(AtpCallError) as late:
            await at.acme.observe(ObserveRequest(attempts=[MADE_UP], decision_id=decided.decision_id))
        cost = answer.final.total_cost_nano_usd
        await eventually(lambda: standing(at.server), is_it=lambda budget: budget.spent_nano_usd == cost)
        kept = await at.acme.get_decision(GetDecisionRequest(decision_id=decided.decision_id))

    assert list(said.recorded_fields) == ["quality"]
    assert late.value.reason == "OUTCOME_CONFLICT"
    assert kept.decision.outcome.quality == 0.9
    assert [one.error for one in kept.decision.outcome.attempts] == [AttemptError.ATTEMPT_ERROR_UNSPECIFIED]
    assert sum(one.cost_nano_usd for one in kept.decision.outcome.attempts) == cost > 0
