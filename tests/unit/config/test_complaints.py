"""Every mistake a configuration can hold is told, with its place; one file a mistake, named after it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.config import ConfigurationError, Settings, load
from atp_grpc.config.fields import leaves_of

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "config"
VARIABLES = [leaf.environment for leaf in leaves_of(Settings)]
KEYS = [leaf.key for leaf in leaves_of(Settings)]

MISTAKES = {
    "backoff_beyond_its_cap": [
        (
            "FILE: ask.backoff_base_seconds, FILE: ask.backoff_cap_seconds: "
            "the first wait could be longer than the longest"
        )
    ],
    "chaos_in_production": [
        (
            "FILE: profile, FILE: chaos.allowed: "
            "faults are not injected in production, unless chaos.allow_in_prod says so as well"
        )
    ],
    "connection_grace_too_short": [
        (
            "FILE: server.connection_grace_seconds, FILE: server.max_stream_seconds: "
            "a connection would be cut under calls and streams, which may take 300 seconds"
        )
    ],
    "default_deadline_above_longest": [
        "FILE: server.default_deadline_seconds: the default deadline is longer than the longest"
    ],
    "drain_longer_than_shutdown": [
        (
            "FILE: server.drain_delay_seconds, FILE: server.shutdown_seconds: "
            "callers get 40% of the shutdown to leave, which is 2 seconds; a drain delay of 10 needs a shutdown of 25"
        )
    ],
    "fraction_for_a_whole_number": ["FILE: server.port: must be a whole number, got 8443.5"],
    "half_life_below_a_second": ["FILE: policy.half_life_seconds: must be 0 or at least 1, got 0.5"],
    "host_with_a_space": [r"FILE: server.host: must match \S+, got '127.0.0.1 '"],
    "key_id_twice": ["FILE: auth.keys: more than one key has the id ops1"],
    "key_with_short_digest": ["FILE: auth.keys[0].digest: must match [0-9a-f]{64}, got '0001'"],
    "key_with_unknown_field": ["FILE: auth.keys[0].permission: unknown; did you mean permissions?"],
    "key_with_unknown_permission": [
        (
            "FILE: auth.keys[0].permissions[1]: must be one of route, observe, read_decisions, read_catalog, operate, "
            "read_policies, write_policies, ask, got 'rule'"
        )
    ],
    "key_without_permissions": ["FILE: auth.keys[0].permissions: must have at least 1 entries, got 0"],
    "key_without_tenant": ["FILE: auth.keys[0].tenant: is missing"],
    "keys_are_not_a_list": ["FILE: auth.keys: must be a list, got 'atp_dev_ops1'"],
    "keys_are_not_tables": ["FILE: auth.keys[0]: must be a table, got 'atp_dev_ops1'"],
    "many_mistakes": [
        "FILE: colour: unknown",
        "FILE: profile: must be one of dev, ci, prod, got 'staging'",
        "FILE: server.port: must be at least -1, got -2",
        "FILE: server.reflection: must be one of auto, on, operators, off, got 'maybe'",
        "FILE: ops.host: must be printable text, got 7",
        "FILE: policy.epsilon: must be at most 1, got 1.5",
    ],
    "policies_are_not_tables": ["FILE: policies.fast: must be a table, got 1"],
    "policy_default_among_others": ["FILE: policies: the policy default is written in [policy]"],
    "policy_with_a_second_name": ["FILE: policies.fast: has its name already: it is the name of the table"],
    "policy_with_an_odd_name": [
        "FILE: policies.so fast.name: must match [A-Za-z0-9][A-Za-z0-9._-]{0,63}, got 'so fast'",
        "FILE: policies.slow.learning: unknown; did you mean learner?",
        "FILE: policies.slow.epsilon: must be at most 1, got 2.0",
    ],
    "policies_of_text_with_default_dimension": ["FILE: policies: fast: schema flags.v1 has 15 numbers, not 47"],
    "policies_share_too_much": ["FILE: policies: the traffic shares add up to 1.25"],
    "collector_nowhere": ["FILE: telemetry.traces_endpoint: that is no address of a collector"],
    "metadata_limits_crossed": [
        "FILE: server.max_metadata_bytes: what every call may bring is more than what any call may"
    ],
    "not_a_number": [
        "FILE: policy.cost_weight: must be a finite number, got nan",
        "FILE: policy.alpha: must be a finite number, got inf",
    ],
    "not_utf8": ["FILE:2: not UTF-8 text"],
    "nowhere_to_listen": ["FILE: server.port: nobody could connect: neither a port nor a Unix socket is left"],
    "number_for_a_truth": ["FILE: server.behind_proxy: must be true or false, got 1"],
    "number_for_text": ["FILE: server.host: must be printable text, got 127"],
    "open_to_all_without_keys": [
        "FILE: server.host: binding to '0.0.0.0', beyond loopback, needs at least one key in auth.keys"
    ],
    "port_below_off": ["FILE: ops.port: must be at least -1, got -2"],
    "port_too_large": ["FILE: server.port: must be at most 65535, got 65536"],
    "private_target_without_port": [
        "FILE: ask.private_targets: not host:port: gpu.lan, http://10.0.0.7:80, 10.0.0.7:70000, ::1:80"
    ],
    "same_port_twice": ["FILE: server.port, FILE: ops.port: more than one listener wants port 9000"],
    "section_is_not_a_table": ["FILE: server: must be a table"],
    "syntax_error": ["FILE:3:7: Invalid value"],
    "text_for_a_number": ["FILE: server.port: must be a whole number, got '8443'"],
    "text_schema_with_default_dimension": ["FILE: policy.feature_schema: schema flags.v1 has 15 numbers, not 47"],
    "text_schema_with_other_dimension": ["FILE: policy.feature_dimension: schema text.v1 has 47 numbers, not 48"],
    "tls_without_key": ["FILE: tls.certificate: TLS needs a certificate and its key"],
    "tls_without_port": ["FILE: tls.certificate, FILE: server.port: TLS is spoken on server.port, which is off"],
    "tokens_outlive_outcomes": [
        (
            "FILE: learning.outcome_retention_seconds: a token would outlive the memory of what was reported with it, "
            "and could teach twice"
        )
    ],
    "truth_for_a_number": ["FILE: server.port: must be a whole number, got true"],
    "unix_socket_too_long": [rf"FILE: server.unix_socket: must match [^\0]{{0,107}}, got '/run/{'x' * 54}..."],
    "unknown_key": ["FILE: server.prot: unknown; did you mean server.port?"],
    "unknown_learner": [
        "FILE: policy.learner: must be one of thompson, linucb, squarecb, greedy, ucb1, thompson_beta, got 'thomson'"
    ],
    "unknown_profile": ["FILE: profile: must be one of dev, ci, prod, got 'production'"],
    "unknown_section": ["FILE: sevrer: unknown; did you mean server?"],
    "unknown_top_level_key": ["FILE: data_directory: unknown; did you mean data_dir?"],
    "value_is_a_table": ["FILE: server.port: must be a whole number, got {'number': 8443}"],
}


def complaints_of(
    path: Path | None = None, environ: dict[str, str] | None = None, overrides: dict[str, object] | None = None
) -> list[str]:
    with pytest.raises(ConfigurationError) as refused:
        load(path, environ or {}, overrides or {})
    return list(refused.value.complaints)


def complaints_or_none(path: Path | None, environ: dict[str, str], overrides: dict[str, object]) -> tuple[str, ...]:
    """Anything but settings and complaints escapes, and fails the test."""
    try:
        load(path, environ, overrides)
    except ConfigurationError as refused:
        return refused.complaints
    return ()


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_the_file_is_told_with_its_place(mistake: str) -> None:
    path = FIXTURES / f"{mistake}.toml"

    assert complaints_of(path) == [complaint.replace("FILE", str(path)) for complaint in MISTAKES[mistake]]


def test_every_file_with_a_mistake_is_tried() -> None:
    assert {path.stem for path in FIXTURES.glob("*.toml")} == {"good", *MISTAKES}


def test_a_missing_file_is_a_complaint(tmp_path: Path) -> None:
    path = tmp_path / "nowhere.toml"

    assert complaints_of(path) == [f"{path}: cannot be read: No such file or directory"]


def test_a_folder_in_place_of_the_file_is_a_complaint(tmp_path: Path) -> None:
    assert complaints_of(tmp_path) == [f"{tmp_path}: cannot be read: Is a directory"]


def test_complaints_of_all_sources_come_at_once() -> None:
    path = FIXTURES / "port_too_large.toml"

    assert complaints_of(path, {"ATP_OPS_PORT": "many"}, {"policy.epsilon": "2"}) == [
        f"{path}: server.port: must be at most 65535, got 65536",
        "environment: ATP_OPS_PORT: must be a whole number, got 'many'",
        "flag: policy.epsilon: must be at most 1, got 2.0",
    ]


def test_a_bad_value_is_told_even_where_a_later_source_replaces_it() -> None:
    assert complaints_of(environ={"ATP_SERVER_PORT": "many"}, overrides={"server.port": "8443"}) == [
        "environment: ATP_SERVER_PORT: must be a whole number, got 'many'"
    ]


def test_a_misspelled_variable_is_told_with_the_one_that_was_meant() -> None:
    assert complaints_of(environ={"ATP_SERVER_PROT": "8443"}) == [
        "environment: ATP_SERVER_PROT: unknown; did you mean ATP_SERVER_PORT?"
    ]


def test_a_misspelled_flag_is_told_with_the_one_that_was_meant() -> None:
    assert complaints_of(overrides={"server.prot": "8443"}) == ["flag: server.prot: unknown; did you mean server.port?"]


def test_a_flag_of_the_wrong_type_is_told() -> None:
    assert complaints_of(overrides={"server.port": 84.43}) == ["flag: server.port: must be a whole number, got 84.43"]


@pytest.mark.parametrize("text", ["[", '{"id": "ops1"', "[" * 100_000, "9" * 5_000])
def test_a_list_of_tables_in_a_variable_must_be_json(text: str) -> None:
    assert complaints_of(environ={"ATP_AUTH_KEYS": text}) == ["environment: ATP_AUTH_KEYS: must be a JSON list"]


def test_every_part_of_a_key_in_a_variable_is_judged() -> None:
    assert complaints_of(environ={"ATP_AUTH_KEYS": '[{"id": "a b", "tenant": "acme", "colour": 1}]'}) == [
        "environment: ATP_AUTH_KEYS[0].colour: unknown",
        "environment: ATP_AUTH_KEYS[0].id: must match [A-Za-z0-9]{1,32}, got 'a b'",
        "environment: ATP_AUTH_KEYS[0].digest: is missing",
        "environment: ATP_AUTH_KEYS[0].permissions: is missing",
    ]


def test_a_complaint_about_a_secret_does_not_quote_it() -> None:
    told = complaints_of(environ={"ATP_KEY": "atp_dev_id_hush\n"})

    assert told == ["environment: ATP_KEY: must be printable text, got something else"]


def test_a_rule_that_joins_settings_is_not_asked_about_one_that_could_not_be_read() -> None:
    told = complaints_of(environ={"ATP_SERVER_HOST": "0.0.0.0", "ATP_AUTH_KEYS": "["})

    assert told == ["environment: ATP_AUTH_KEYS: must be a JSON list"]


def test_an_unreadable_file_is_not_blamed_for_what_it_may_say() -> None:
    path = FIXTURES / "syntax_error.toml"

    assert complaints_of(path, {"ATP_SERVER_HOST": "0.0.0.0"}) == [f"{path}:3:7: Invalid value"]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7", "atp.example.com", "127.0.0.1.example.com"])
def test_listening_beyond_loopback_needs_a_key(host: str) -> None:
    assert complaints_of(overrides={"server.host": host}) == [
        f"flag: server.host: binding to {host!r}, beyond loopback, needs at least one key in auth.keys"
    ]


def test_a_host_that_no_port_is_bound_to_needs_no_key() -> None:
    given = {"server.host": "0.0.0.0", "server.port": -1, "server.unix_socket": "/run/atp.sock"}

    assert load(None, {}, given).server.port == -1


def test_the_grace_of_a_connection_is_taken_from_the_longest_call_unless_one_is_given() -> None:
    given = {"server.max_stream_seconds": 3600.0, "server.max_deadline_seconds": 1800.0}

    assert load(None, {}, given).server.connection_grace_seconds == 0.0
    assert load(None, {}, {**given, "server.connection_grace_seconds": 3601.0}).server.max_stream_seconds == 3600.0


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost"])
def test_listening_on_loopback_needs_no_key(host: str) -> None:
    assert load(None, {}, {"server.host": host}).server.host == host


def test_two_free_ports_are_not_the_same_port() -> None:
    assert load(None, {}, {"server.port": 0, "ops.port": 0}).ops.port == 0


@given(
    environ=st.dictionaries(st.sampled_from(VARIABLES), st.text(max_size=20), max_size=4),
    overrides=st.dictionaries(
        st.sampled_from(KEYS),
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.lists(st.integers())),
        max_size=4,
    ),
)
def test_whatever_is_given_ends_in_settings_or_in_complaints(
    environ: dict[str, str], overrides: dict[str, object]
) -> None:
    for complaint in complaints_or_none(None, environ, overrides):
        assert complaint.startswith(("environment: ", "flag: "))


@given(st.binary(max_size=200))
def test_whatever_a_file_holds_ends_in_settings_or_in_complaints(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.mktemp("config") / "atp.toml"
    path.write_bytes(data)

    for complaint in complaints_or_none(path, {}, {}):
        assert complaint.startswith(str(path))
