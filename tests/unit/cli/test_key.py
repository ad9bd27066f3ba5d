"""A key that is made opens the door it was made for, and is shown once."""

from __future__ import annotations

import json
import stat
import tomllib
from pathlib import Path

import pytest

from atp_grpc.cli.program import run
from atp_grpc.config import load
from atp_grpc.domain.tenant import Permission
from atp_grpc.secrets.credentials import digest, parse_key
from atp_grpc.secrets.files import open_secrets


def test_the_stanza_is_configuration_that_knows_the_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["key", "new", "--tenant", "shop", "--data-dir", str(tmp_path / "data")]) == 0

    key, _, stanza = capsys.readouterr().out.split("\n\n", 2)
    file = tmp_path / "atp.toml"
    file.write_text(stanza)
    [kept] = load(file, {}, {}).auth.keys
    credential = parse_key(key)
    assert credential is not None
    assert (kept.id, kept.tenant) == (credential.key_id, "shop")
    assert kept.permissions == (Permission.ROUTE, Permission.OBSERVE, Permission.READ_DECISIONS)
    assert kept.digest == digest(open_secrets(tmp_path / "data").pepper, credential.secret)


def test_the_secret_is_kept_nowhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["key", "new", "--tenant", "shop", "--data-dir", str(tmp_path), "--json"]) == 0

    document = json.loads(capsys.readouterr().out)
    credential = parse_key(document["key"])
    assert credential is not None
    assert credential.secret not in json.dumps(document["stanza"])
    for path in tmp_path.iterdir():
        assert credential.secret.encode() not in path.read_bytes()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_two_keys_can_stand_in_one_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stanzas = ""
    for tenant in ("shop", "lab"):
        assert run(["key", "new", "--tenant", tenant, "--data-dir", str(tmp_path)]) == 0
        stanzas += capsys.readouterr().out.split("\n\n", 2)[2] + "\n"

    assert [entry["tenant"] for entry in tomllib.loads(stanzas)["auth"]["keys"]] == ["shop", "lab"]


def test_permissions_and_profile_are_the_ones_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--permission", "operate", "--permission", "read_catalog", "--permission", "operate"]

    assert (
        run(["key", "new", "--tenant", "ops", "--data-dir", str(tmp_path), "--profile", "prod", *arguments, "--json"])
        == 0
    )

    document = json.loads(capsys.readouterr().out)
    assert document["key"].startswith("atp_prod_")
    assert document["stanza"]["permissions"] == ["operate", "read_catalog"]


def test_the_data_directory_of_a_configuration_file_is_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "atp.toml"
    file.write_text(f'data_dir = "{tmp_path / "elsewhere"}"\n')

    assert run(["key", "new", "--tenant", "shop", "--config", str(file)]) == 0
    assert capsys.readouterr().out
    assert (tmp_path / "elsewhere" / "pepper").is_file()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--tenant", "no such name!"], "auth.keys"),
        (["--tenant", ""], "auth.keys"),
        (["--tenant", "shop", "--permission", "rule"], "invalid choice: 'rule'"),
        (["--tenant", "shop", "--profile", "test"], "profile"),
        ([], "--tenant"),
    ],
)
def test_a_key_that_no_server_would_take_is_not_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], complaint: str
) -> None:
    data_dir = tmp_path / "data"

    assert run(["key", "new", "--data-dir", str(data_dir), *arguments]) == 2

    assert complaint in capsys.readouterr().err
    assert not data_dir.exists()


def test_a_data_directory_that_others_may_write_to_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tmp_path.chmod(0o777)

    assert run(["key", "new", "--tenant", "shop", "--data-dir", str(tmp_path)]) == 2
    assert "others may write" in capsys.readouterr().err
