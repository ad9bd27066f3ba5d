"""Who may call this process: keys of the settings, keys of the data directory, and the dev profile's first key.

The door enters here at start. A process that nobody could ever call does not start.
"""

from __future__ import annotations

from pathlib import Path

from atp_grpc.config import Settings
from atp_grpc.secrets.files import Secrets
from atp_grpc.tenancy.keys import ensure_dev_key, read_stored_keys
from atp_grpc.tenancy.principals import KeyEntry, Principals


class CredentialsMissingError(RuntimeError):
    """No key is known and none is made outside the dev profile."""


def open_principals(settings: Settings, secrets: Secrets) -> tuple[Principals, str | None]:
    """The principals, and the dev key if this start made one.

    Raises:
        CredentialsMissingError: nobody could call. KeysError, SecretsError: the keys cannot be used.
    """
    data_dir, new_key = Path(settings.data_dir), None
    if settings.profile == "dev" and not settings.auth.keys:
        new_key = ensure_dev_key(data_dir, secrets.pepper)
    keys: list[KeyEntry] = [*settings.auth.keys, *read_stored_keys(data_dir, secrets.pepper)]
    if not keys:
        raise CredentialsMissingError(
            "nobody could call this server: add a key to the settings ([[auth.keys]], made by `atp key new`)"
        )
    return Principals(keys, secrets.pepper), new_key
