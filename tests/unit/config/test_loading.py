"""Settings come from defaults, a file, variables and flags; later ones win, and each is read by its type."""

from __future__ import annotations

import dataclasses
import math
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.config import ConfigurationError, KeySettings, Settings, dump, load, process_environment
from atp_grpc.config.fields import Leaf, leaves_of, setting
from atp_grpc.config.sources import from_environment
from atp_grpc.config.values import read_text, read_value
from atp_grpc.domain.tenant import Permission
from atp_grpc.engine.contract import ContextMode, EngineParameters, Learner

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "config"
LEAVES = list(leaves_of(Settings))
NUMBERS = [leaf for leaf in LEAVES if leaf.type in {int, float}]


def test_nothing_given_means_the_defaults() -> None:
    assert load(None, {}, {}) == Settings()


def test_a_file_says_everything_a_server_needs() -> None:
    settings = load(FIXTURES / "good.toml", {}, {})

    assert settings.profile == "prod"
    assert settings.data_dir == Path("/var/lib/atp")
    assert (settings.server.host, settings.server.port, settings.server.max_deadline_seconds) == ("0.0.0.0", 8443, 90.0)
    assert (settings.policy.learner, settings.policy.context) == (Learner.LINUCB, ContextMode.OFF)
    assert settings.auth.keys == (
        KeySettings("ops1", "acme", f"{1:064}", (Permission.ROUTE, Permission.OBSERVE)),
        KeySettings("ops2", "acme", f"{2:064}", (Permission.OPERATE,)),
    )


def test_later_sources_win() -> None:
    file = FIXTURES / "good.toml"

    assert load(file, {}, {}).server.port == 8443
    assert load(file, {"ATP_SERVER_PORT": "8444"}, {}).server.port == 8444
    assert load(file, {"ATP_SERVER_PORT": "8444"}, {"server.port": "8445"}).server.port == 8445


def test_a_flag_that_was_not_given_changes_nothing() -> None:
    assert load(None, {"ATP_SERVER_PORT": "8444"}, {"server.port": None}).server.port == 8444


def test_an_empty_variable_changes_nothing() -> None:
    assert load(None, {"ATP_SERVER_PORT": "", "ATP_DATA_DIR": " "}, {}) == Settings()


def test_the_profile_decides_defaults_and_gives_way_to_what_is_said() -> None:
    assert load(None, {"ATP_PROFILE": "prod"}, {}).server.drain_delay_seconds == 5.0
    assert load(None, {"ATP_PROFILE": "ci"}, {}).server.drain_delay_seconds == 0.5
    said = load(None, {"ATP_PROFILE": "prod", "ATP_SERVER_DRAIN_DELAY_SECONDS": "1"}, {})
    assert said.server.drain_delay_seconds == 1.0


@pytest.mark.parametrize(("word", "truth"), [("true", True), ("YES", True), ("1", True), ("off", False), ("no", False)])
def test_a_truth_may_be_written_in_several_words(word: str, truth: bool) -> None:
    assert load(None, {"ATP_SERVER_BEHIND_PROXY": word}, {}).server.behind_proxy is truth


def test_keys_may_come_from_a_variable() -> None:
    text = f'[{{"id": "ops1", "tenant": "acme", "digest": "{1:064}", "permissions": ["route"]}}]'

    settings = load(None, {"ATP_AUTH_KEYS": text, "ATP_SERVER_HOST": "0.0.0.0"}, {})

    assert settings.auth.keys == (KeySettings("ops1", "acme", f"{1:064}", (Permission.ROUTE,)),)


def test_the_client_has_variables_of_its_own() -> None:
    client = load(None, {"ATP_TARGET": "atp.example.com:443", "ATP_KEY": "atp_dev_id_hush"}, {}).client

    assert (client.target, client.key) == ("atp.example.com:443", "atp_dev_id_hush")


def test_variables_of_the_tests_and_the_set_up_are_let_be() -> None:
    environ = {"ATP_DATA": "/data", "ATP_REQUIRE_NATIVE": "1", "ATP_REQUIRE_PROXIES": "1", "PATH": "/bin"}

    assert load(None, environ, {}) == Settings()


def test_each_setting_has_a_variable_of_its_own() -> None:
    names = [leaf.environment for leaf in LEAVES]

    assert len(set(names)) == len(names)
    assert {"ATP_PROFILE", "ATP_DATA_DIR", "ATP_SERVER_PORT", "ATP_CLIENT_DEADLINE_SECONDS"} <= set(names)


def test_each_default_keeps_its_own_rule_under_each_profile() -> None:
    for profile in ("dev", "ci", "prod"):
        defaults = {leaf.key: {} if leaf.rule.keyed_by else leaf.default_under(profile) for leaf in LEAVES}
        assert load(None, {}, defaults) == load(None, {}, {"profile": profile, **defaults})


def test_the_defaults_of_the_policy_are_those_of_the_engine() -> None:
    policy, engine = Settings().policy, EngineParameters("default", "flags.v1", 15, 1.0, 1.0)

    for name in ("learner", "scale", "alpha", "epsilon", "slope_precision", "context"):
        assert getattr(policy, name) == getattr(engine, name)


@given(data=st.data(), leaf=st.sampled_from(NUMBERS))
def test_a_number_is_taken_if_and_only_if_it_keeps_its_rule(data: st.DataObject, leaf: Leaf) -> None:
    rule = leaf.rule
    low, high = rule.minimum if rule.least_above_zero is None else rule.least_above_zero, rule.maximum
    assert low is not None, "a number without a lower bound"
    assert high is not None, "a number without an upper bound"
    near = [low, high, math.nextafter(low, -math.inf), math.nextafter(high, math.inf), 0.0]
    number = data.draw(
        st.sampled_from([int(low), int(high), int(low) - 1, int(high) + 1])
        if leaf.type is int
        else st.one_of(st.sampled_from(near), st.floats(allow_nan=False, allow_infinity=False))
    )
    is_fine = low <= number <= high or (rule.least_above_zero is not None and number == 0)
    # Read alone, so that no rule that joins settings has a say.
    try:
        taken = read_text(leaf, repr(number))
    except ValueError:
        assert not is_fine
    else:
        assert is_fine
        assert taken == number
        assert type(taken) is leaf.type


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda leaf: leaf.key)
def test_each_default_written_as_text_reads_as_itself(leaf: Leaf) -> None:
    default = leaf.default
    text = "{}" if leaf.rule.keyed_by else "[]" if default == () else str(default)

    assert read_text(leaf, text) == default


def test_a_number_beyond_all_fractions_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="must be a finite number"):
        load(None, {}, {"policy.alpha": 10**400})


@dataclasses.dataclass(frozen=True)
class Toy:
    name: str = setting("What it is called.")
    weight_grams: float = setting("What it weighs.", 1.0, minimum=0)


@dataclasses.dataclass(frozen=True)
class Box:
    toys: tuple[Toy, ...] = setting("What is inside.", ())


def test_an_entry_of_a_list_of_tables_may_leave_fields_to_their_defaults() -> None:
    (toys,) = leaves_of(Box)

    assert read_value(toys, [{"name": "ball"}, {"name": "kite", "weight_grams": 2}]) == (Toy("ball"), Toy("kite", 2.0))


def test_each_variable_leads_to_its_setting_and_no_other() -> None:
    for leaf in LEAVES:
        source = from_environment({leaf.environment: "anything"}, LEAVES)
        assert [(given.leaf.key, given.raw) for given in source.given] == [(leaf.key, "anything")]
        assert source.complaints == ()


def test_a_dump_read_as_a_file_gives_the_same_settings(tmp_path: Path) -> None:
    settings = load(FIXTURES / "good.toml", {}, {})
    overrides: dict[str, object] = {}
    for section, entries in dump(settings).items():
        if isinstance(entries, dict):
            overrides |= {f"{section}.{name}": value for name, value in entries.items()}
        else:
            overrides[section] = entries

    assert load(None, {}, overrides) == settings


def test_settings_never_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().server.port = 1  # type: ignore[misc]


def test_the_environment_is_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATP_SERVER_PORT", "8443")
    found = process_environment()
    monkeypatch.setenv("ATP_SERVER_PORT", "8444")

    assert found["ATP_SERVER_PORT"] == "8443"


def test_reading_settings_brings_no_heavy_library_along() -> None:
    script = (
        "import sys, atp_grpc.config; print(sorted({'grpc', 'rich', 'numpy', 'google', 'aiohttp'} & set(sys.modules)))"
    )

    answered = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert answered.stdout == "[]\n"


@pytest.mark.parametrize(("profile", "is_doubly_allowed"), [("dev", False), ("ci", False), ("prod", True)])
def test_chaos_may_be_allowed_outside_production_and_there_when_it_is_said_twice(
    profile: str, is_doubly_allowed: bool
) -> None:
    overrides = {"profile": profile, "chaos.allowed": "true", "chaos.allow_in_prod": str(is_doubly_allowed).lower()}

    assert load(None, {}, overrides).chaos.allowed
    assert not load(None, {}, {"profile": profile}).chaos.allowed


def test_private_targets_are_hosts_with_ports() -> None:
    settings = load(None, {"ATP_ASK_PRIVATE_TARGETS": '["[::1]:80", "10.0.0.7:8080", "gpu.lan:8080"]'}, {})

    assert settings.ask.private_targets == ("[::1]:80", "10.0.0.7:8080", "gpu.lan:8080")
