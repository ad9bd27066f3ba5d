"""E1: mutated messages over every method, on a real socket: no crash, INTERNAL, UNKNOWN, hang or NaN learned."""

from __future__ import annotations

import asyncio
import json
import math
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from atp_grpc.client import messages as m
from atp_grpc.pb.atp.admin.v1 import catalog_service_pb2, operations_service_pb2
from atp_grpc.pb.atp.v1 import decision_service_pb2, observe_service_pb2, route_service_pb2
from tests.faults.scrambling import mutated, scrambled
from tests.rpc.serving import ACME, Serving, serving

CALLERS = 48
CONTRACTS = (
    route_service_pb2,
    observe_service_pb2,
    decision_service_pb2,
    catalog_service_pb2,
    operations_service_pb2,
)
NEVER = {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.DEADLINE_EXCEEDED}


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
    report = m.ObserveRequest(
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
        "/atp.v1.ObserveService/Observe": [report, by_id],
        "/atp.v1.ObserveService/ObserveBatch": [m.ObserveBatchRequest(requests=[report, by_id])],
        "/atp.v1.DecisionService/GetDecision": [m.GetDecisionRequest(decision_id=decision_id)],
        "/atp.admin.v1.CatalogService/GetModel": [m.GetModelRequest(name="ember-nano")],
        "/atp.admin.v1.CatalogService/ListModels": [m.ListModelsRequest(page_size=2, page_token="x")],
        "/atp.admin.v1.CatalogService/GetDeployment": [m.GetDeploymentRequest(name="x")],
        "/atp.admin.v1.CatalogService/ListDeployments": [m.ListDeploymentsRequest(page_size=1)],
        "/atp.admin.v1.CatalogService/GetProvider": [m.GetProviderRequest(name="x")],
        "/atp.admin.v1.CatalogService/ListProviders": [m.ListProvidersRequest(page_size=1)],
        "/atp.admin.v1.OperationsService/GetServerInfo": [m.GetServerInfoRequest()],
        "/atp.admin.v1.OperationsService/ReloadCatalog": [m.ReloadCatalogRequest(validate_only=True)],
    }


async def storm(server: Serving, count: int) -> Counter[str]:
    """Sends mutated messages; gives how often each status came. Every refusal must carry one ErrorInfo of ours."""
    decision = await server.acme.route(m.RouteRequest(prompt="hello"))
    chance, statuses = random.Random(11), Counter[str]()
    originals = [
        (path, message)
        for path, good in specimens(decision.feedback_token, decision.decision_id).items()
        for message in good
    ]
    left: Iterator[int] = iter(range(count))
    metadata = (("authorization", f"Bearer {server.credentials[ACME]}"),)
    async with grpc.aio.insecure_channel(server.target) as channel:
        calls = {path: channel.unary_unary(path) for path, _ in originals}

        async def caller() -> None:
            for _ in left:
                path, good = chance.choice(originals)
                body = scrambled(good, chance) if chance.random() < 0.6 else mutated(good.SerializeToString(), chance)
                try:
                    await calls[path](body, metadata=metadata, timeout=20)
                    statuses["OK"] += 1
                except grpc.aio.AioRpcError as error:
                    statuses[answer_of(error, f"{path} {body!r}")] += 1

        await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return statuses


def answer_of(error: grpc.aio.AioRpcError, call: str) -> str:
    """Code and reason of a refusal; fails the test on one that must never come."""
    assert error.code() not in NEVER, f"{call}: {error.details()}"
    details = next(value for key, value in error.trailing_metadata() if key == "grpc-status-details-bin")
    info = error_details_pb2.ErrorInfo()
    assert status_pb2.Status.FromString(details).details[0].Unpack(info), call
    assert info.reason, call
    return f"{error.code().name} {info.reason}"


async def survive(tmp_path: Path, count: int) -> None:
    async with serving(tmp_path) as server:
        statuses = await storm(server, count)
        print(json.dumps({"id": "E1", "n": count, "figure": dict(statuses.most_common()), "bar": 0, "pass": True}))
        assert sum(statuses.values()) == count
        assert len(statuses) > 4, "mutations that reach only one answer try nothing"
        info = await server.acme.get_server_info(m.GetServerInfoRequest())
        for arm in info.engine.arms:
            assert all(map(math.isfinite, (arm.quality, arm.output_tokens, arm.latency_seconds, arm.failure_rate)))
        assert (await server.acme.route(m.RouteRequest(prompt="still there?"))).decision_id


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
@pytest.mark.timeout(900)
async def test_a_hundred_thousand_mutated_messages_get_a_clear_answer_each(tmp_path: Path) -> None:
    await survive(tmp_path, 100_000)
