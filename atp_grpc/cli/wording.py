"""Messages in words: enum values, targets, times and documents as the commands print them.

Used by the commands that show what a server answered. It never invents a fact: a value it does not know is shown as a
number.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from google.protobuf import json_format
from google.protobuf.duration_pb2 import Duration
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from atp_grpc.cli.quantities import span, usd
from atp_grpc.client.messages import Expectation, Target


def document_of(message: Message) -> dict[str, Any]:
    """A message in the JSON mapping of protobuf, with the contract's own field names and every field that has a value.

    Bytes are base64url without padding, which every reader of that mapping accepts and a shell does not mangle.
    """
    document: dict[str, Any] = json_format.MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    if "feedback_token" in document:
        document["feedback_token"] = token_text(base64.b64decode(document["feedback_token"]))
    return document


def token_text(token: bytes) -> str:
    """A feedback token as text: base64url (RFC 4648, section 5) without padding."""
    return base64.urlsafe_b64encode(token).rstrip(b"=").decode("ascii")


def token_bytes(text: str) -> bytes | None:
    """The token in base64url or plain base64, with or without padding; None when the text is none."""
    try:
        encoded = text.strip().rstrip("=").encode("ascii")
        return base64.b64decode(encoded + b"=" * (-len(encoded) % 4), altchars=b"-_", validate=True) or None
    except (UnicodeEncodeError, binascii.Error):
        return None


def word(enum: EnumTypeWrapper, number: int, prefix: str) -> str:
    """An enum value as words: `REFUSAL_CAUSE_MAX_COST` is `max cost`; one this release does not know is its number."""
    name = enum.DESCRIPTOR.values_by_number.get(number)
    return name.name.removeprefix(prefix).lower().replace("_", " ") if name else f"unknown ({number})"


def place(deployment: str, provider: str) -> str:
    """A deployment and who runs it: `swift-eu (acme)`; just `swift@acme` where the name says it already."""
    return deployment if not provider or deployment.endswith(f"@{provider}") else f"{deployment} ({provider})"


def served_at(target: Target) -> str:
    """Where a target is served, for a row that names the model: `acme` is short for `MODEL@acme`."""
    if target.provider and target.deployment == f"{target.model}@{target.provider}":
        return target.provider
    return place(target.deployment, target.provider)


def duration(value: Duration) -> str:
    """A span in words."""
    return span(value.ToNanoseconds())


def moment(value: Timestamp) -> str:
    """A moment in RFC 3339, or nothing when it was not set."""
    return value.ToJsonString() if value.seconds or value.nanos else ""


def expectation(expected: Expectation) -> tuple[str, str, str, str]:
    """Expected quality, cost, latency and failure rate in words."""
    return (
        f"{expected.quality:.3f}",
        usd(expected.cost_nano_usd),
        duration(expected.latency),
        f"{expected.failure_rate:.1%}",
    )
