"""A tenant that asks and tells how it went, on two models of which one is better and the other is cheaper."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from atp_grpc.client import AtpClient
from atp_grpc.client.messages import (
    Decision,
    GetDecisionRequest,
    LearnerParameters,
    ObserveRequest,
    PlannedCandidate,
    PlanRequest,
    RouteResponse,
)
from atp_grpc.config import CatalogSettings, EngineSettings, PolicySettings
from atp_grpc.engine.contract import ContextMode, Learner
from tests.rpc.catalogues import TWO_MODELS
from tests.rpc.provoking import prompt
from tests.rpc.serving import Serving, serving

SOLO_COST, DUET_COST = 1_524_000, 3_048_000
"""What a nominal request is expected to cost, in nano-US-dollars, as long as answers are of the usual length."""
SURE = PolicySettings(learner=Learner.GREEDY, epsilon=0.0, context=ContextMode.OFF)
"""A default policy that leaves nothing to chance, so that a test can say what is chosen."""
SURE_LEARNER = LearnerParameters(learner="LEARNER_GREEDY", epsilon=0.0, context="CONTEXT_MODE_OFF")
"""The same for a policy of the API."""
USUAL_TOKENS = 256


@asynccontextmanager
async def of_two(
    tmp_path: Path, engine: EngineSettings, *, policy: PolicySettings = SURE, **sections: Any
) -> AsyncIterator[Serving]:
    """A server that knows `solo` and the twice as dear `duet`."""
    path = tmp_path / "catalog.toml"
    if not path.exists():
        path.write_text(TWO_MODELS)
    catalog = CatalogSettings(str(path), watch_interval_seconds=3600.0)
    async with serving(tmp_path / "data", catalog=catalog, engine=engine, policy=policy, **sections) as server:
        yield server


async def ask_and_tell(
    client: AtpClient, count: int, grades: Mapping[str, float], **fields: Any
) -> list[RouteResponse]:
    """So many nominal requests, one after the other, each graded by its model and billed as usual."""
    answers = []
    for number in range(count):
        answer = await client.route(prompt(f"Question {number}", input_tokens=500, **fields))
        await tell(client, answer, grades[answer.target.model])
        answers.append(answer)
    return answers


async def tell(client: AtpClient, answer: RouteResponse, quality: float) -> None:
    """Reports an answer of the usual length, and what it was worth."""
    attempt = {"model": answer.target.model, "usage": {"input_tokens": 500, "output_tokens": USUAL_TOKENS}}
    await client.observe(ObserveRequest(feedback_token=answer.feedback_token, quality=quality, attempts=[attempt]))


async def recorded(client: AtpClient, answer: RouteResponse) -> Decision:
    """What is kept of a decision."""
    return (await client.get_decision(GetDecisionRequest(decision_id=answer.decision_id))).decision


async def mean_bill(client: AtpClient, answers: list[RouteResponse]) -> float:
    """What the answers cost on average, as billed."""
    bills = [(await recorded(client, answer)).outcome.cost_nano_usd for answer in answers]
    return sum(bills) / len(bills)


async def planned(client: AtpClient, **fields: Any) -> dict[str, PlannedCandidate]:
    """What Route would weigh, by model."""
    answer = await client.plan(PlanRequest(request=prompt(input_tokens=500, **fields)))
    return {candidate.target.model: candidate for candidate in answer.candidates}
