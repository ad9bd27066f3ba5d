"""E1: mutated messages over every method, on a real socket: no crash, INTERNAL, UNKNOWN, hang or NaN learned.

A message to a unary method is a call of its own; messages to a stream are sent hundreds at a time.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from atp_grpc.client import messages as m
from atp_grpc.pb.atp.admin.v1 import catalog_service_pb2, operations_service_pb2, policy_service_pb2
from atp_grpc.pb.atp.v1 import ask_service_pb2, decision_service_pb2, observe_service_pb2, route_service_pb2
from tests.faults.battery import report
from tests.faults.scrambling import mutated, scrambled
from tests.rpc.serving import ACME, Serving, serving
from tests.rpc.streams.talking import OBSERVE_STREAM, ROUTE_STREAM, talk

CALLERS, TALKERS = 32, 4
BURST, STREAM_SHARE, SCRAMBLED = 200, 0.6, 0.6
STREAMS = {ROUTE_STREAM, OBSERVE_STREAM}
ASK_STREAM = "/atp.v1.AskService/AskStream"
CONTRACTS = (
    ask_service_pb2,
    route_service_pb2,
    observe_service_pb2,
    decision_service_pb2,
    catalog_service_pb2,
    operations_service_pb2,
    policy_service_pb2,
)
NEVER = {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.DEADLINE_EXCEEDED}


def specimens_of_policies() -> dict[str, list[Message]]:
    """Good requests about routing policies."""
    policy = m.RoutingPolicy(
        name="fast",
        objective={"cost_weight": 0.5, "quality_floor": 0.25, "latency_slo": {"seconds": 9}},
        filters={"max_cost_nano_usd": 10**12, "denied_models": ["ember-nano"], "required_capabilities": ["tools"]},
        learner={"half_life": {"seconds": 60}, "scale": 0.5, "tenant_limit": 5},
        traffic_share=0.01,
        latency_scale={"seconds": 2},
    )
    mask = m.FieldMask(paths=["objective.quality_floor", "filters", "traffic_share"])
    named = {
        "Get": m.GetPolicyRequest(name="fast"),
        "Create": m.CreatePolicyRequest(policy=policy, request_id="id-1"),
        "Update": m.UpdatePolicyRequest(policy=policy, update_mask=mask),
        "Delete": m.DeletePolicyRequest(name="fast", etag="x"),
        "Rollback": m.RollbackPolicyRequest(name="fast", validate_only=True),
    }
    path = "/atp.admin.v1.PolicyService"
    return {
        f"{path}/ListPolicies": [m.ListPoliciesRequest(page_size=1)],
        **{f"{path}/{change}Policy": [request] for change, request in named.items()},
    }


def specimens_of_asks() -> dict[str, list[Message]]:
    """Good requests to be carried out, and about how that is done."""
    asked = m.AskRequest(
        conversation={
            "messages": [
                {"role": "ROLE_SYSTEM", "parts": [{"text": "Be brief."}]},
                {
                    "role": "ROLE_USER",
                    "parts": [{"text": "What is it?"}, {"image": {"uri": "https://example.com/a.png"}}],
                },
            ]
        },
        request_id="id-1",
        max_output_tokens=20,
        sampling={"temperature": 0.5, "stop": ["END"], "seed": 7},
        tools=[{"name": "search", "description": "Searches.", "parameters_json": '{"type": "object"}'}],
        tool_choice={"mode": "TOOL_MODE_AUTO"},
        on_cut="ON_CUT_RESTART",
        cache="CACHE_USE_READ_AND_WRITE",
        labels={"team": "support"},
    )
    short = m.AskRequest(prompt="hello", max_output_tokens=5)
    fault = m.ChaosRule(target="CHAOS_TARGET_STORE", fault="CHAOS_FAULT_DELAY", probability=0.5, delay={"seconds": 1})
    path = "/atp.admin.v1.OperationsService"
    return {
        "/atp.v1.AskService/Ask": [asked, short],
        ASK_STREAM: [m.AskStreamRequest(request=asked), m.AskStreamRequest(request=short)],
        f"{path}/ListDeploymentHealth": [m.ListDeploymentHealthRequest()],
        # For another process, so that no feature is switched off and no breaker stays open.
        f"{path}/ForceBreaker": [
            m.ForceBreakerRequest(instance_id="another", deployment="ember-nano@harbor", mode="BREAKER_MODE_AUTO")
        ],
        f"{path}/ListFlags": [m.ListFlagsRequest()],
        f"{path}/SetFlag": [m.SetFlagRequest(instance_id="another", name="ask_cache", on=True)],
        f"{path}/GetChaos": [m.GetChaosRequest()],
        f"{path}/SetChaos": [m.SetChaosRequest(target="CHAOS_TARGET_STORE", rules=[fault], seed=1)],
    }


def specimens(token: bytes, decision_id: str) -> dict[str, list[Message]]:
    """Good requests to start from, by method path."""
    full = m.RouteRequest(
        prompt="Write a function that adds two numbers.\n1. fast\n2. correct",
        request_id="id-1",
        max_output_tokens=100,
        constraints={"max_cost_nano_usd": 10**12, "quality_floor": 0.5, "latency_slo": {"seconds": 9}},
        objective={"weights": {"cost": 0.5, "latency": 0.1}},
        labels={"team": "support"},
    )
    vector = m.RouteRequest(features={"schema_id": "flags.v1", "values": [0.5] * 15}, input_tokens=10)
    reported = m.ObserveRequest(
        feedback_token=token,
        quality=0.5,
        attempts=[
            {"model": "ember-nano", "cost_nano_usd": 5, "usage": {"output_tokens": 7}, "latency": {"seconds": 1}}
        ],
        labels={"user": "u1"},
    )
    by_id = m.ObserveRequest(decision_id=decision_id, quality=0.5)
    return {
        "/atp.v1.RouteService/Route": [full, vector],
        "/atp.v1.RouteService/RouteBatch": [m.RouteBatchRequest(requests=[full, vector])],
        "/atp.v1.RouteService/Plan": [m.PlanRequest(request=full)],
        "/atp.v1.ObserveService/Observe": [reported, by_id],
        "/atp.v1.ObserveService/ObserveBatch": [m.ObserveBatchRequest(requests=[reported, by_id])],
        "/atp.v1.DecisionService/GetDecision": [m.GetDecisionRequest(decision_id=decision_id)],
        "/atp.v1.DecisionService/ListDecisions": [
            m.ListDecisionsRequest(page_size=2, page_token="x"),
            m.ListDecisionsRequest(
                filter={"model": "ember-nano", "labels": {"a": "b"}, "decided_since": {"seconds": 1}},
                observed="OBSERVED_STATE_OBSERVED",
                order="DECISION_ORDER_OLDEST_FIRST",
                view="DECISION_VIEW_FULL",
                tenant="-",
            ),
        ],
        "/atp.v1.DecisionService/ListObservations": [m.ListObservationsRequest(page_size=2, tenant="-")],
        "/atp.v1.DecisionService/ExplainDecision": [m.ExplainDecisionRequest(decision_id=decision_id)],
        "/atp.admin.v1.CatalogService/GetModel": [m.GetModelRequest(name="ember-nano")],
        "/atp.admin.v1.CatalogService/ListModels": [m.ListModelsRequest(page_size=2, page_token="x")],
        "/atp.admin.v1.CatalogService/GetDeployment": [m.GetDeploymentRequest(name="x")],
        "/atp.admin.v1.CatalogService/ListDeployments": [m.ListDeploymentsRequest(page_size=1)],
        "/atp.admin.v1.CatalogService/GetProvider": [m.GetProviderRequest(name="x")],
        "/atp.admin.v1.CatalogService/ListProviders": [m.ListProvidersRequest(page_size=1)],
        **specimens_of_policies(),
        **specimens_of_asks(),
        "/atp.admin.v1.OperationsService/GetServerInfo": [m.GetServerInfoRequest()],
        "/atp.admin.v1.OperationsService/ReloadCatalog": [m.ReloadCatalogRequest(validate_only=True)],
        "/atp.admin.v1.OperationsService/GetServerStats": [m.GetServerStatsRequest()],
        # No mutation hits upon the random id of a process, so none drains it.
        "/atp.admin.v1.OperationsService/Drain": [m.DrainRequest(instance_id="another")],
        ROUTE_STREAM: [
            route_service_pb2.RouteStreamRequest(correlation_id="c1", request=full),
            route_service_pb2.RouteStreamRequest(request=vector),
        ],
        OBSERVE_STREAM: [
            observe_service_pb2.ObserveStreamRequest(request=reported),
            observe_service_pb2.ObserveStreamRequest(request=by_id),
        ],
    }


def one_like(good: Message, chance: random.Random) -> bytes:
    return scrambled(good, chance) if chance.random() < SCRAMBLED else mutated(good.SerializeToString(), chance)


@dataclass
class Storm:
    """Mutated messages on their way to one server, and how often each answer came."""

    server: Serving
    statuses: Counter[str]
    chance: random.Random

    async def strike(self, count: int) -> None:
        """Sends so many messages. Every refusal must carry one ErrorInfo of ours."""
        decision = await self.server.acme.route(m.RouteRequest(prompt="hello"))
        unary: list[tuple[str, Message]] = []
        streamed: list[tuple[str, Message]] = []
        for path, good in specimens(decision.feedback_token, decision.decision_id).items():
            (streamed if path in STREAMS else unary).extend((path, message) for message in good)
        to_streams = round(count * STREAM_SHARE)
        calls, bursts = iter(range(count - to_streams)), iter(range(to_streams // BURST))
        async with grpc.aio.insecure_channel(self.server.target) as channel:
            methods = {path: channel.unary_unary(path) for path, _ in unary}
            methods[ASK_STREAM] = channel.unary_stream(ASK_STREAM)

            async def caller() -> None:
                for _ in calls:
                    path, good = self.chance.choice(unary)
                    await self._call(path, methods[path], one_like(good, self.chance))

            async def talker() -> None:
                for _ in bursts:
                    await self._talk(channel, streamed)

            await asyncio.gather(*(caller() for _ in range(CALLERS)), *(talker() for _ in range(TALKERS)))

    async def _call(self, path: str, method: Any, body: bytes) -> None:
        call = method(body, metadata=self._metadata(), timeout=20)
        if path == ASK_STREAM:
            with contextlib.suppress(grpc.aio.AioRpcError):
                async for _ in call:
                    pass
        if (code := await call.code()) is grpc.StatusCode.OK:
            self.statuses["OK"] += 1
            return
        assert code not in NEVER, f"{path} {body!r}: {await call.details()}"
        details = dict(await call.trailing_metadata())["grpc-status-details-bin"]
        self._note(status_pb2.Status.FromString(details), f"{path} {body!r}")

    async def _talk(self, channel: grpc.aio.Channel, originals: list[tuple[str, Message]]) -> None:
        """One stream with a burst of messages; it must end well, whatever they were."""
        path = self.chance.choice(originals)[0]
        good = [message for other, message in originals if other == path]
        bodies = [one_like(self.chance.choice(good), self.chance) for _ in range(BURST)]
        heard = await talk(channel, path, self.server.credentials[ACME], timeout=60).say_and_finish(bodies)
        assert heard.code is grpc.StatusCode.OK, heard.details
        assert heard.end is not None
        assert heard.end.last_sequence == BURST
        answered = len(heard.events) if path == ROUTE_STREAM else heard.events[-1].ack.last_sequence
        assert answered == BURST
        refused = [
            (event.result.sequence, event.result.error)
            for event in (heard.events if path == ROUTE_STREAM else ())
            if event.result.HasField("error")
        ]
        refused += [
            (failure.sequence, failure.error)
            for event in (heard.events if path == OBSERVE_STREAM else ())
            for failure in event.ack.failures
        ]
        for sequence, status in refused:
            self._note(status, f"{path} {bodies[sequence - 1]!r}")
        self.statuses["OK"] += BURST - len(refused)

    def _note(self, status: status_pb2.Status, message: str) -> None:
        code = next(code for code in grpc.StatusCode if code.value[0] == status.code)
        assert code not in NEVER, f"{message}: {status.message}"
        info = error_details_pb2.ErrorInfo()
        assert status.details[0].Unpack(info), message
        assert info.reason, message
        self.statuses[f"{code.name} {info.reason}"] += 1

    def _metadata(self) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self.server.credentials[ACME]}"),)


async def survive(tmp_path: Path, count: int) -> None:
    with (tmp_path / "server.log").open("w") as log:
        async with serving(tmp_path / "data", log_stream=log) as server:
            storm = Storm(server, Counter(), random.Random(11))
            await storm.strike(count)
            figure = dict(storm.statuses.most_common())
            report("E1", n=storm.statuses.total(), figure=figure, bar=sorted(code.name for code in NEVER), passed=True)
            assert storm.statuses.total() == count
            assert len(storm.statuses) > 4, "mutations that reach only one answer try nothing"
            info = await server.acme.get_server_info(m.GetServerInfoRequest())
            for arm in info.engine.arms:
                assert all(map(math.isfinite, (arm.quality, arm.output_tokens, arm.latency_seconds, arm.failure_rate)))
            assert (await server.acme.route(m.RouteRequest(prompt="still there?"))).decision_id
    assert '"event":"incident"' not in (tmp_path / "server.log").read_text()


def test_every_method_of_the_contract_has_a_specimen() -> None:
    served = {
        f"/{service.full_name}/{method.name}"
        for contract in CONTRACTS
        for service in contract.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }
    assert set(specimens(b"t", "d")) == served


@pytest.mark.timeout(120)
async def test_ten_thousand_mutated_messages_get_a_clear_answer_each(tmp_path: Path) -> None:
    await survive(tmp_path, 10_000)


@pytest.mark.slow
@pytest.mark.timeout(3600)
async def test_a_million_mutated_messages_get_a_clear_answer_each(tmp_path: Path) -> None:
    await survive(tmp_path, 1_000_000)
