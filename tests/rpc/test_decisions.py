"""GetDecision over a real socket: the record equals what Route said, for its own tenant only."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from atp_grpc.client.messages import GetDecisionRequest, ObserveRequest
from atp_grpc.config import LearningSettings
from tests.rpc.provoking import prompt, refused
from tests.rpc.serving import ACME, Serving, serving
from tests.rpc.waiting import eventually


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Serving]:
    # One decision in memory: every earlier one is read from the store.
    async with serving(tmp_path / "data", learning=LearningSettings(ledger_size=1)) as running:
        yield running


async def test_a_decision_reads_the_same_from_memory_and_from_the_store(server: Serving) -> None:
    request = prompt(
        task_type="sum",
        session_id="s",
        labels={"team": "ä"},
        constraints={"latency_slo": {"nanos": 1}},
    )
    answer = await server.acme.route(request)
    lookup = GetDecisionRequest(decision_id=answer.decision_id)
    in_memory = await server.acme.get_decision(lookup)
    await server.acme.route(prompt("this one pushes the first out of memory"))
    await eventually(lambda: server.app.rooms.store.find_decision(ACME, answer.decision_id), is_it=bool)
    stored = await server.acme.get_decision(lookup)
    assert stored == in_memory
    assert stored.decision.target == answer.target


async def test_a_seed_of_64_bits_survives_the_store(server: Serving) -> None:
    answers = [await server.acme.route(prompt(str(number))) for number in range(16)]
    kept = server.app.rooms.store
    await eventually(lambda: kept.find_decision(ACME, answers[-1].decision_id), is_it=bool)
    seeds = []
    for answer in answers:
        lookup = GetDecisionRequest(decision_id=answer.decision_id)
        seeds.append((await server.acme.get_decision(lookup)).decision.seed)
    assert len(set(seeds)) == 16
    # Sixteen fair draws all below 2^63 come once in 65,536 times.
    assert max(seeds) >= 2**62


async def test_a_foreign_decision_is_not_found_exactly_like_one_that_never_was(server: Serving) -> None:
    answer = await server.acme.route(prompt())
    await server.acme.observe(ObserveRequest(decision_id=answer.decision_id, quality=1.0))
    errors = []
    for name in (answer.decision_id, "f" * len(answer.decision_id)):
        lookup = server.globex.get_decision(GetDecisionRequest(decision_id=name))
        error = await refused(lookup, "DECISION_NOT_FOUND", "NOT_FOUND")
        errors.append(str(vars(error)).replace(name, "NAME").replace(error.trace_id, "TRACE"))
    assert errors[0] == errors[1]


async def test_every_recorded_number_is_finite(server: Serving) -> None:
    answer = await server.acme.route(prompt())
    record = (await server.acme.get_decision(GetDecisionRequest(decision_id=answer.decision_id))).decision
    assert all(math.isfinite(value) for value in record.features.values)
    for candidate in record.candidates:
        assert math.isfinite(candidate.utility)
        assert 0.0 < candidate.propensity <= 1.0
        assert 0.0 <= candidate.expected.quality <= 1.0
        assert 0.0 <= candidate.expected.failure_rate <= 1.0
        assert candidate.expected.cost_nano_usd >= 0
