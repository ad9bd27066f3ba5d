"""Routing policies over the life of a server: restarts, changes under load, and what a new policy knows at once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from atp_grpc.app.engines import pick_engine
from atp_grpc.app.failures import explain
from atp_grpc.app.policy import PolicyFault, engine_parameters
from atp_grpc.client.messages import (
    DeletePolicyRequest,
    FieldMask,
    ObserveRequest,
    RollbackPolicyRequest,
    RouteBatchRequest,
    RouteResponse,
    RoutingPolicy,
    UpdatePolicyRequest,
)
from atp_grpc.config import NamedPolicySettings, StoreSettings
from atp_grpc.domain.clock import SystemClock
from atp_grpc.learning.learner import Learner
from atp_grpc.learning.watching import Watch
from tests.rpc.policies import changed, made, read
from tests.rpc.provoking import prompt
from tests.rpc.serving import Serving, serving
from tests.rpc.waiting import until


async def learn(server: Serving, count: int, *, policy: str = "") -> None:
    for number in range(count):
        answer = await server.acme.route(prompt(f"Question {number}: 2 + {number}?", policy=policy))
        attempt = {"model": answer.target.model, "usage": {"output_tokens": 30 + number}, "latency": {"seconds": 1}}
        quality = (number % 5) / 4
        await server.acme.observe(
            ObserveRequest(feedback_token=answer.feedback_token, quality=quality, attempts=[attempt])
        )


async def one_pass(server: Serving, policy: str) -> bytes:
    """The state of an engine of the policy that has learned every stored observation, in one go."""
    rooms = server.app.rooms
    parameters = engine_parameters(rooms.branches.named(policy).policy)
    engine = pick_engine("auto", parameters, native_share=1.0, on_quarantine=lambda _: None).engine
    learner = Learner(
        engine=engine,
        store=rooms.store,
        clock=SystemClock(),
        pool=policy,
        replica=rooms.store.replica,
        on_refused=lambda *_: None,
        watch=Watch(engine, lambda _: None),
        on_prior=lambda: None,
    )
    for observation in await rooms.store.observations_after(0, 10_000):
        learner.learn(observation)
    return engine.checkpoint()


def state(server: Serving, policy: str) -> bytes:
    return server.app.rooms.branches.named(policy).picked.engine.checkpoint()


async def test_policies_survive_a_restart_with_versions_etags_and_what_they_learned(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        await made(server, objective={"cost_weight": 2.0})
        await changed(server, "fast", "traffic_share", traffic_share=0.5)
        await made(server, "gone")
        await server.acme.policies.delete(DeletePolicyRequest(name="gone"))
        await learn(server, 12, policy="fast")
        before, learned = await read(server), state(server, "fast")
    async with serving(tmp_path) as server:
        assert await read(server) == before
        assert state(server, "fast") == learned
        answer = await server.acme.policies.rollback(RollbackPolicyRequest(name="fast", etag=before.etag))
        assert (answer.policy.version, answer.policy.traffic_share) == (3, 0.0)
        assert answer.revision == 5
        assert (await made(server, "gone")).version == 2


async def test_a_policy_of_the_configuration_with_the_name_of_one_of_the_api_stops_the_start(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        await made(server, traffic_share=0.75)
    clash = (NamedPolicySettings(name="fast"), NamedPolicySettings(name="slow", traffic_share=0.5))
    with pytest.raises(PolicyFault) as caught:
        async with serving(tmp_path, policies=clash):
            pass
    assert explain(caught.value, data_dir=tmp_path) == [
        "atp: policy: fast: a policy of that name was made over the API; delete that one or rename this one",
        "atp: policy: slow: traffic_share: the other policies leave a share of 0.25",
    ]


async def test_a_new_policy_has_learned_what_is_stored_as_in_one_pass(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        await learn(server, 40)
        await made(server, learner={"half_life": {"seconds": 3600}})
        assert state(server, "fast") == await one_pass(server, "fast")
        await learn(server, 10)
        await learn(server, 10, policy="fast")
        assert state(server, "fast") == await one_pass(server, "fast")
        assert state(server, "default") == await one_pass(server, "default")
        # Another half-life cannot be read from what was learned under this one: it is learned anew.
        await changed(server, "fast", "learner", learner={"half_life": {"seconds": 60}})
        assert state(server, "fast") == await one_pass(server, "fast")
        await changed(server, "fast", "learner.learner", learner={"learner": "LEARNER_GREEDY"})
        assert state(server, "fast") == await one_pass(server, "fast")


async def test_what_is_reported_while_a_policy_is_made_is_learned_once(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        await learn(server, 30)
        await asyncio.gather(
            learn(server, 30),
            made(server, "one"),
            learn(server, 30),
            made(server, "two", learner={"half_life": {"seconds": 60}}),
            learn(server, 30),
        )
        for policy in ("default", "one", "two"):
            assert state(server, policy) == await one_pass(server, policy)


async def test_changes_under_load_lose_no_request_and_every_answer_is_of_a_version_that_was(tmp_path: Path) -> None:
    seen: list[RouteResponse] = []
    is_over = asyncio.Event()

    async def ask(server: Serving, number: int) -> None:
        while not is_over.is_set():
            seen.append(await server.acme.route(prompt(f"{number}", policy="fast")))
            batch = await server.acme.route_batch(RouteBatchRequest(requests=[prompt("b", policy="fast")] * 8))
            seen.extend(result.response for result in batch.results)
            assert not any(result.HasField("error") for result in batch.results)

    async with serving(tmp_path, store=StoreSettings("memory")) as server:
        await made(server)
        callers = [asyncio.create_task(ask(server, number)) for number in range(4)]
        versions = [1]
        for number in range(1, 9):
            policy = RoutingPolicy(name="fast", learner={"epsilon": number / 50}, affinity_weight=number / 10)
            # Every other version keeps its engine.
            paths = ["learner.epsilon"] if number % 2 else ["affinity_weight"]
            update = UpdatePolicyRequest(policy=policy, update_mask=FieldMask(paths=paths))
            versions.append((await server.acme.policies.update(update)).policy.version)
            answer = await server.acme.route(prompt("now", policy="fast"))
            assert answer.policy_version == versions[-1]
        is_over.set()
        await asyncio.gather(*callers)
    assert versions == list(range(1, 10))
    assert len(seen) > len(versions)
    assert {answer.policy for answer in seen} == {"fast"}
    assert {answer.policy_version for answer in seen} <= set(versions)
    assert all(answer.feedback_token for answer in seen)


async def test_a_caller_that_leaves_in_the_middle_leaves_a_change_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_reached, may_go_on = asyncio.Event(), asyncio.Event()
    async with serving(tmp_path) as server:
        rooms = server.app.rooms
        write = rooms.store.write_fact

        async def slowly(key: str, value: str) -> None:
            is_reached.set()
            await may_go_on.wait()
            await write(key, value)

        monkeypatch.setattr(rooms.store, "write_fact", slowly)
        call = asyncio.create_task(made(server))
        await is_reached.wait()
        call.cancel()
        await until(lambda: server.app.door.traffic.open_calls == 0)
        assert "fast" not in rooms.rollouts.book.entries
        may_go_on.set()
        await until(lambda: "fast" in rooms.rollouts.book.entries)
        answer = await server.acme.route(prompt(policy="fast"))
        assert (answer.policy, answer.policy_version) == ("fast", 1)
