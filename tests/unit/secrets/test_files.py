"""Secrets on disk: made once, kept private, rotated without losing what was sealed."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.secrets import files
from atp_grpc.secrets.contract import SealError, SecretsError
from atp_grpc.secrets.files import PEPPER, SEALING_KEYS, Secrets, open_secrets
from atp_grpc.secrets.folder import write_private


def test_a_first_start_makes_private_files_in_a_private_folder(tmp_path: Path) -> None:
    open_secrets(tmp_path / "atp")

    assert stat.S_IMODE((tmp_path / "atp").stat().st_mode) == 0o700
    for name in (PEPPER, SEALING_KEYS):
        assert stat.S_IMODE((tmp_path / "atp" / name).stat().st_mode) == 0o600


def test_a_restart_finds_the_same_secrets(tmp_path: Path) -> None:
    before = open_secrets(tmp_path)
    sealed, signature = before.seal(b"a decision", b"acme"), before.sign(b"page 2")
    after = open_secrets(tmp_path)

    assert after.pepper == before.pepper
    assert after.open(sealed, b"acme") == b"a decision"
    assert after.verify(b"page 2", signature)


def test_two_data_directories_share_nothing(tmp_path: Path) -> None:
    one, other = open_secrets(tmp_path / "one"), open_secrets(tmp_path / "other")

    assert one.pepper != other.pepper
    assert not other.verify(b"page 2", one.sign(b"page 2"))
    with pytest.raises(SealError):
        other.open(one.seal(b"a decision", b"acme"), b"acme")


def test_rotation_seals_with_a_new_key_and_opens_with_every_old_one(tmp_path: Path) -> None:
    secrets = open_secrets(tmp_path)
    sealed = [secrets.seal(b"0", b"acme")]
    signature = secrets.sign(b"page 2")
    for turn in (b"1", b"2"):
        key_id = secrets.rotate_sealing_key()
        sealed.append(secrets.seal(turn, b"acme"))
        assert sealed[-1][1:5].hex() == key_id

    assert len({entry[:5] for entry in sealed}) == 3
    for holder in (secrets, open_secrets(tmp_path)):
        assert [holder.open(entry, b"acme") for entry in sealed] == [b"0", b"1", b"2"]
        assert holder.seal(b"", b"acme")[:5] == sealed[-1][:5]
        assert holder.verify(b"page 2", signature)


def test_rotation_keeps_keys_that_another_process_added(tmp_path: Path) -> None:
    one, other = open_secrets(tmp_path), open_secrets(tmp_path)
    one.rotate_sealing_key()
    sealed = one.seal(b"a decision", b"acme")

    other.rotate_sealing_key()

    assert other.open(sealed, b"acme") == b"a decision"
    assert open_secrets(tmp_path).open(sealed, b"acme") == b"a decision"


def test_a_rotation_that_cannot_be_written_keeps_the_current_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = open_secrets(tmp_path)
    before = secrets.seal(b"", b"acme")[:5]

    def fail(*_: object) -> None:
        raise SecretsError("the disk is full")

    monkeypatch.setattr(files, "write_private", fail)
    with pytest.raises(SecretsError, match="the disk is full"):
        secrets.rotate_sealing_key()

    assert secrets.seal(b"", b"acme")[:5] == before


def test_rotation_refuses_when_the_file_is_gone(tmp_path: Path) -> None:
    secrets = open_secrets(tmp_path)
    (tmp_path / SEALING_KEYS).unlink()

    with pytest.raises(SecretsError, match="gone since the start"):
        secrets.rotate_sealing_key()


@pytest.fixture(scope="module")
def signing(tmp_path_factory: pytest.TempPathFactory) -> Secrets:
    return open_secrets(tmp_path_factory.mktemp("signing"))


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_a_signature_holds_for_its_data_only(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, other: bytes
) -> None:
    secrets = open_secrets(tmp_path_factory.getbasetemp() / "signing")
    signature = secrets.sign(data)

    assert len(signature) == 32
    assert secrets.verify(data, signature)
    assert secrets.verify(other, signature) is (data == other)
    assert not secrets.verify(data, signature[:-1])


def test_a_lost_pepper_is_not_replaced_silently(tmp_path: Path) -> None:
    open_secrets(tmp_path)
    (tmp_path / PEPPER).unlink()

    with pytest.raises(SecretsError, match=r"pepper: missing, while sealing_keys\.json is there"):
        open_secrets(tmp_path)


def test_a_start_that_died_after_the_pepper_is_finished_by_the_next(tmp_path: Path) -> None:
    pepper = open_secrets(tmp_path).pepper
    (tmp_path / SEALING_KEYS).unlink()

    assert open_secrets(tmp_path).pepper == pepper


@pytest.mark.parametrize("name", [PEPPER, SEALING_KEYS])
def test_a_secret_that_others_may_read_is_refused(tmp_path: Path, name: str) -> None:
    open_secrets(tmp_path)
    (tmp_path / name).chmod(0o644)

    with pytest.raises(SecretsError, match="others may use this secret"):
        open_secrets(tmp_path)


@pytest.mark.parametrize("content", [b"", b"ff", b"zz" * 32, b"\xff" * 64, b"00" * 33])
def test_a_damaged_pepper_is_refused_and_not_quoted(tmp_path: Path, content: bytes) -> None:
    open_secrets(tmp_path)
    write_private(tmp_path / PEPPER, content)

    with pytest.raises(SecretsError) as refused:
        open_secrets(tmp_path)
    assert str(refused.value) == f"{tmp_path / PEPPER}: must hold 32 bytes in hex"


CURRENT = "key ids must be distinct, and one of them current"
KEY = {"id": "00000001", "key": "11" * 32}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "damaged"),
        (b"\xff", "damaged"),
        (b"[]", "damaged"),
        (b"[" * 100_000, "damaged"),
        (json.dumps({"current": "00000001"}).encode(), "damaged"),
        (json.dumps({"current": "00000001", "keys": [7]}).encode(), "damaged"),
        (json.dumps({"current": 1, "keys": [KEY]}).encode(), "damaged"),
        (json.dumps({"current": "00000001", "keys": [{"id": "01", "key": "11" * 32}]}).encode(), "damaged"),
        (json.dumps({"current": "00000001", "keys": [{"id": "00000001", "key": "11" * 31}]}).encode(), "damaged"),
        (json.dumps({"current": "00000001", "keys": [{"id": "00000001", "key": 7}]}).encode(), "damaged"),
        (
            json.dumps({"current": "00000002", "keys": [KEY]}).encode(),
            CURRENT,
        ),
        (
            json.dumps({"current": "00000001", "keys": [KEY, KEY]}).encode(),
            CURRENT,
        ),
    ],
)
def test_damaged_sealing_keys_are_refused_and_not_quoted(tmp_path: Path, content: bytes, complaint: str) -> None:
    open_secrets(tmp_path)
    write_private(tmp_path / SEALING_KEYS, content)

    with pytest.raises(SecretsError) as refused:
        open_secrets(tmp_path)
    assert str(refused.value) == f"{tmp_path / SEALING_KEYS}: {complaint}"


def test_nothing_secret_shows_in_repr(tmp_path: Path) -> None:
    secrets = open_secrets(tmp_path)

    assert secrets.pepper.hex() not in repr(secrets)
    assert repr(secrets.pepper) not in repr(vars(secrets).get("_ring"))
