"""Observe over a real socket: partial reports, each field once, and what each teaches whom."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from atp_grpc.client.messages import (
    ArmInfo,
    GetDecisionRequest,
    GetServerInfoRequest,
    ObserveRequest,
    Outcome,
    RouteResponse,
)
from atp_grpc.config import LearningSettings, StoreSettings
from tests.rpc.catalogues import TWO_MODELS
from tests.rpc.provoking import on_catalogue, prompt, refused
from tests.rpc.serving import ACME, Serving, serving
from tests.rpc.waiting import eventually

SOLO_ANSWERED: dict[str, Any] = {
    "model": "solo",
    "usage": {"input_tokens": 100, "output_tokens": 50},
    "latency": {"seconds": 1, "nanos": 500_000_000},
}
SOLO_FAILED: dict[str, Any] = {"model": "solo", "error": "ATTEMPT_ERROR_TIMEOUT"}
DUET_ANSWERED: dict[str, Any] = {
    "model": "duet",
    "usage": {"output_tokens": 80},
    "cost_nano_usd": 7,
    "latency": {"seconds": 2},
}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Serving]:
    async with on_catalogue(tmp_path, TWO_MODELS) as running:
        yield running


async def on_solo(server: Serving) -> RouteResponse:
    """A decision that fell on the model `solo`."""
    return await server.acme.route(prompt(constraints={"allowed_models": ["solo"]}))


async def outcome_of(server: Serving, decision_id: str) -> Outcome:
    return (await server.acme.get_decision(GetDecisionRequest(decision_id=decision_id))).decision.outcome


async def arm(server: Serving, model: str) -> ArmInfo:
    info = await server.acme.get_server_info(GetServerInfoRequest())
    (found,) = [arm for arm in info.engine.arms if arm.model == model]
    return found


async def learned(server: Serving) -> int:
    return (await server.acme.get_server_info(GetServerInfoRequest())).engine.learned


@pytest.mark.parametrize("by", ["token", "id"])
async def test_fields_arrive_one_by_one_and_each_is_set_once(server: Serving, by: str) -> None:
    decision = await on_solo(server)
    name = {"feedback_token": decision.feedback_token} if by == "token" else {"decision_id": decision.decision_id}
    steps: list[tuple[dict[str, Any], list[str]]] = [
        ({"quality": 0.75}, ["quality"]),
        ({"attempts": [SOLO_ANSWERED]}, ["attempts"]),
        ({"labels": {"user": "u-1", "thumb": "up"}}, ["labels.thumb", "labels.user"]),
    ]
    for sequence, (fields, recorded) in enumerate(steps, 1):
        answer = await server.acme.observe(ObserveRequest(**name, **fields))
        assert answer.decision_id == decision.decision_id
        assert list(answer.recorded_fields) == recorded
        assert not answer.unchanged_fields
        assert (answer.replica, answer.sequence) == (server.app.rooms.store.replica, sequence)
    again = await server.acme.observe(
        ObserveRequest(**name, quality=0.75, attempts=[SOLO_ANSWERED], labels={"user": "u-1"})
    )
    assert not again.recorded_fields
    assert list(again.unchanged_fields) == ["quality", "attempts", "labels.user"]
    assert (again.replica, again.sequence) == ("", 0)
    more = await server.acme.observe(ObserveRequest(**name, quality=0.75, labels={"late": "yes"}))
    assert (list(more.recorded_fields), list(more.unchanged_fields)) == (["labels.late"], ["quality"])


async def test_what_was_reported_can_be_read_back(server: Serving) -> None:
    decision = await on_solo(server)
    attempts = [SOLO_FAILED, DUET_ANSWERED]
    report = ObserveRequest(
        feedback_token=decision.feedback_token, quality=0.25, attempts=attempts, labels={"user": "u-1"}
    )
    await server.acme.observe(report)
    outcome = await outcome_of(server, decision.decision_id)
    assert outcome.quality == 0.25
    assert list(outcome.attempts) == list(report.attempts)
    assert dict(outcome.labels) == {"user": "u-1"}
    # The failed attempt said nothing of its usage, so the sum is not known.
    assert not outcome.HasField("cost_nano_usd")


async def test_costs_are_computed_at_the_prices_of_the_decision(server: Serving) -> None:
    decision = await on_solo(server)
    await server.acme.observe(ObserveRequest(feedback_token=decision.feedback_token, attempts=[SOLO_ANSWERED]))
    # 100 input tokens at US$ 1 and 50 output tokens at US$ 4 a million.
    assert (await outcome_of(server, decision.decision_id)).cost_nano_usd == 100 * 1_000 + 50 * 4_000


@pytest.mark.parametrize(
    ("conflict", "field"),
    [
        ({"quality": 0.5}, "quality"),
        ({"attempts": [SOLO_FAILED]}, "attempts"),
        ({"labels": {"user": "u-2"}}, "labels.user"),
    ],
)
async def test_one_conflicting_field_refuses_the_whole_report(
    server: Serving, conflict: dict[str, Any], field: str
) -> None:
    decision = await on_solo(server)
    token = decision.feedback_token
    await server.acme.observe(
        ObserveRequest(feedback_token=token, quality=1.0, attempts=[SOLO_ANSWERED], labels={"user": "u-1"})
    )
    before, known = await outcome_of(server, decision.decision_id), await learned(server)
    fields = conflict | {"labels": {"new": "label", **conflict.get("labels", {})}}
    error = await refused(
        server.acme.observe(ObserveRequest(feedback_token=token, **fields)), "OUTCOME_CONFLICT", "ALREADY_EXISTS"
    )
    assert error.metadata == {"field": field}
    assert await outcome_of(server, decision.decision_id) == before
    assert await learned(server) == known


async def test_quality_goes_to_the_model_that_answered(server: Serving) -> None:
    decision = await on_solo(server)
    report = ObserveRequest(feedback_token=decision.feedback_token, quality=0.5, attempts=[SOLO_FAILED, DUET_ANSWERED])
    await server.acme.observe(report)
    solo, duet = await arm(server, "solo"), await arm(server, "duet")
    assert (solo.observations, duet.observations) == (0.0, 1.0)
    assert duet.quality < 1.0
    assert solo.quality == 1.0


async def test_a_quality_that_comes_after_the_attempts_finds_the_model_that_answered(server: Serving) -> None:
    decision = await on_solo(server)
    token = decision.feedback_token
    await server.acme.observe(ObserveRequest(feedback_token=token, attempts=[SOLO_FAILED, DUET_ANSWERED]))
    await server.acme.observe(ObserveRequest(feedback_token=token, quality=0.5))
    assert (await arm(server, "solo")).observations == 0.0
    assert (await arm(server, "duet")).observations == 1.0


async def test_a_failed_attempt_teaches_failure_and_nothing_else(server: Serving) -> None:
    before = await arm(server, "solo")
    decision = await on_solo(server)
    await server.acme.observe(ObserveRequest(feedback_token=decision.feedback_token, attempts=[SOLO_FAILED]))
    after = await arm(server, "solo")
    assert after.failure_rate > before.failure_rate
    assert (after.observations, after.output_tokens, after.latency_seconds) == (
        before.observations,
        before.output_tokens,
        before.latency_seconds,
    )


async def test_an_error_of_the_caller_teaches_no_failure(server: Serving) -> None:
    before = await arm(server, "solo")
    decision = await on_solo(server)
    attempt = {"model": "solo", "error": "ATTEMPT_ERROR_CANCELLED"}
    await server.acme.observe(ObserveRequest(feedback_token=decision.feedback_token, attempts=[attempt]))
    assert await arm(server, "solo") == before


async def test_an_answer_teaches_length_and_latency_and_lowers_the_failure_rate(server: Serving) -> None:
    before = await arm(server, "solo")
    decision = await on_solo(server)
    await server.acme.observe(ObserveRequest(feedback_token=decision.feedback_token, attempts=[SOLO_ANSWERED]))
    after = await arm(server, "solo")
    assert after.failure_rate < before.failure_rate
    assert after.output_tokens < before.output_tokens
    assert after.latency_seconds > before.latency_seconds


async def test_labels_teach_nothing(server: Serving) -> None:
    decision = await on_solo(server)
    await server.acme.observe(ObserveRequest(feedback_token=decision.feedback_token, labels={"user": "u-1"}))
    assert await learned(server) == 0
    assert (await on_solo(server)).learner_revision == 0


async def test_the_next_decision_knows_what_was_observed(server: Serving) -> None:
    before = await on_solo(server)
    await server.acme.observe(
        ObserveRequest(feedback_token=before.feedback_token, quality=0.0, attempts=[SOLO_ANSWERED])
    )
    after = await on_solo(server)
    assert after.expected.quality < before.expected.quality
    assert after.learner_revision == before.learner_revision + 1


async def test_of_fifty_concurrent_duplicates_one_is_recorded_and_the_others_are_unchanged(server: Serving) -> None:
    decision = await on_solo(server)
    report = ObserveRequest(feedback_token=decision.feedback_token, quality=0.5, attempts=[SOLO_ANSWERED])
    answers = await asyncio.gather(*(server.acme.observe(report) for _ in range(50)))
    assert sorted(len(answer.recorded_fields) for answer in answers) == [0] * 49 + [2]
    assert sum(answer.sequence for answer in answers) == 1
    assert await learned(server) == 1


async def test_of_two_concurrent_opposites_one_stands(server: Serving) -> None:
    decision = await on_solo(server)
    reports = [ObserveRequest(feedback_token=decision.feedback_token, quality=quality) for quality in (0.0, 1.0)]
    answers = await asyncio.gather(*map(server.acme.observe, reports), return_exceptions=True)
    (refusal,) = [answer for answer in answers if isinstance(answer, Exception)]
    assert getattr(refusal, "reason", "") == "OUTCOME_CONFLICT"
    stands = (await outcome_of(server, decision.decision_id)).quality
    assert stands == reports[1 - answers.index(refusal)].quality


async def test_a_decision_can_be_reported_on_by_id_after_it_left_the_memory(tmp_path: Path) -> None:
    learning = LearningSettings(ledger_size=1)
    async with serving(tmp_path, store=StoreSettings("memory"), learning=learning) as server:
        first = await server.acme.route(prompt("first"))
        await server.acme.route(prompt("second"))
        lookup = GetDecisionRequest(decision_id=first.decision_id)
        store = server.app.rooms.store
        await eventually(lambda: store.find_decision(ACME, first.decision_id), is_it=bool)
        answer = await server.acme.observe(ObserveRequest(decision_id=first.decision_id, quality=1.0))
        assert list(answer.recorded_fields) == ["quality"]
        assert (await server.acme.get_decision(lookup)).decision.target == first.target
