"""The keys kept in the data directory: today the one that a first start in the dev profile makes.

The composition root enters here before it builds `Principals`. Only digests are written; the key itself is handed back
once, to be shown to the person at the terminal, and is nowhere after that.
"""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atp_grpc.domain.tenant import Permission
from atp_grpc.secrets.contract import SecretsError
from atp_grpc.secrets.credentials import digest, new_key
from atp_grpc.secrets.folder import exclusive, open_folder, read_private, write_private

KEYS = "keys.json"
DEV_TENANT = "dev"
_PEPPER_CONTEXT = b"atp keys file 1"


@dataclass(frozen=True, slots=True)
class StoredKey:
    """What is kept of a key."""

    id: str
    tenant: str
    digest: str
    permissions: tuple[str, ...]


def ensure_dev_key(data_dir: Path, pepper: bytes) -> str | None:
    """Makes the dev key (tenant `dev`, every permission) unless the data directory has keys under this pepper.

    Returns:
        The whole key if it was just made, else None.

    Raises:
        SecretsError: the file is damaged, open to others, or cannot be written.
    """
    open_folder(data_dir)
    with exclusive(data_dir):
        if read_stored_keys(data_dir, pepper):
            return None
        made = new_key("dev")
        kept = {
            "id": made.key_id,
            "tenant": DEV_TENANT,
            "digest": digest(pepper, made.secret),
            "permissions": [permission.value for permission in Permission],
        }
        document = {"pepper": _mark(pepper), "keys": [kept]}
        write_private(data_dir / KEYS, json.dumps(document, indent=2).encode() + b"\n")
    return made.text()


def read_stored_keys(data_dir: Path, pepper: bytes) -> tuple[StoredKey, ...]:
    """The keys of the data directory; none when there is no file, or when it was written under another pepper.

    Raises:
        SecretsError: the file is damaged or open to others.
    """
    path = data_dir / KEYS
    written = read_private(path)
    if written is None:
        return ()
    try:
        document = json.loads(written)
        keys = tuple(_stored_key(entry) for entry in document["keys"])
        is_ours = hmac.compare_digest(document["pepper"], _mark(pepper))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise SecretsError(f"{path}: damaged") from None
    return keys if is_ours else ()


def _stored_key(entry: Any) -> StoredKey:
    texts = [entry["id"], entry["tenant"], entry["digest"], *entry["permissions"]]
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("a part of a key is text")
    return StoredKey(entry["id"], entry["tenant"], entry["digest"], tuple(entry["permissions"]))


def _mark(pepper: bytes) -> str:
    """Tells one pepper from another without saying anything about it."""
    return hmac.digest(pepper, _PEPPER_CONTEXT, "sha256").hex()[:16]
