"""The service config says what the documentation says, about methods that exist."""

import json
import re
from pathlib import Path
from typing import Any

from atp_grpc.client import service_config
from atp_grpc.pb.atp.admin.v1 import catalog_service_pb2, operations_service_pb2
from atp_grpc.pb.atp.v1 import decision_service_pb2, observe_service_pb2, route_service_pb2

ROOT = Path(__file__).resolve().parents[3]
MODULES = (
    catalog_service_pb2,
    operations_service_pb2,
    decision_service_pb2,
    observe_service_pb2,
    route_service_pb2,
)
NEVER_RETRIED = {"atp.admin.v1.OperationsService/ReloadCatalog"}


def config() -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(service_config())
    return parsed


def test_every_method_but_a_reload_may_be_retried() -> None:
    served = {
        f"{service.full_name}/{method.name}"
        for module in MODULES
        for service in module.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }
    [rule] = config()["methodConfig"]

    assert {f"{name['service']}/{name['method']}" for name in rule["name"]} == served - NEVER_RETRIED


def test_only_unavailable_is_retried() -> None:
    [rule] = config()["methodConfig"]

    assert rule["retryPolicy"]["retryableStatusCodes"] == ["UNAVAILABLE"]


def test_the_first_retry_waits_longer_than_the_ten_milliseconds_that_hang_some_clients() -> None:
    [rule] = config()["methodConfig"]

    assert float(rule["retryPolicy"]["initialBackoff"].removesuffix("s")) > 0.01


def test_the_documentation_prints_the_service_config_that_is_shipped() -> None:
    [printed] = re.findall(r"```json\n(.*?)```", (ROOT / "docs" / "client.md").read_text(), flags=re.DOTALL)

    assert json.loads(printed) == config()
