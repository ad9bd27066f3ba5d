"""The tables of docs/api.md are those of the contract and of the server: methods, limits, retries, reasons, details."""

from __future__ import annotations

import json
import re

from google.protobuf.descriptor import MethodDescriptor

from atp_grpc.client import service_config
from atp_grpc.pb.atp.v1 import error_reason_pb2, permission_pb2
from atp_grpc.services.status import TABLE, Retry
from atp_grpc.transport.table import LARGER_MESSAGES, MAX_MESSAGE_BYTES
from tests.contract.marked_pages import ROOT, Page
from tests.contract.methods import METHODS

API = Page(ROOT / "docs" / "api.md")
RETRY_WORDS = {Retry.NEVER: "no", Retry.SOON: "soon", Retry.LATER: "later", Retry.UNSAID: "your call"}
DETAILS = ("BadRequest", "PreconditionFailure", "ResourceInfo", "RetryInfo", "QuotaFailure")


def test_the_method_table_of_the_api_page_is_that_of_the_contract() -> None:
    retried = {
        f"{name['service']}/{name['method']}"
        for config in json.loads(service_config())["methodConfig"]
        if "retryPolicy" in config
        for name in config["name"]
    }
    expected = {
        path: [
            permission_of(method),
            f"{LARGER_MESSAGES.get(path, MAX_MESSAGE_BYTES) // 1_048_576} MiB",
            # A service config cannot see whether a request has an id; the kit retries those of Ask that have one.
            "with a `request_id`" if path == "atp.v1.AskService/Ask" else "yes" if path in retried else "no",
        ]
        for path, method in METHODS.items()
    }
    shown = {
        row[0].strip("`"): [row[1].strip("`"), *row[2:4]] for row in API.rows() if row[0].strip("`").count("/") == 1
    }

    assert shown == expected


def test_the_error_table_of_the_api_page_is_that_of_the_server() -> None:
    shown = {
        row[0].strip("`"): (row[1].strip("`"), row[2])
        for row in API.rows()
        if len(row) == 6 and re.fullmatch(r"`[A-Z_]+`", row[0])
    }
    expected = {reason: (rule.code.name, RETRY_WORDS[rule.retry]) for reason, rule in TABLE.items()}

    assert shown == expected


def test_the_error_table_of_the_api_page_has_the_details_and_metadata_of_the_contract() -> None:
    shown = {
        row[0].strip("`"): (set(re.findall(r"\w+", row[3])), set(re.findall(r"`(\w+)`", row[4])))
        for row in API.rows()
        if len(row) == 6 and re.fullmatch(r"`[A-Z_]+`", row[0])
    }
    expected = {
        reason: (
            {detail for detail in DETAILS if detail in comment},
            set(re.findall(r"`(\w+)`", comment.partition("Metadata:")[2])),
        )
        for reason, comment in comments_of_reasons().items()
    }

    assert shown == expected


def permission_of(method: MethodDescriptor) -> str:
    """The permission a method asks for, as settings spell it."""
    number: int = method.GetOptions().Extensions[permission_pb2.required_permission]  # type: ignore[index]
    return permission_pb2.Permission.Name(number).removeprefix("PERMISSION_").lower()


def comments_of_reasons() -> dict[str, str]:
    """The comment above each reason of the contract, on one line."""
    text = (ROOT / "protos/atp/v1/error_reason.proto").read_text()
    reasons = error_reason_pb2.ErrorReason.DESCRIPTOR.values_by_name
    found = re.findall(r"((?:  //.*\n)+)  ERROR_REASON_(\w+) = \d+;", text)
    comments = {name: " ".join(line.strip(" /") for line in comment.splitlines()) for comment, name in found}
    assert comments.keys() == {name.removeprefix("ERROR_REASON_") for name in reasons}
    return {name: comment for name, comment in comments.items() if name != "UNSPECIFIED"}
