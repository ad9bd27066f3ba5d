"""Rules that join several settings; a rule about one setting stands beside that setting.

The loader asks each rule whose settings could all be read, so that one mistake is not reported twice. Rules never
change a value.
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from atp_grpc.config.policies import PolicySettings
from atp_grpc.config.settings import Settings
from atp_grpc.domain.policy import DEFAULT_POLICY, TEXT_SCHEMAS

_ROUNDING = 1e-9
_TARGET = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(?P<port>[0-9]{1,5})")
_LARGEST_PORT = 65_535
LEAVE_SHARE = 0.4
"""Part of the shutdown that callers get at most to leave; the rest is for the calls inside and for writing down."""


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


def _listens_somewhere(settings: Settings) -> str:
    if settings.server.port >= 0 or settings.server.loopback_port >= 0 or settings.server.unix_socket:
        return ""
    return "nobody could connect: neither a port nor a Unix socket is left"


def _listens_with_keys(settings: Settings) -> str:
    if settings.server.port < 0 or is_loopback(settings.server.host) or settings.auth.keys:
        return ""
    return f"binding to {settings.server.host!r}, beyond loopback, needs at least one key in auth.keys"


def _ports_differ(settings: Settings) -> str:
    ports = Counter((settings.server.port, settings.server.loopback_port, settings.ops.port))
    twice = [port for port, count in ports.items() if port > 0 and count > 1]
    return f"more than one listener wants port {twice[0]}" if twice else ""


def _tls_has_both_files(settings: Settings) -> str:
    if bool(settings.tls.certificate) == bool(settings.tls.key):
        return ""
    return "TLS needs a certificate and its key"


def _tls_has_a_listener(settings: Settings) -> str:
    if settings.server.port >= 0 or not settings.tls.certificate:
        return ""
    return "TLS is spoken on server.port, which is off"


def _collector_has_an_address(settings: Settings) -> str:
    try:
        is_whole = bool(urlsplit(settings.telemetry.traces_endpoint).port != 0)
    except ValueError:
        is_whole = False
    return "" if is_whole else "that is no address of a collector"


def _metadata_limits_are_in_order(settings: Settings) -> str:
    if settings.server.max_metadata_bytes <= settings.server.absolute_max_metadata_bytes:
        return ""
    return "what every call may bring is more than what any call may"


def _calls_outlive_their_connection(settings: Settings) -> str:
    server = settings.server
    longest = max(server.max_deadline_seconds, server.max_stream_seconds)
    if not server.connection_grace_seconds or server.connection_grace_seconds > longest:
        return ""
    return f"a connection would be cut under calls and streams, which may take {longest:g} seconds"


def _default_deadline_fits(settings: Settings) -> str:
    if settings.server.default_deadline_seconds <= settings.server.max_deadline_seconds:
        return ""
    return "the default deadline is longer than the longest"


def _drain_fits(settings: Settings) -> str:
    delay, shutdown = settings.server.drain_delay_seconds, settings.server.shutdown_seconds
    if delay <= LEAVE_SHARE * shutdown:
        return ""
    return (
        f"callers get {LEAVE_SHARE:.0%} of the shutdown to leave, which is {LEAVE_SHARE * shutdown:g} seconds; "
        f"a drain delay of {delay:g} needs a shutdown of {math.ceil(delay / LEAVE_SHARE)}"
    )


def _low_disk_comes_before_full(settings: Settings) -> str:
    if settings.health.disk_full_bytes <= settings.health.disk_low_bytes:
        return ""
    return "a disk would be full before it is low"


def _key_ids_differ(settings: Settings) -> str:
    counts = Counter(key.id for key in settings.auth.keys)
    twice = [key for key, count in counts.items() if count > 1]
    return f"more than one key has the id {', '.join(twice)}" if twice else ""


def _outcomes_outlive_tokens(settings: Settings) -> str:
    if settings.learning.outcome_retention_seconds >= settings.learning.token_ttl_seconds:
        return ""
    return "a token would outlive the memory of what was reported with it, and could teach twice"


def _text_schema_has_its_dimension(settings: Settings) -> str:
    return _has_its_dimension(settings.policy)


def _text_schemas_have_their_dimensions(settings: Settings) -> str:
    wrong = {policy.name: _has_its_dimension(policy) for policy in settings.policies}
    return "; ".join(f"{name}: {sentence}" for name, sentence in wrong.items() if sentence)


def _has_its_dimension(policy: PolicySettings) -> str:
    numbers = TEXT_SCHEMAS.get(policy.feature_schema, policy.feature_dimension)
    if policy.feature_dimension == numbers:
        return ""
    return f"schema {policy.feature_schema} has {numbers} numbers, not {policy.feature_dimension}"


def _default_policy_has_its_section(settings: Settings) -> str:
    if all(policy.name != DEFAULT_POLICY for policy in settings.policies):
        return ""
    return f"the policy {DEFAULT_POLICY} is written in [policy]"


def _shares_leave_something(settings: Settings) -> str:
    total = sum(policy.traffic_share for policy in settings.policies)
    return "" if total <= 1 + _ROUNDING else f"the traffic shares add up to {total:.6g}"


def _private_targets_are_targets(settings: Settings) -> str:
    wrong = [target for target in settings.ask.private_targets if not _is_target(target)]
    return f"not host:port: {', '.join(wrong)}" if wrong else ""


def _is_target(text: str) -> bool:
    parts = _TARGET.fullmatch(text)
    return parts is not None and 0 < int(parts["port"]) <= _LARGEST_PORT


def _backoff_grows(settings: Settings) -> str:
    if settings.ask.backoff_base_seconds <= settings.ask.backoff_cap_seconds:
        return ""
    return "the first wait could be longer than the longest"


def _chaos_stays_out_of_production(settings: Settings) -> str:
    if settings.profile != "prod" or not settings.chaos.allowed or settings.chaos.allow_in_prod:
        return ""
    return "faults are not injected in production, unless chaos.allow_in_prod says so as well"


JOINT_RULES = (
    JointRule(
        ("server.port", "server.loopback_port", "server.unix_socket"),
        "The gRPC server listens somewhere: `server.port`, `server.loopback_port` or `server.unix_socket`.",
        _listens_somewhere,
    ),
    JointRule(
        ("server.host", "server.port", "auth.keys"),
        "Binding the gRPC server beyond loopback needs at least one key in `auth.keys`.",
        _listens_with_keys,
    ),
    JointRule(
        ("server.port", "server.loopback_port", "ops.port"), "All listeners have different ports.", _ports_differ
    ),
    JointRule(
        ("tls.certificate", "tls.key"), "`tls.certificate` and `tls.key` are given together.", _tls_has_both_files
    ),
    JointRule(
        ("tls.certificate", "server.port"),
        "TLS needs `server.port`, the only listener that uses it.",
        _tls_has_a_listener,
    ),
    JointRule(
        ("server.max_metadata_bytes", "server.absolute_max_metadata_bytes"),
        "`server.max_metadata_bytes` is at most `server.absolute_max_metadata_bytes`.",
        _metadata_limits_are_in_order,
    ),
    JointRule(
        ("server.connection_grace_seconds", "server.max_deadline_seconds", "server.max_stream_seconds"),
        "`server.connection_grace_seconds`, if not 0, is more than `server.max_deadline_seconds` and "
        "`server.max_stream_seconds`, so that whatever began at the last moment ends by itself.",
        _calls_outlive_their_connection,
    ),
    JointRule(
        ("server.default_deadline_seconds", "server.max_deadline_seconds"),
        "`server.default_deadline_seconds` is at most `server.max_deadline_seconds`.",
        _default_deadline_fits,
    ),
    JointRule(
        ("server.drain_delay_seconds", "server.shutdown_seconds"),
        f"`server.drain_delay_seconds` is at most {LEAVE_SHARE:.0%} of `server.shutdown_seconds`.",
        _drain_fits,
    ),
    JointRule(("auth.keys",), "Key ids are distinct.", _key_ids_differ),
    JointRule(
        ("telemetry.traces_endpoint",),
        "The port in `telemetry.traces_endpoint`, if it names one, is between 1 and 65535.",
        _collector_has_an_address,
    ),
    JointRule(
        ("health.disk_low_bytes", "health.disk_full_bytes"),
        "`health.disk_full_bytes` is at most `health.disk_low_bytes`.",
        _low_disk_comes_before_full,
    ),
    JointRule(
        ("learning.token_ttl_seconds", "learning.outcome_retention_seconds"),
        "`learning.outcome_retention_seconds` is at least `learning.token_ttl_seconds`, so no report teaches twice.",
        _outcomes_outlive_tokens,
    ),
    JointRule(
        ("ask.private_targets",),
        "Each entry of `ask.private_targets` is host:port, an IPv6 address in brackets.",
        _private_targets_are_targets,
    ),
    JointRule(
        ("ask.backoff_base_seconds", "ask.backoff_cap_seconds"),
        "`ask.backoff_base_seconds` is at most `ask.backoff_cap_seconds`.",
        _backoff_grows,
    ),
    JointRule(
        ("profile", "chaos.allowed", "chaos.allow_in_prod"),
        "Under the profile `prod`, `chaos.allowed` needs `chaos.allow_in_prod` beside it.",
        _chaos_stays_out_of_production,
    ),
    JointRule(
        ("policy.feature_schema", "policy.feature_dimension"),
        "A feature schema that is computed from text has its dimension: "
        f"{', '.join(f'`{schema}` {numbers}' for schema, numbers in TEXT_SCHEMAS.items())}.",
        _text_schema_has_its_dimension,
    ),
    JointRule(("policies",), "The same holds in each table of `policies`.", _text_schemas_have_their_dimensions),
    JointRule(
        ("policies",),
        f"The policy `{DEFAULT_POLICY}` is written in `[policy]`, not in `policies`.",
        _default_policy_has_its_section,
    ),
    JointRule(("policies",), "The traffic shares of all policies add up to 1 at most.", _shares_leave_something),
)
