"""Keys of providers: by reference only, private files, changes seen at once, told to nobody but the caller."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.secrets.contract import ProviderKey, SecretsError, is_key_reference
from atp_grpc.secrets.folder import write_private
from atp_grpc.secrets.provider_keys import StoredProviderKeys

SECRET = "sk-live-0123456789"


def stored(folder: Path, **environ: str) -> StoredProviderKeys:
    return StoredProviderKeys(folder, environ)


def refusal_of(keys: StoredProviderKeys, reference: str) -> str:
    with pytest.raises(SecretsError) as refused:
        keys.key(reference)
    assert SECRET not in str(refused.value)
    return str(refused.value)


def test_a_variable_and_a_file_are_keys_without_the_blanks_around_them(tmp_path: Path) -> None:
    write_private(tmp_path / "harbor", f" {SECRET}\n".encode())
    keys = stored(tmp_path, HARBOR_KEY=f"{SECRET}-2\n")

    assert keys.key("file:harbor") == SECRET
    assert keys.key("env:HARBOR_KEY") == f"{SECRET}-2"


def test_a_key_hides_itself_where_values_are_shown_and_is_itself_where_it_is_sent(tmp_path: Path) -> None:
    key = stored(tmp_path, HARBOR_KEY=SECRET).key("env:HARBOR_KEY")

    assert isinstance(key, ProviderKey)
    assert SECRET not in repr([key])
    assert f"Bearer {key}" == f"Bearer {SECRET}"


def test_a_key_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    keys = stored(tmp_path, EMPTY=" ")

    assert refusal_of(keys, "env:NOWHERE") == "environment: NOWHERE: not set"
    assert refusal_of(keys, "env:EMPTY") == "environment: EMPTY: not set"
    assert refusal_of(keys, "file:nowhere") == f"{tmp_path / 'nowhere'}: not there"


@pytest.mark.parametrize(
    "written", [b"", b" \n", b"two\nlines", b"a b", b"\xff\xfe", "gr\u00fcn".encode(), b"x" * 4097]
)
def test_a_file_that_holds_no_key_is_refused(tmp_path: Path, written: bytes) -> None:
    write_private(tmp_path / "harbor", written)

    assert "must hold a key" in refusal_of(stored(tmp_path), "file:harbor")


def test_a_file_that_others_may_read_is_refused_also_when_it_was_read_before(tmp_path: Path) -> None:
    path = tmp_path / "harbor"
    write_private(path, SECRET.encode())
    keys = stored(tmp_path)
    assert keys.key("file:harbor") == SECRET

    path.chmod(0o644)

    assert f"chmod 600 {path}" in refusal_of(keys, "file:harbor")


@pytest.mark.parametrize(
    "reference",
    [SECRET, "", "file:", "file:../pepper", "file:/etc/passwd", "file:a/b", "env:1A", "env:A B", "keyring:x"],
)
def test_what_is_no_reference_opens_nothing_and_is_not_quoted(tmp_path: Path, reference: str) -> None:
    (tmp_path / "folder").mkdir()
    write_private(tmp_path / "pepper", SECRET.encode())

    refusal = refusal_of(stored(tmp_path / "folder"), reference)

    assert refusal == "a key is referred to as env:NAME or file:NAME"


@given(st.text(max_size=20))
def test_a_reference_never_leads_out_of_the_folder(name: str) -> None:
    if is_key_reference(f"file:{name}"):
        assert (Path("/keys") / name).resolve().parent == Path("/keys")


def test_a_file_that_is_read_is_kept_until_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_private(tmp_path / "harbor", SECRET.encode())
    keys = stored(tmp_path)
    first = keys.key("file:harbor")

    with monkeypatch.context() as closed:
        closed.setattr("atp_grpc.secrets.provider_keys.read_private", lambda _: pytest.fail("read again"))
        assert keys.key("file:harbor") is first

    write_private(tmp_path / "harbor", b"sk-new")
    assert keys.key("file:harbor") == "sk-new"


def test_a_file_that_is_emptied_to_be_written_anew_is_the_old_key_until_it_is(tmp_path: Path) -> None:
    path = tmp_path / "harbor"
    write_private(path, SECRET.encode())
    keys = stored(tmp_path)
    assert keys.key("file:harbor") == SECRET

    path.write_bytes(b"")
    assert keys.key("file:harbor") == SECRET
    path.write_bytes(b"sk-new")
    assert keys.key("file:harbor") == "sk-new"


def test_a_file_that_is_taken_away_takes_its_key_along(tmp_path: Path) -> None:
    path = tmp_path / "harbor"
    write_private(path, SECRET.encode())
    keys = stored(tmp_path)
    assert keys.key("file:harbor") == SECRET

    path.unlink()

    refusal_of(keys, "file:harbor")
    path.touch(mode=0o600)
    refusal_of(keys, "file:harbor")


def test_changes_are_told_once_and_only_of_keys_that_were_asked_for(tmp_path: Path) -> None:
    write_private(tmp_path / "harbor", SECRET.encode())
    keys = stored(tmp_path, VARIABLE=SECRET)
    keys.key("file:harbor")
    keys.key("env:VARIABLE")
    refusal_of(keys, "file:summit")
    assert keys.changed() == []

    write_private(tmp_path / "summit", b"sk-new")
    write_private(tmp_path / "other", b"sk-new")

    assert keys.changed() == ["file:summit"]
    assert keys.changed() == []
    # Asked for in between, which must not hide the change.
    write_private(tmp_path / "harbor", b"sk-newer")
    assert keys.key("file:harbor") == "sk-newer"
    assert keys.changed() == ["file:harbor"]
