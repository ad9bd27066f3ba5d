"""From a credential to the principal it stands for.

The door enters here once per call. A credential that was right is remembered by its SHA-256, so a caller who comes back
costs one hash; one that is wrong is never told what was wrong with it. It never keeps a credential.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Protocol

from atp_grpc.domain.errors import CredentialRefusedError
from atp_grpc.domain.tenant import EVERYBODY, Permission, Principal
from atp_grpc.secrets.credentials import digest, parse_key

REMEMBERED = 4096
"""Most credentials remembered; beyond that the one remembered longest ago is forgotten."""
_LONGEST_AUTHORIZATION = 256
_SCHEME = "bearer "
_DIGEST = re.compile(r"[0-9a-f]{64}")
_NOBODYS_DIGEST = "0" * 64


class KeyEntry(Protocol):
    """What is known of an API key."""

    @property
    def id(self) -> str:
        """The key's third part."""
        ...

    @property
    def tenant(self) -> str:
        """Whom the key speaks for."""
        ...

    @property
    def digest(self) -> str:
        """HMAC-SHA256 of the key's secret under the pepper, in hex."""
        ...

    @property
    def permissions(self) -> Sequence[str]:
        """Names of permissions."""
        ...


class KeysError(ValueError):
    """The keys cannot be used; `complaints` holds everything that is wrong with them."""

    def __init__(self, complaints: Sequence[str]) -> None:
        super().__init__("\n".join(complaints))
        self.complaints = tuple(complaints)


class Principals:
    """Knows every API key of this server. A tenant may have as many as it likes."""

    def __init__(self, keys: Iterable[KeyEntry], pepper: bytes, *, remembered: int = REMEMBERED) -> None:
        """Takes the keys as they were when the server started.

        Raises:
            KeysError: an id stands twice, a permission does not exist, a digest is none, a tenant has the name that
                stands for all of them; every complaint at once.
        """
        keys = tuple(keys)
        _check(keys)
        self._pepper = pepper
        self._known = {key.id: (key.digest, _principal(key)) for key in keys}
        self._limit = remembered
        self._remembered: dict[bytes, Principal] = {}

    def identify(self, authorization: str | None) -> Principal:
        """The principal of an `authorization` value, `Bearer atp_...` (the scheme in any case, RFC 9110 11.1).

        Raises:
            CredentialRefusedError: there is none, or it is not one of ours.
        """
        if authorization is None or len(authorization) > _LONGEST_AUTHORIZATION:
            raise CredentialRefusedError
        mark = hashlib.sha256(authorization.encode("utf-8", "surrogatepass")).digest()
        principal = self._remembered.get(mark)
        if principal is None:
            principal = self._prove(authorization)
            self._remember(mark, principal)
        return principal

    def _prove(self, authorization: str) -> Principal:
        scheme, text = authorization[: len(_SCHEME)], authorization[len(_SCHEME) :]
        credential = parse_key(text.strip(" "))
        if scheme.lower() != _SCHEME or credential is None:
            raise CredentialRefusedError
        # An unknown id takes the same way as a wrong secret, so that time does not tell which ids exist.
        kept, principal = self._known.get(credential.key_id, (_NOBODYS_DIGEST, None))
        is_right = hmac.compare_digest(digest(self._pepper, credential.secret), kept)
        if principal is None or not is_right:
            raise CredentialRefusedError
        return principal

    def _remember(self, mark: bytes, principal: Principal) -> None:
        if len(self._remembered) >= self._limit:
            del self._remembered[next(iter(self._remembered))]
        self._remembered[mark] = principal


def _check(keys: Sequence[KeyEntry]) -> None:
    complaints = []
    for key_id, count in Counter(key.id for key in keys).items():
        if count > 1:
            complaints.append(f"{count} keys have the id {key_id!r}")
    known = frozenset(Permission)
    for key in keys:
        unknown = [name for name in key.permissions if name not in known]
        complaints += [f"key {key.id!r}: there is no permission {name!r}" for name in unknown]
        if not key.tenant:
            complaints.append(f"key {key.id!r}: the tenant is empty")
        if key.tenant == EVERYBODY:
            complaints.append(f"key {key.id!r}: the tenant {EVERYBODY!r} stands for every tenant")
        if not _DIGEST.fullmatch(key.digest):
            complaints.append(f"key {key.id!r}: the digest is not 64 hex digits")
    if complaints:
        raise KeysError(complaints)


def _principal(key: KeyEntry) -> Principal:
    return Principal(key.tenant, key.id, frozenset(map(Permission, key.permissions)))
