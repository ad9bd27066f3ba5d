"""Rules that join several settings; a rule about one setting stands beside that setting.

The loader asks each rule whose settings could all be read, so that one mistake is not reported twice. Rules never
change a value.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from atp_grpc.config.settings import Settings
from atp_grpc.domain.policy import TEXT_DIMENSION, TEXT_SCHEMA


@dataclass(frozen=True, slots=True)
class JointRule:
    """A rule over some settings, by key, and its sentence for people. `complaint` is empty while it is kept."""

    keys: tuple[str, ...]
    doc: str
    complaint: Callable[[Settings], str]


def is_loopback(host: str) -> bool:
    """Whether an address to bind to can be reached from this machine only; of names, only localhost counts."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _listens_with_keys(settings: Settings) -> str:
    if is_loopback(settings.server.host) or settings.auth.keys:
        return ""
    return f"binding to {settings.server.host!r}, beyond loopback, needs at least one key in auth.keys"


def _ports_differ(settings: Settings) -> str:
    if settings.server.port <= 0 or settings.server.port != settings.ops.port:
        return ""
    return f"both listeners want port {settings.server.port}"


def _default_deadline_fits(settings: Settings) -> str:
    if settings.server.default_deadline_seconds <= settings.server.max_deadline_seconds:
        return ""
    return "the default deadline is longer than the longest"


def _drain_fits(settings: Settings) -> str:
    if settings.server.drain_delay_seconds <= settings.server.shutdown_seconds:
        return ""
    return "the drain delay is longer than the whole shutdown"


def _key_ids_differ(settings: Settings) -> str:
    counts = Counter(key.id for key in settings.auth.keys)
    twice = [key for key, count in counts.items() if count > 1]
    return f"more than one key has the id {', '.join(twice)}" if twice else ""


def _outcomes_outlive_tokens(settings: Settings) -> str:
    if settings.learning.outcome_retention_seconds >= settings.learning.token_ttl_seconds:
        return ""
    return "a token would outlive the memory of what was reported with it, and could teach twice"


def _text_schema_has_its_dimension(settings: Settings) -> str:
    policy = settings.policy
    if policy.feature_schema != TEXT_SCHEMA or policy.feature_dimension == TEXT_DIMENSION:
        return ""
    return f"schema {TEXT_SCHEMA} has {TEXT_DIMENSION} numbers, not {policy.feature_dimension}"


JOINT_RULES = (
    JointRule(
        ("server.host", "auth.keys"),
        "Binding the gRPC server beyond loopback needs at least one key in `auth.keys`.",
        _listens_with_keys,
    ),
    JointRule(("server.port", "ops.port"), "The two listeners have different ports.", _ports_differ),
    JointRule(
        ("server.default_deadline_seconds", "server.max_deadline_seconds"),
        "`server.default_deadline_seconds` is at most `server.max_deadline_seconds`.",
        _default_deadline_fits,
    ),
    JointRule(
        ("server.drain_delay_seconds", "server.shutdown_seconds"),
        "`server.drain_delay_seconds` is at most `server.shutdown_seconds`.",
        _drain_fits,
    ),
    JointRule(("auth.keys",), "Key ids are distinct.", _key_ids_differ),
    JointRule(
        ("learning.token_ttl_seconds", "learning.outcome_retention_seconds"),
        "`learning.outcome_retention_seconds` is at least `learning.token_ttl_seconds`, so no report teaches twice.",
        _outcomes_outlive_tokens,
    ),
    JointRule(
        ("policy.feature_schema", "policy.feature_dimension"),
        f"Feature schema `{TEXT_SCHEMA}` has {TEXT_DIMENSION} numbers.",
        _text_schema_has_its_dimension,
    ),
)
