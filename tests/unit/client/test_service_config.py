"""The service config says what the documentation says, names every method on purpose, and gRPC acts on it."""

import json
import re
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.longrunning import operations_pb2

from atp_grpc.client import service_config
from atp_grpc.pb.atp.admin.v1 import (
    catalog_service_pb2,
    event_service_pb2,
    operations_service_pb2,
    policy_service_pb2,
    prior_service_pb2,
    tenant_service_pb2,
)
from atp_grpc.pb.atp.v1 import ask_service_pb2, decision_service_pb2, observe_service_pb2, route_service_pb2

ROOT = Path(__file__).resolve().parents[3]
MODULES = (
    catalog_service_pb2,
    event_service_pb2,
    operations_service_pb2,
    policy_service_pb2,
    prior_service_pb2,
    tenant_service_pb2,
    ask_service_pb2,
    decision_service_pb2,
    observe_service_pb2,
    route_service_pb2,
    operations_pb2,
)
SERVED = {
    f"{service.full_name}/{method.name}": method
    for module in MODULES
    for service in module.DESCRIPTOR.services_by_name.values()
    for method in service.methods
}
MEANT_FOR_ONE_PROCESS = {
    "atp.admin.v1.PriorService/ImportPrior",
    "atp.admin.v1.TenantService/SetBudget",
    "atp.admin.v1.TenantService/DeleteBudget",
    "atp.admin.v1.OperationsService/ReloadCatalog",
    "atp.admin.v1.OperationsService/Drain",
    "atp.admin.v1.OperationsService/ListDeploymentHealth",
    "atp.admin.v1.OperationsService/ForceBreaker",
    *(f"atp.admin.v1.OperationsService/{what}" for what in ("ListFlags", "SetFlag", "GetChaos", "SetChaos")),
    *(f"atp.admin.v1.PolicyService/{change}Policy" for change in ("Create", "Update", "Delete", "Rollback")),
    *(f"atp.admin.v1.PolicyService/{change}Trial" for change in ("Start", "Stop")),
    *(f"google.longrunning.Operations/{change}Operation" for change in ("Cancel", "Delete")),
}
EXECUTED_EACH_TIME = {
    "atp.v1.AskService/Ask",
    "atp.v1.DecisionService/EvaluatePolicy",
    "atp.v1.DecisionService/ComputeSavings",
    "atp.admin.v1.PolicyService/SimulatePolicy",
}
"""Ask: without a request id, which a service config cannot see; the kit retries those that have one."""
MOST_ATTEMPTS = 5
"""What gRPC cuts larger numbers to (gRFC A6)."""


def config() -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(service_config())
    return parsed


def names(rule: dict[str, Any]) -> list[str]:
    return [f"{name['service']}/{name['method']}" for name in rule["name"]]


def policies() -> dict[str, dict[str, Any] | None]:
    """The retry policy of each method that is named."""
    return {name: rule.get("retryPolicy") for rule in config()["methodConfig"] for name in names(rule)}


def test_every_method_of_the_contract_is_named_once() -> None:
    named = [name for rule in config()["methodConfig"] for name in names(rule)]

    assert sorted(named) == sorted(SERVED)


def test_what_is_retried_is_every_unary_method_that_may_be_repeated() -> None:
    retried = {name for name, policy in policies().items() if policy is not None}
    streams = {name for name, method in SERVED.items() if method.client_streaming or method.server_streaming}

    assert streams
    assert retried == SERVED.keys() - streams - MEANT_FOR_ONE_PROCESS - EXECUTED_EACH_TIME


def test_only_unavailable_is_retried_and_within_the_limits_that_clients_have() -> None:
    for policy in filter(None, policies().values()):
        assert policy["retryableStatusCodes"] == ["UNAVAILABLE"]
        assert 3 <= policy["maxAttempts"] <= MOST_ATTEMPTS
        # Ten milliseconds and less hang some clients (grpc issue 41036).
        assert 0.01 < float(policy["initialBackoff"].removesuffix("s")) <= float(policy["maxBackoff"].removesuffix("s"))


def test_a_tenth_of_the_load_is_the_most_that_retries_add() -> None:
    assert config()["retryThrottling"] == {"maxTokens": 100, "tokenRatio": 0.1}


def test_health_is_watched_by_a_balancing_policy_that_can() -> None:
    assert config()["healthCheckConfig"] == {"serviceName": ""}
    assert [list(policy) for policy in config()["loadBalancingConfig"]] == [["round_robin"]]


async def test_grpc_takes_the_config_as_it_is() -> None:
    """With a config that the core cannot use every call ends with INVALID_ARGUMENT and its complaint."""
    async with grpc.aio.insecure_channel("127.0.0.1:1", options=[("grpc.service_config", service_config())]) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await channel.unary_unary("/atp.v1.RouteService/Route")(b"", timeout=5)

    assert raised.value.code() is grpc.StatusCode.UNAVAILABLE


def test_the_documentation_prints_the_service_config_that_is_shipped() -> None:
    [printed] = re.findall(r"```json\n(.*?)```", (ROOT / "docs" / "service_config.md").read_text(), flags=re.DOTALL)

    assert printed == service_config()
