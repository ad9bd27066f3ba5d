"""Route over a real socket: what an answer promises, and what is recorded of a decision."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest

from atp_grpc.client.messages import (
    Decision,
    GetDecisionRequest,
    ObserveRequest,
    RouteRequest,
    RouteResponse,
)
from atp_grpc.config import PolicySettings, StoreSettings
from tests.rpc.provoking import prompt
from tests.rpc.serving import ACME, Serving, serving

UNKNOWN_FIELD = b"\xf2\x3f\x04news"
"""Field 1022, length-delimited: something a newer contract may say."""


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Serving]:
    async with serving(tmp_path / "data", store=StoreSettings("memory")) as running:
        yield running


async def recorded(server: Serving, answer: RouteResponse) -> Decision:
    return (await server.acme.get_decision(GetDecisionRequest(decision_id=answer.decision_id))).decision


async def test_an_answer_has_every_promised_field(server: Serving) -> None:
    answer = await server.acme.route(prompt())
    present = {field.name for field, _ in answer.ListFields()}
    promised = {field.name for field in RouteResponse.DESCRIPTOR.fields}
    # A learner that has learned nothing is at revision 0, a decision may go without remarks, and no limit presses here.
    assert promised - present <= {"learner_revision", "reason_codes", "dual_prices"}
    assert (answer.policy, answer.policy_version, answer.catalog_revision) == ("default", 1, 1)
    assert answer.engine == server.app.rooms.engine.name
    assert 0.0 < answer.propensity <= 1.0
    assert answer.expected.cost_nano_usd > 0
    assert answer.expected.latency.ToNanoseconds() > 0
    lifetime = answer.feedback_expires_at.ToNanoseconds() - answer.decided_at.ToNanoseconds()
    assert lifetime == server.app.rooms.settings.learning.token_ttl_seconds * 1e9


async def test_fallbacks_are_the_best_other_candidates_at_most_three_and_best_first(server: Serving) -> None:
    for number in range(10):
        answer = await server.acme.route(prompt(f"Prompt number {number}"))
        record = await recorded(server, answer)
        best_first = sorted(
            (c for c in record.candidates if c.target != answer.target),
            key=lambda c: (-c.utility, c.expected.cost_nano_usd, c.target.model),
        )
        assert [fallback.target for fallback in answer.fallbacks] == [c.target for c in best_first[:3]]
        assert [fallback.expected for fallback in answer.fallbacks] == [c.expected for c in best_first[:3]]


async def test_target_and_fallbacks_pass_the_same_filters(server: Serving) -> None:
    constraints = {"required_capabilities": ["tools"], "region": "us-east", "denied_models": ["cobalt-pro"]}
    for _ in range(10):
        answer = await server.acme.route(prompt(constraints=constraints))
        names = [answer.target.model, *(fallback.target.model for fallback in answer.fallbacks)]
        assert len(set(names)) == len(names) == 4
        assert not {"ember-nano", "cobalt-pro"} & set(names)


async def test_a_data_scope_picks_the_deployment_that_is_cleared_for_it(server: Serving) -> None:
    constraints = {"allowed_models": ["cobalt-base"], "data_scope": "restricted"}
    answer = await server.acme.route(prompt(constraints=constraints))
    assert (answer.target.deployment, answer.target.provider) == ("cobalt-base@summit", "summit")
    assert not answer.fallbacks


async def test_the_record_equals_the_answer(server: Serving) -> None:
    request = prompt(
        task_type="arithmetic", session_id="talk-7", labels={"team": "search", "user": "u-1"}, max_output_tokens=50
    )
    answer = await server.acme.route(request)
    record = await recorded(server, answer)
    assert record.decided_at == answer.decided_at
    assert record.target == answer.target
    assert record.propensity == answer.propensity
    assert record.reason_codes == answer.reason_codes
    assert record.engine == answer.engine
    for name in ("policy", "policy_version", "catalog_revision", "learner_revision"):
        assert getattr(record, name) == getattr(answer, name)
    assert (record.task_type, record.session_id) == ("arithmetic", "talk-7")
    assert dict(record.labels) == {"team": "search", "user": "u-1"}
    assert (record.features.schema_id, len(record.features.values)) == ("text.v1", 47)
    assert sum(candidate.propensity for candidate in record.candidates) == pytest.approx(1.0, abs=1e-12)
    (chosen,) = [candidate for candidate in record.candidates if candidate.target == answer.target]
    assert chosen.expected == answer.expected
    assert chosen.propensity == answer.propensity
    assert not record.HasField("outcome")


async def test_a_prompt_is_never_recorded(server: Serving, tmp_path: Path) -> None:
    answer = await server.acme.route(prompt("the-secret-of-the-house"))
    assert b"the-secret" not in (await recorded(server, answer)).SerializeToString()
    assert b"the-secret" not in answer.SerializeToString()


async def test_a_conversation_is_weighed_as_its_text(server: Serving) -> None:
    turns = [
        {"role": "ROLE_SYSTEM", "parts": [{"text": "Answer in one word."}]},
        {"role": "ROLE_USER", "parts": [{"text": "What is"}, {"text": "2 + 2?"}]},
    ]
    talk = await recorded(server, await server.acme.route(RouteRequest(conversation={"messages": turns})))
    text = await recorded(server, await server.acme.route(prompt("Answer in one word.\nWhat is\n2 + 2?")))
    assert talk.features == text.features
    assert [c.expected for c in talk.candidates] == [c.expected for c in text.candidates]


async def test_features_in_place_of_text_are_recorded_as_they_came(server: Serving) -> None:
    values = [position / 64 for position in range(47)]
    request = RouteRequest(features={"schema_id": "text.v1", "values": values}, input_tokens=1000)
    record = await recorded(server, await server.acme.route(request))
    assert list(record.features.values) == values


async def test_a_callers_own_schema_is_served_when_the_policy_names_it(tmp_path: Path) -> None:
    policy = PolicySettings(feature_schema="acme.v2", feature_dimension=3)
    async with serving(tmp_path, policy=policy) as server:
        request = RouteRequest(features={"schema_id": "acme.v2", "values": [1.0, -2.0, 0.5]})
        record = await recorded(server, await server.acme.route(request))
        assert (record.features.schema_id, list(record.features.values)) == ("acme.v2", [1.0, -2.0, 0.5])


async def test_input_and_output_tokens_move_the_expected_cost(server: Serving) -> None:
    def cost_of(record: Decision) -> dict[str, int]:
        return {c.target.model: c.expected.cost_nano_usd for c in record.candidates}

    short = cost_of(await recorded(server, await server.acme.route(prompt(input_tokens=1))))
    long = cost_of(await recorded(server, await server.acme.route(prompt(input_tokens=10_001))))
    capped = cost_of(await recorded(server, await server.acme.route(prompt(input_tokens=1, max_output_tokens=1))))
    # Ten thousand input tokens at US$ 12 a million.
    assert long["onyx-reason"] - short["onyx-reason"] == 120_000_000
    assert all(capped[name] < short[name] < long[name] for name in short)


async def test_a_request_too_long_for_a_model_is_not_sent_there(server: Serving) -> None:
    for _ in range(5):
        answer = await server.acme.route(prompt(input_tokens=200_000, max_output_tokens=10_000))
        record = await recorded(server, answer)
        assert {c.target.model for c in record.candidates} == {"onyx-large", "onyx-reason"}


async def test_unknown_fields_are_fine_and_count_as_part_of_the_request(server: Serving) -> None:
    """A newer client is served, and its words take part in telling one request under an id from another."""
    metadata = (("authorization", f"Bearer {server.credentials[ACME]}"),)
    plain = prompt(request_id="newer-client").SerializeToString()
    async with grpc.aio.insecure_channel(server.target) as channel:
        route = channel.unary_unary("/atp.v1.RouteService/Route")
        first = RouteResponse.FromString(await route(plain + UNKNOWN_FIELD, metadata=metadata))
        again = RouteResponse.FromString(await route(plain + UNKNOWN_FIELD, metadata=metadata))
        assert first.decision_id
        assert again == first
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await route(plain, metadata=metadata)
    assert b"REQUEST_ID_REUSED" in dict(caught.value.trailing_metadata())["grpc-status-details-bin"]


async def test_the_learner_revision_counts_what_was_learned_before_the_decision(server: Serving) -> None:
    for learned in range(3):
        answer = await server.acme.route(prompt())
        assert answer.learner_revision == learned
        await server.acme.observe(ObserveRequest(feedback_token=answer.feedback_token, quality=0.5))


async def test_models_are_drawn_in_the_shares_that_their_propensities_say(server: Serving) -> None:
    """The mean of 1/propensity over the draws of one model is 1 in expectation, here with a deviation near 0.08."""
    draws, model = 400, "ember-nano"
    answers = [await server.acme.route(prompt()) for _ in range(draws)]
    mean = sum(1 / answer.propensity for answer in answers if answer.target.model == model) / draws
    assert mean == pytest.approx(1.0, abs=0.5)


async def test_two_tenants_learn_into_one_pool_and_read_only_their_own(server: Serving) -> None:
    chance = random.Random(3)
    for client in (server.acme, server.globex):
        answer = await client.route(prompt(str(chance.random())))
        await client.observe(ObserveRequest(feedback_token=answer.feedback_token, quality=1.0))
        await client.get_decision(GetDecisionRequest(decision_id=answer.decision_id))
    assert (await server.acme.route(prompt())).learner_revision == 2
