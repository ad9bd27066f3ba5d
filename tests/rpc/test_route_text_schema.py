"""A server whose policy reads `text.v1`, over a real socket: every way to ask sees the same forty-seven numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from atp_grpc.client.messages import (
    Decision,
    GetDecisionRequest,
    ObserveRequest,
    PlanRequest,
    RouteBatchRequest,
    RouteRequest,
    RouteResponse,
)
from atp_grpc.config import EngineSettings, PolicySettings
from atp_grpc.engine.reference.embedding import TextExtractor
from atp_grpc.engine.self_test import FEATURE_TOLERANCE, unpack
from tests.native_engine import need_native
from tests.rpc.provoking import prompt, refused
from tests.rpc.serving import Serving, serving

FLAGS = PolicySettings(feature_schema="flags.v1", feature_dimension=15)
WORDS = "Which bones of the hand are broken most often, and how do they heal?"
BOTH = [
    EngineSettings("reference"),
    pytest.param(EngineSettings("native"), marks=pytest.mark.native),
    pytest.param(EngineSettings("native", native_share=0.5), marks=pytest.mark.native),
]


async def recorded(server: Serving, answer: RouteResponse) -> Decision:
    return (await server.acme.get_decision(GetDecisionRequest(decision_id=answer.decision_id))).decision


async def learned(server: Serving) -> int:
    return (await server.acme.route(prompt())).learner_revision


@pytest.mark.parametrize("engine", BOTH, ids=["reference", "native", "both"])
async def test_every_way_to_ask_reads_the_text(tmp_path: Path, engine: EngineSettings) -> None:
    if engine.kind == "native":
        need_native()
    expected = unpack(TextExtractor.load().extract(WORDS))
    async with serving(tmp_path, engine=engine) as server:
        answers = [await server.acme.route(prompt(WORDS))]
        batch = await server.acme.route_batch(RouteBatchRequest(requests=[prompt(WORDS) for _ in range(8)]))
        answers += [result.response for result in batch.results]
        async with server.acme.route_stream() as stream:
            answers += [await stream.route(prompt(WORDS)) for _ in range(4)]
        for answer in answers:
            features = (await recorded(server, answer)).features
            assert features.schema_id == "text.v1"
            assert list(features.values) == pytest.approx(expected, rel=FEATURE_TOLERANCE, abs=0.0)
        plan = await server.acme.plan(PlanRequest(request=prompt(WORDS)))
        assert sum(candidate.propensity for candidate in plan.candidates) == pytest.approx(1.0)


async def test_features_in_place_of_text_are_taken_by_their_name_and_number(tmp_path: Path) -> None:
    values = [position / 64 for position in range(47)]
    async with serving(tmp_path) as server:
        answer = await server.acme.route(RouteRequest(features={"schema_id": "text.v1", "values": values}))
        assert list((await recorded(server, answer)).features.values) == values
        flags = RouteRequest(features={"schema_id": "flags.v1", "values": [0.5] * 15})
        error = await refused(server.acme.route(flags), "FEATURE_SCHEMA_MISMATCH", "INVALID_ARGUMENT")
        assert (error.metadata["expected_schema"], error.metadata["dimension"]) == ("text.v1", "15")


async def test_what_was_learned_of_text_survives_a_restart_and_of_flags_is_kept_apart(tmp_path: Path) -> None:
    async with serving(tmp_path, policy=FLAGS) as server:
        early = await server.acme.route(prompt(WORDS))
        await server.acme.observe(ObserveRequest(feedback_token=early.feedback_token, quality=0.5))
        open_one = await server.acme.route(prompt(WORDS))
        assert await learned(server) == 1
    async with serving(tmp_path) as server:
        assert await learned(server) == 0
        answer = await server.acme.route(prompt(WORDS))
        await server.acme.observe(ObserveRequest(feedback_token=answer.feedback_token, quality=0.5))
        # A decision from before may still be reported; it is written down and teaches nothing about this schema.
        await server.acme.observe(ObserveRequest(feedback_token=open_one.feedback_token, quality=0.5))
        assert await learned(server) == 1
    async with serving(tmp_path) as server:
        assert await learned(server) == 1
    async with serving(tmp_path, policy=FLAGS) as server:
        assert await learned(server) == 2
