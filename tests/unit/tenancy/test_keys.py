"""The dev key: made once, shown once, kept as a digest."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from atp_grpc.domain.tenant import Permission
from atp_grpc.secrets.contract import SecretsError
from atp_grpc.secrets.folder import write_private
from atp_grpc.tenancy.keys import KEYS, ensure_dev_key, read_stored_keys
from atp_grpc.tenancy.principals import Principals

PEPPER, OTHER_PEPPER = b"p" * 32, b"q" * 32


def test_the_first_start_makes_a_key_that_may_do_everything(tmp_path: Path) -> None:
    key = ensure_dev_key(tmp_path, PEPPER)

    principal = Principals(read_stored_keys(tmp_path, PEPPER), PEPPER).identify(f"Bearer {key}")
    assert (principal.tenant, principal.permissions) == ("dev", frozenset(Permission))


def test_the_key_is_handed_back_once(tmp_path: Path) -> None:
    key = ensure_dev_key(tmp_path, PEPPER)

    assert key is not None
    assert key.startswith("atp_dev_")
    assert ensure_dev_key(tmp_path, PEPPER) is None


def test_only_a_digest_is_kept_in_a_private_file(tmp_path: Path) -> None:
    key = ensure_dev_key(tmp_path / "atp", PEPPER)

    assert key is not None
    path = tmp_path / "atp" / KEYS
    assert key.rpartition("_")[2] not in path.read_text()
    assert PEPPER.hex() not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_no_file_means_no_keys(tmp_path: Path) -> None:
    assert read_stored_keys(tmp_path, PEPPER) == ()


def test_keys_under_a_lost_pepper_are_worthless_and_make_way_for_a_new_one(tmp_path: Path) -> None:
    ensure_dev_key(tmp_path, PEPPER)

    assert read_stored_keys(tmp_path, OTHER_PEPPER) == ()
    key = ensure_dev_key(tmp_path, OTHER_PEPPER)
    principals = Principals(read_stored_keys(tmp_path, OTHER_PEPPER), OTHER_PEPPER)
    assert principals.identify(f"Bearer {key}").tenant == "dev"


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    ensure_dev_key(tmp_path, PEPPER)
    (tmp_path / KEYS).chmod(0o644)

    with pytest.raises(SecretsError, match="others may use this secret"):
        ensure_dev_key(tmp_path, PEPPER)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b"[" * 100_000,
        json.dumps({"pepper": "", "keys": [7]}).encode(),
        json.dumps({"pepper": 7, "keys": []}).encode(),
        json.dumps({"pepper": "\u00e9", "keys": []}).encode(),
        json.dumps({"pepper": "", "keys": [{"id": "a", "tenant": "b", "digest": "c"}]}).encode(),
        json.dumps({"pepper": "", "keys": [{"id": 1, "tenant": "b", "digest": "c", "permissions": []}]}).encode(),
    ],
)
def test_a_damaged_file_is_refused_and_not_replaced(tmp_path: Path, content: bytes) -> None:
    write_private(tmp_path / KEYS, content)

    with pytest.raises(SecretsError) as refused:
        ensure_dev_key(tmp_path, PEPPER)
    assert str(refused.value) == f"{tmp_path / KEYS}: damaged"
    assert (tmp_path / KEYS).read_bytes() == content
