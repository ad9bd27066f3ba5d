"""Secrets kept in the data directory: the sealing keys, and the pepper that digests and signatures hang on.

The composition root opens them once at start; a first start makes them. Without the pepper every API key is worthless,
so it is never made anew where secrets were before.
"""

from __future__ import annotations

import hmac
import json
import os
from pathlib import Path
from typing import Any

from atp_grpc.secrets.contract import SecretsError
from atp_grpc.secrets.folder import exclusive, open_folder, read_private, write_private
from atp_grpc.secrets.nonces import Nonces
from atp_grpc.secrets.sealing import KEY_BYTES, KEY_ID_BYTES, SealingKey, SealingRing, new_sealing_key

SEALING_KEYS = "sealing_keys.json"
PEPPER = "pepper"
PEPPER_BYTES = 32
_SIGNING_CONTEXT = b"atp page tokens 1"


def open_secrets(data_dir: Path) -> Secrets:
    """The secrets of a data directory; made (folder 0700, files 0600) where there are none.

    Raises:
        SecretsError: a file is damaged, missing beside its sibling, or open to others.
    """
    open_folder(data_dir)
    with exclusive(data_dir):
        pepper = _pepper(data_dir)
        keys, current = _sealing_keys(data_dir) or _first_sealing_key(data_dir)
    return Secrets(data_dir, pepper, keys, current)


class Secrets:
    """Keeps the promises of `Sealer` and `Signer`. Made by `open_secrets`."""

    def __init__(self, data_dir: Path, pepper: bytes, keys: tuple[SealingKey, ...], current: bytes) -> None:
        self._data_dir = data_dir
        self._pepper = pepper
        self._nonces = Nonces()
        self._ring = SealingRing(keys, current, self._nonces)
        # Derived, so that a signature says nothing about the digests that hang on the pepper itself.
        self._signing_key = hmac.digest(pepper, _SIGNING_CONTEXT, "sha256")

    @property
    def pepper(self) -> bytes:
        """The key under which the secrets of API keys are digested."""
        return self._pepper

    def seal(self, plaintext: bytes, associated: bytes) -> bytes:
        """As the contract says, under the current key."""
        return self._ring.seal(plaintext, associated)

    def open(self, sealed: bytes, associated: bytes) -> bytes:
        """As the contract says, under whichever key it was sealed with."""
        return self._ring.open(sealed, associated)

    def sign(self, data: bytes) -> bytes:
        """As the contract says. Survives restarts and rotations."""
        return hmac.digest(self._signing_key, data, "sha256")

    def verify(self, data: bytes, signature: bytes) -> bool:
        """As the contract says."""
        return hmac.compare_digest(self.sign(data), signature)

    def rotate_sealing_key(self) -> str:
        """Adds a key, makes it the one that seals, and returns its id in hex. What older keys sealed still opens.

        The file is written before the key is used. Another process that has these secrets open learns of the key when
        it opens them again.

        Raises:
            SecretsError: the file cannot be read or written; the current key stays.
        """
        with exclusive(self._data_dir):
            keys, _ = _sealing_keys(self._data_dir) or _lost(self._data_dir)
            added = new_sealing_key([key.id for key in keys])
            keys = (*keys, added)
            _write_sealing_keys(self._data_dir, keys, added.id)
        self._ring = SealingRing(keys, added.id, self._nonces)
        return added.id.hex()


def _pepper(data_dir: Path) -> bytes:
    path = data_dir / PEPPER
    written = read_private(path)
    if written is None:
        if (data_dir / SEALING_KEYS).exists():
            raise SecretsError(f"{path}: missing, while {SEALING_KEYS} is there; bring it back, or remove both")
        pepper = os.urandom(PEPPER_BYTES)
        write_private(path, pepper.hex().encode() + b"\n")
        return pepper
    pepper = _unhex(written.decode("ascii", "replace").strip(), PEPPER_BYTES)
    if not pepper:
        raise SecretsError(f"{path}: must hold {PEPPER_BYTES} bytes in hex")
    return pepper


def _sealing_keys(data_dir: Path) -> tuple[tuple[SealingKey, ...], bytes] | None:
    """The keys on disk and the id of the current one; None when there is no file."""
    path = data_dir / SEALING_KEYS
    written = read_private(path)
    if written is None:
        return None
    try:
        document = json.loads(written)
        keys = tuple(_sealing_key(entry) for entry in document["keys"])
        current = bytes.fromhex(document["current"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise SecretsError(f"{path}: damaged") from None
    ids = [key.id for key in keys]
    if len(set(ids)) != len(ids) or current not in ids:
        raise SecretsError(f"{path}: key ids must be distinct, and one of them current")
    return keys, current


def _sealing_key(entry: Any) -> SealingKey:
    key_id, key = _unhex(entry["id"], KEY_ID_BYTES), _unhex(entry["key"], KEY_BYTES)
    if not key_id or not key:
        raise ValueError("not a sealing key")
    return SealingKey(key_id, key)


def _first_sealing_key(data_dir: Path) -> tuple[tuple[SealingKey, ...], bytes]:
    first = new_sealing_key([])
    _write_sealing_keys(data_dir, (first,), first.id)
    return (first,), first.id


def _write_sealing_keys(data_dir: Path, keys: tuple[SealingKey, ...], current: bytes) -> None:
    entries = [{"id": key.id.hex(), "key": key.key.hex()} for key in keys]
    document = {"current": current.hex(), "keys": entries}
    write_private(data_dir / SEALING_KEYS, json.dumps(document, indent=2).encode() + b"\n")


def _lost(data_dir: Path) -> tuple[tuple[SealingKey, ...], bytes]:
    raise SecretsError(f"{data_dir / SEALING_KEYS}: gone since the start")


def _unhex(text: str, size: int) -> bytes:
    """The bytes in hex digits, or none when they are not that many."""
    try:
        data = bytes.fromhex(text)
    except ValueError:
        return b""
    return data if len(data) == size else b""
